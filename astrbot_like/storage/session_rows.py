"""SQL of sessions and conversations, run within the transactions of ``SessionStore`` and ``HistoryStore``."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, delete, func, insert, select, update

from astrbot_like.domain.errors import NotFound
from astrbot_like.domain.history import Conversation, Session
from astrbot_like.domain.profiles import DEFAULT_PROFILE
from astrbot_like.storage.rows import conversation_of, iso, now_ms, session_of
from astrbot_like.storage.tables import conversations, messages, sessions

TITLE_LENGTH = 60
"""Characters of a session's first message that name it until somebody renames it."""


class NewSession(msgspec.Struct, frozen=True):
    """A session about to be made, with its first conversation."""

    session_id: str
    platform_id: str
    creator: str
    is_group: bool
    umo: str
    conversation_id: str


def title_of(role: str, text: str) -> str:
    """What a session is called after its first message; only a user's message names it."""
    return " ".join(text.split())[:TITLE_LENGTH] if role == "user" else ""


def change_conversation(connection: Connection, conversation_id: str, values: dict[str, Any]) -> Conversation:
    """Set columns of a conversation and return it."""
    connection.execute(
        update(conversations)
        .where(conversations.c.conversation_id == conversation_id)
        .values(updated_ms=now_ms(), **values)
    )
    found = one_conversation(connection, conversation_id)
    if found is None:
        raise NotFound("There is no such conversation.")
    return found


def last_message_id(connection: Connection, conversation_id: str) -> int:
    """The greatest message id of a conversation, 0 without any."""
    query = select(func.max(messages.c.id)).where(messages.c.conversation_id == conversation_id)
    return int(connection.execute(query).scalar() or 0)


def one_session(connection: Connection, condition: Any) -> Session | None:
    """The session that fits, or None."""
    row = connection.execute(select(sessions).where(condition)).first()
    return None if row is None else session_of(row)


def one_conversation(connection: Connection, conversation_id: str) -> Conversation | None:
    """The conversation, or None."""
    query = select(conversations).where(conversations.c.conversation_id == conversation_id)
    row = connection.execute(query).first()
    return None if row is None else conversation_of(row)


def open_session(connection: Connection, wanted: NewSession) -> Session:
    """The session as it is now: another caller may have made it, by its id or its origin, a moment ago."""
    condition = (sessions.c.session_id == wanted.session_id) | (sessions.c.umo == wanted.umo)
    found = one_session(connection, condition)
    if found is not None:
        return found
    now = now_ms()
    connection.execute(
        insert(sessions).values(
            session_id=wanted.session_id,
            platform_id=wanted.platform_id,
            creator=wanted.creator,
            display_name="",
            is_group=wanted.is_group,
            conversation_id=wanted.conversation_id,
            profile_id=DEFAULT_PROFILE,
            umo=wanted.umo,
            created_ms=now,
            updated_ms=now,
        )
    )
    insert_conversation(connection, wanted.conversation_id, wanted.session_id, wanted.umo, "", None)
    return Session(
        session_id=wanted.session_id,
        platform_id=wanted.platform_id,
        creator=wanted.creator,
        display_name="",
        is_group=wanted.is_group,
        conversation_id=wanted.conversation_id,
        profile_id=DEFAULT_PROFILE,
        umo=wanted.umo,
        created_at=iso(now),
        updated_at=iso(now),
    )


def insert_conversation(
    connection: Connection, conversation_id: str, session_id: str, umo: str, title: str, persona_id: str | None
) -> None:
    """Store a new conversation."""
    now = now_ms()
    connection.execute(
        insert(conversations).values(
            conversation_id=conversation_id,
            session_id=session_id,
            umo=umo,
            title=title,
            persona_id=persona_id,
            summary="",
            context_after=0,
            token_usage=0,
            created_ms=now,
            updated_ms=now,
        )
    )


def select_conversation(connection: Connection, session_id: str, conversation_id: str) -> tuple[Session, Conversation]:
    """Make a conversation its session\'s current one and return both."""
    connection.execute(
        update(sessions).where(sessions.c.session_id == session_id).values(conversation_id=conversation_id)
    )
    session = one_session(connection, sessions.c.session_id == session_id)
    conversation = one_conversation(connection, conversation_id)
    if session is None or conversation is None:
        raise NotFound("There is no such conversation.")
    return session, conversation


def delete_sessions(connection: Connection, session_ids: list[str]) -> list[str]:
    """Delete sessions with all that is theirs; returns the ids of their conversations."""
    mine = conversations.c.session_id.in_(session_ids)
    gone = list(connection.execute(select(conversations.c.conversation_id).where(mine)).scalars())
    connection.execute(delete(sessions).where(sessions.c.session_id.in_(session_ids)))
    return gone

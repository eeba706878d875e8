"""A real store in a temporary directory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from astrbot_like.domain.history import NewMessage, Session
from astrbot_like.domain.messages import PlainPart
from astrbot_like.storage.attachments import AttachmentStore
from astrbot_like.storage.database import Database
from astrbot_like.storage.history import HistoryStore
from astrbot_like.storage.sessions import SessionStore
from astrbot_like.storage.settings import StorageSettings


class Stores(msgspec.Struct):
    """The repositories of one data directory."""

    directory: Path
    database: Database
    sessions: SessionStore
    history: HistoryStore
    attachments: AttachmentStore


@asynccontextmanager
async def open_stores(directory: Path, settings: StorageSettings | None = None) -> AsyncIterator[Stores]:
    """Open the repositories; closed at the end."""
    settings = settings or StorageSettings()
    database = await Database.open(directory)
    sessions = SessionStore(database, cache=settings.session_cache)
    history = HistoryStore(database, sessions, settings)
    attachments = AttachmentStore(database, directory / "attachments", settings)
    try:
        yield Stores(directory, database, sessions, history, attachments)
    finally:
        await history.aclose()
        await database.aclose()


def user_message(session: Session, text: str, turn_id: str = "turn") -> NewMessage:
    """What a user said in a session's current conversation."""
    return NewMessage(
        session_id=session.session_id,
        conversation_id=session.conversation_id,
        turn_id=turn_id,
        role="user",
        parts=(PlainPart(text),),
        context=({"role": "user", "content": text},),
        text=text,
    )

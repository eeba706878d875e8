"""Sessions and conversations: browsed, read, searched, renamed, exported, deleted; and changed by plugins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec

from astrbot_like.domain.errors import BadRequest, NotFound, SessionError
from astrbot_like.domain.history import Conversation, Session, StoredMessage
from astrbot_like.domain.origins import parse_origin, webchat_names
from astrbot_like.operations.exports import json_export, markdown_export
from astrbot_like.storage.attachments import AttachmentStore
from astrbot_like.storage.history import HistoryStore
from astrbot_like.storage.search import MessageSearch, SearchPage
from astrbot_like.storage.session_lists import SessionPage
from astrbot_like.storage.sessions import SessionStore

NAME_LENGTH = 200
DELETE_AT_ONCE = 1000
"""Sessions that one request may delete."""
PAGE = 1000


class Opened(msgspec.Struct, frozen=True):
    """A session with its newest messages, oldest first. ``more``: there are older ones."""

    session: Session
    messages: tuple[StoredMessage, ...]
    more: bool


class Export(msgspec.Struct, frozen=True):
    """A session as a file."""

    filename: str
    mime_type: str
    content: bytes


class Conversations:
    """Everything about stored conversations that is not a turn."""

    def __init__(
        self, sessions: SessionStore, history: HistoryStore, attachments: AttachmentStore, search: MessageSearch
    ) -> None:
        self._sessions = sessions
        self._history = history
        self._attachments = attachments
        self._search = search

    # --- for people -----------------------------------------------------------------------------------

    async def list(
        self,
        *,
        creator: str | None = None,
        platform_id: str | None = None,
        profile_id: str | None = None,
        search: str = "",
        cursor: str | None = None,
        page: int = 1,
        page_size: int = 20,
        count: bool = True,
    ) -> SessionPage:
        """Sessions, last used first; by ``cursor`` or by number of the page."""
        return await self._sessions.list(
            creator=creator,
            platform_id=platform_id,
            profile_id=profile_id,
            search=search,
            cursor=cursor,
            offset=0 if cursor else (page - 1) * page_size,
            limit=page_size,
            count=count,
        )

    async def get(self, session_id: str, *, username: str | None = None) -> Session:
        """A session.

        Args:
            username: Who asks; None: an administrator.

        Raises:
            NotFound: There is none of that id.
            SessionError: It belongs to another user.
        """
        found = await self._sessions.get(session_id)
        if found is None:
            raise NotFound("There is no such session.")
        if username is not None and found.creator != username:
            raise SessionError
        return found

    async def open(
        self, session_id: str, *, username: str | None = None, before: int | None = None, limit: int = 50
    ) -> Opened:
        """A session and its newest messages, or those before a history id.

        Raises:
            NotFound: There is none of that id.
            SessionError: It belongs to another user.
        """
        session = await self.get(session_id, username=username)
        rows = await self._history.before(session_id, before, limit=limit + 1)
        return Opened(session, tuple(rows[-limit:]), len(rows) > limit)

    async def search(
        self, text: str, *, creator: str | None = None, before: int | None = None, limit: int = 20
    ) -> SearchPage:
        """Messages that hold ``text``, newest first."""
        return await self._search.find(text, creator=creator, before=before, limit=limit)

    async def rename(self, session_id: str, name: str, *, username: str | None = None) -> Session:
        """Name a session.

        Raises:
            BadRequest: The name does not fit.
            NotFound, SessionError: As ``get``.
        """
        await self.get(session_id, username=username)
        name = " ".join(name.split())
        if not name or len(name) > NAME_LENGTH:
            raise BadRequest(f"A name has 1 to {NAME_LENGTH} characters.")
        return await self._sessions.rename(session_id, name)

    async def delete(self, session_ids: Iterable[str], *, username: str | None = None) -> list[str]:
        """Delete sessions, their messages, and attachments that no other session names.

        Returns:
            The ids that were deleted; unknown ones are left out.

        Raises:
            SessionError: One belongs to another user; then none is deleted.
            BadRequest: Too many at once.
        """
        ids = list(dict.fromkeys(session_ids))
        if len(ids) > DELETE_AT_ONCE:
            raise BadRequest(f"At most {DELETE_AT_ONCE} sessions can be deleted at once.")
        found: list[str] = []
        for session_id in ids:
            session = await self._sessions.get(session_id)
            if session is None:
                continue
            if username is not None and session.creator != username:
                raise SessionError
            found.append(session_id)
        files = await self._attachments.only_in_sessions(found)
        for conversation_id in await self._sessions.delete(found):
            self._history.forget(conversation_id)
        await self._attachments.delete(files)
        return found

    async def export(
        self, session_id: str, format: Literal["json", "markdown"], *, username: str | None = None
    ) -> Export:
        """A whole session as a file.

        Raises:
            NotFound, SessionError: As ``get``.
        """
        session = await self.get(session_id, username=username)
        rows: list[StoredMessage] = []
        while page := await self._history.after(session_id, rows[-1].id if rows else 0, limit=PAGE):
            rows += page
        if format == "json":
            return Export(f"{_file_name(session)}.json", "application/json", json_export(session, rows))
        return Export(f"{_file_name(session)}.md", "text/markdown; charset=utf-8", markdown_export(session, rows))

    # --- for plugins and commands ---------------------------------------------------------------------

    async def current_id(self, umo: str) -> str | None:
        """The current conversation of an origin."""
        session = await self._sessions.by_umo(umo)
        return None if session is None else session.conversation_id

    async def conversation(self, umo: str, conversation_id: str) -> Conversation | None:
        """A conversation of that origin, or None."""
        found = await self._sessions.conversation(conversation_id)
        return found if found is not None and found.umo == umo else None

    async def context(self, conversation_id: str) -> list[dict[str, Any]]:
        """What the model sees, as OpenAI chat messages."""
        return [message for row in await self._history.context(conversation_id) for message in row.context]

    async def new(
        self,
        umo: str,
        *,
        title: str = "",
        persona_id: str | None = None,
        content: Sequence[dict[str, Any]] | None = None,
    ) -> Conversation:
        """Begin a conversation and make it the current one; an unknown origin gets a session.

        Raises:
            BadRequest: ``umo`` is no origin.
        """
        session = await self._sessions.by_umo(umo)
        if session is None:
            session = await self._begin(umo)
            # A session begins with a conversation: that is the new one.
            values = {"title": title, "persona_id": persona_id}
            made = await self._sessions.change_conversation(session.conversation_id, **values)
        else:
            made = await self._sessions.new_conversation(session.session_id, title=title, persona_id=persona_id)
        if content:
            await self._history.replace_context(made.conversation_id, content)
        return made

    async def switch(self, umo: str, conversation_id: str) -> Conversation:
        """Make a conversation of that origin the current one.

        Raises:
            NotFound: There is none.
        """
        return await self._sessions.switch_conversation((await self._of(umo)).session_id, conversation_id)

    async def reset(self, umo: str, conversation_id: str | None = None) -> None:
        """Let the model forget a conversation (None: the current one).

        Raises:
            NotFound: There is none.
        """
        await self._history.reset((await self._named(umo, conversation_id)).conversation_id)

    async def delete_conversation(self, umo: str, conversation_id: str | None = None) -> None:
        """Delete a conversation (None: the current one) with its messages and attachments.

        Raises:
            NotFound: There is none.
        """
        found = (await self._named(umo, conversation_id)).conversation_id
        files = await self._attachments.only_in_conversation(found)
        await self._sessions.delete_conversation(found)
        self._history.forget(found)
        await self._attachments.delete(files)

    async def update(
        self,
        umo: str,
        conversation_id: str | None = None,
        *,
        history: Sequence[dict[str, Any]] | None = None,
        title: str | None = None,
        persona_id: str | None = None,
        token_usage: int | None = None,
    ) -> Conversation:
        """Change what is not None; ``history`` takes the place of all that the model has seen.

        Raises:
            NotFound: There is no such conversation.
        """
        found = await self._named(umo, conversation_id)
        values = {"title": title, "persona_id": persona_id, "token_usage": token_usage}
        changes = {name: value for name, value in values.items() if value is not None}
        if changes:
            found = await self._sessions.change_conversation(found.conversation_id, **changes)
        if history is not None:
            await self._history.replace_context(found.conversation_id, history)
        return found

    async def _begin(self, umo: str) -> Session:
        origin = parse_origin(umo)
        if (names := webchat_names(origin)) is not None:
            # The session must be found by its user later.
            username, session_id = names
            return await self._sessions.open(session_id, username=username, umo=umo)
        group = origin.message_type == "GroupMessage"
        return await self._sessions.open(
            umo, username=origin.session, platform_id=origin.platform_id, umo=umo, is_group=group
        )

    async def _of(self, umo: str) -> Session:
        session = await self._sessions.by_umo(umo)
        if session is None:
            raise NotFound("There is no session of this origin.")
        return session

    async def _named(self, umo: str, conversation_id: str | None) -> Conversation:
        session = await self._of(umo)
        found = await self._sessions.conversation(conversation_id or session.conversation_id)
        if found is None or found.session_id != session.session_id:
            raise NotFound("There is no such conversation in this session.")
        return found


def _file_name(session: Session) -> str:
    name = "".join(char if char.isalnum() or char in " -_" else "-" for char in session.display_name).strip(" -")
    return name[:60] or session.session_id[:12]

"""Conversations, for plugins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from astrbot_like.api.conversations import Conversation as PluginConversation
from astrbot_like.domain.errors import NotFound
from astrbot_like.domain.history import Conversation, Session
from astrbot_like.engine.history import as_plugins_see, model_context
from astrbot_like.operations.conversations import Conversations as Operations
from astrbot_like.storage.history import HistoryStore
from astrbot_like.storage.sessions import SessionStore


class Conversations:
    """Implements ``ConversationService``."""

    def __init__(self, sessions: SessionStore, history: HistoryStore, operations: Operations) -> None:
        self._sessions = sessions
        self._history = history
        self._operations = operations

    async def create(
        self,
        umo: str,
        *,
        platform_id: str | None = None,
        content: list[dict[str, Any]] | None = None,
        title: str | None = None,
        persona_id: str | None = None,
    ) -> str:
        """Make a conversation the current one; returns its id."""
        made = await self._operations.new(umo, title=title or "", persona_id=persona_id, content=content)
        return made.conversation_id

    async def switch(self, umo: str, conversation_id: str) -> None:
        """Make another conversation the current one."""
        await self._operations.switch(umo, conversation_id)

    async def delete(self, umo: str, conversation_id: str) -> None:
        """Delete a conversation of that origin with its files; others stay.

        After the current one a new one begins: whoever deletes what was said does not want an older talk to go on.
        """
        found = await self._of(umo, conversation_id)
        if found is None:
            return
        was_current = await self.current_id(umo) == conversation_id
        others = len(await self._sessions.conversations(found.session_id)) > 1
        await self._operations.delete_conversation(umo, conversation_id)
        if was_current and others:
            await self._operations.new(umo)

    async def current_id(self, umo: str) -> str | None:
        """Id of the current conversation."""
        session = await self._sessions.by_umo(umo)
        return session.conversation_id if session is not None else None

    async def get(self, umo: str, conversation_id: str) -> PluginConversation | None:
        """A conversation with its history."""
        found = await self._of(umo, conversation_id)
        if found is None:
            return None
        rows = await self._history.context(conversation_id)
        return as_plugins_see(found, model_context(rows, found))

    async def list(self, umo: str | None = None, platform_id: str | None = None) -> Sequence[PluginConversation]:
        """Conversations, latest first, without history."""
        sessions: Sequence[Session]
        if umo is not None:
            found = await self._sessions.by_umo(umo)
            sessions = [found] if found is not None else []
        else:
            sessions = (await self._sessions.list(platform_id=platform_id, limit=1000)).sessions
        listed = [c for s in sessions for c in await self._sessions.conversations(s.session_id)]
        listed.sort(key=lambda conversation: conversation.updated_at, reverse=True)
        return [as_plugins_see(conversation, []) for conversation in listed]

    async def update(
        self,
        umo: str,
        conversation_id: str,
        *,
        history: list[dict[str, Any]] | None = None,
        title: str | None = None,
        persona_id: str | None = None,
        token_usage: int | None = None,
    ) -> None:
        """Change what is not None."""
        if await self._of(umo, conversation_id) is None:
            raise NotFound("There is no such conversation in this session.")
        changes = {"title": title, "persona_id": persona_id, "token_usage": token_usage}
        values = {name: value for name, value in changes.items() if value is not None}
        if values:
            await self._sessions.change_conversation(conversation_id, **values)
        if history is not None:
            await self._history.replace_context(conversation_id, history)

    async def _of(self, umo: str, conversation_id: str) -> Conversation | None:
        found = await self._sessions.conversation(conversation_id)
        return found if found is not None and found.umo == umo else None

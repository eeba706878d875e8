"""Messages of sessions: stored by group commit, read by page, searched by text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, text
from sqlalchemy.exc import IntegrityError

from astrbot_like.domain.errors import NotFound
from astrbot_like.domain.history import Conversation, NewMessage, StoredMessage
from astrbot_like.storage.context_cache import ContextCache
from astrbot_like.storage.database import Database
from astrbot_like.storage.group_commit import GroupCommit
from astrbot_like.storage.rows import attachment_ids, message_of, message_row, now_ms, stored
from astrbot_like.storage.sessions import (
    SessionStore,
    change_conversation,
    last_message_id,
    title_of,
    touch_conversation,
    touch_session,
)
from astrbot_like.storage.settings import StorageSettings
from astrbot_like.storage.tables import conversations, message_attachments, messages

_INSERT = insert(messages)
_INSERT_REFERENCE = insert(message_attachments).prefix_with("OR IGNORE", dialect="sqlite")
_LAST_ID = text("SELECT seq FROM sqlite_sequence WHERE name = 'messages'")


class HistoryStore:
    """The ``History`` port.

    In the steady state a turn makes no query: its session, its conversation and its context are in memory, and what
    it stores shares a transaction with everything that is stored at that moment.
    """

    def __init__(self, database: Database, sessions: SessionStore, settings: StorageSettings) -> None:
        self._database = database
        self._sessions = sessions
        self._cache = ContextCache(settings.context_cache)
        self._last_id: int | None = None
        self._commits: GroupCommit[tuple[NewMessage, int], StoredMessage] = GroupCommit(
            database, self._store, self._committed, limit=settings.write_queue, timeout=settings.write_timeout
        )

    async def append(self, message: NewMessage) -> StoredMessage:
        """Store one message; returns when it is durable.

        Raises:
            NotFound: Its session or conversation does not exist (any more).
            StorageError: It could not be written, or not in time.
        """
        return await self._commits.put((message, now_ms()))

    async def context(self, conversation_id: str, *, limit: int = 2000) -> Sequence[StoredMessage]:
        """Rows that the model sees, oldest first, after the conversation's last compression."""
        rows = self._cache.get(conversation_id, limit)
        if rows is not None:
            return rows
        query = (
            select(messages)
            .join(conversations, conversations.c.conversation_id == messages.c.conversation_id)
            .where(
                messages.c.conversation_id == conversation_id,
                messages.c.id > conversations.c.context_after,
                messages.c.context != "[]",
            )
            .order_by(messages.c.id.desc())
            .limit(limit)
        )
        gathered = self._cache.begin_load(conversation_id)
        read: list[StoredMessage] | None = None
        try:
            read = await self._database.read(lambda c: [message_of(row) for row in c.execute(query)])
            read.reverse()
        finally:
            rows = self._cache.end_load(conversation_id, gathered, read, limit)
        return rows

    async def after(self, session_id: str, history_id: int, *, limit: int = 500) -> Sequence[StoredMessage]:
        """Messages people see with a greater id, oldest first (catch-up)."""
        query = (
            select(messages)
            .where(messages.c.session_id == session_id, messages.c.id > history_id, messages.c.role != "context")
            .order_by(messages.c.id)
            .limit(limit)
        )
        return await self._database.read(lambda c: [message_of(row) for row in c.execute(query)])

    async def before(
        self, session_id: str, history_id: int | None = None, *, limit: int = 50
    ) -> Sequence[StoredMessage]:
        """The newest messages people see with a smaller id (None: of all), oldest first."""
        query = select(messages).where(messages.c.session_id == session_id, messages.c.role != "context")
        if history_id is not None:
            query = query.where(messages.c.id < history_id)
        newest = query.order_by(messages.c.id.desc()).limit(limit)
        rows = await self._database.read(lambda c: [message_of(row) for row in c.execute(newest)])
        rows.reverse()
        return rows

    async def get(self, history_id: int) -> StoredMessage | None:
        """One message, or None."""
        query = select(messages).where(messages.c.id == history_id)

        def work(connection: Connection) -> StoredMessage | None:
            row = connection.execute(query).first()
            return None if row is None else message_of(row)

        return await self._database.read(work)

    async def count(self, session_id: str) -> int:
        """How many messages people see in a session."""
        query = select(func.count()).where(messages.c.session_id == session_id, messages.c.role != "context")
        return await self._database.read(lambda c: int(c.execute(query).scalar() or 0))

    async def conversation(self, conversation_id: str) -> Conversation | None:
        """The conversation, or None."""
        return await self._sessions.conversation(conversation_id)

    # --- changing the context -------------------------------------------------------------------------

    async def compress(self, conversation_id: str, *, summary: str, up_to: int) -> None:
        """Let ``summary`` stand for all context rows with an id up to ``up_to``.

        Raises:
            NotFound: There is no such conversation.
        """
        await self._change(conversation_id, {"summary": summary, "context_after": up_to})

    async def reset(self, conversation_id: str) -> None:
        """Let the model forget the conversation; people still see it.

        Raises:
            NotFound: There is no such conversation.
        """

        def work(connection: Connection) -> Conversation:
            last = last_message_id(connection, conversation_id)
            return change_conversation(connection, conversation_id, {"summary": "", "context_after": last})

        await self._database.write(work)
        self.forget(conversation_id)

    async def replace_context(self, conversation_id: str, context: Sequence[dict[str, Any]]) -> None:
        """Put other OpenAI chat messages in the place of all the model has seen; people still see what was said.

        Raises:
            NotFound: There is no such conversation.
        """

        def work(connection: Connection) -> Conversation:
            last = last_message_id(connection, conversation_id)
            changed = change_conversation(connection, conversation_id, {"summary": "", "context_after": last})
            rows = [
                NewMessage(changed.session_id, conversation_id, "", "context", (), (message,), "")
                for message in context
            ]
            if rows:
                self._store(connection, [(row, now_ms()) for row in rows])
            return changed

        await self._database.write(work)
        self.forget(conversation_id)

    async def drop_turn(self, session_id: str, turn_id: str) -> int:
        """Delete the messages of a turn (edit and resend).

        Returns:
            How many messages went.
        """
        return await self._drop((messages.c.session_id == session_id) & (messages.c.turn_id == turn_id))

    async def drop_from(self, session_id: str, history_id: int) -> int:
        """Delete a session's messages from this id on, for people and for the model (edit and resend, retry).

        Returns:
            How many messages went.
        """
        return await self._drop((messages.c.session_id == session_id) & (messages.c.id >= history_id))

    async def _drop(self, condition: ColumnElement[bool]) -> int:
        def work(connection: Connection) -> tuple[int, list[str]]:
            touched = list(connection.execute(select(messages.c.conversation_id).where(condition).distinct()).scalars())
            return connection.execute(delete(messages).where(condition)).rowcount, touched

        count, touched = await self._database.write(work)
        for conversation_id in touched:
            self._cache.drop(conversation_id)
        return count

    def forget(self, conversation_id: str) -> None:
        """The conversation was deleted or changed elsewhere."""
        self._cache.drop(conversation_id)
        self._sessions.forget_conversation(conversation_id)

    async def aclose(self) -> None:
        """Store what is queued, then refuse more."""
        await self._commits.aclose()

    async def _change(self, conversation_id: str, values: dict[str, Any]) -> None:
        await self._database.write(lambda c: change_conversation(c, conversation_id, values))
        self.forget(conversation_id)

    # --- the writer's thread --------------------------------------------------------------------------

    def _store(self, connection: Connection, items: list[tuple[NewMessage, int]]) -> list[StoredMessage]:
        last = self._last_id
        if last is None:
            last = int(connection.execute(_LAST_ID).scalar() or 0)
        rows: list[dict[str, Any]] = []
        results: list[StoredMessage] = []
        references: list[dict[str, Any]] = []
        touched: dict[str, dict[str, Any]] = {}
        talked: dict[str, dict[str, Any]] = {}
        for message, created in items:
            last += 1
            rows.append(message_row(message, last, created))
            results.append(stored(message, last, created))
            references += [{"message_id": last, "attachment_id": name} for name in attachment_ids(message.parts)]
            title = title_of(message.role, message.text)
            before = touched.get(message.session_id)
            if before is not None:
                title = before["b_title"] or title
            touched[message.session_id] = {"b_session": message.session_id, "b_now": created, "b_title": title}
            talked[message.conversation_id] = {"b_conversation": message.conversation_id, "b_now": created}
        try:
            connection.execute(_INSERT, rows)
        except IntegrityError as error:
            self._last_id = None
            raise NotFound("The session was deleted.") from error
        if references:
            connection.execute(_INSERT_REFERENCE, references)
        connection.execute(touch_session, list(touched.values()))
        connection.execute(touch_conversation, list(talked.values()))
        self._last_id = last
        return results

    def _committed(self, results: list[StoredMessage]) -> None:
        for message in results:
            self._cache.add(message)
            self._sessions.touched(message)

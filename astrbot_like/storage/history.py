"""Messages of sessions: stored by group commit, read by page, searched by text."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, TypeAlias, cast

from sqlalchemy import ColumnElement, Connection, delete, func, select

from astrbot_like.domain.errors import NotFound
from astrbot_like.domain.history import Conversation, NewMessage, StoredMessage
from astrbot_like.storage.context_cache import ContextCache
from astrbot_like.storage.database import Database, transaction
from astrbot_like.storage.group_commit import GroupCommit
from astrbot_like.storage.rows import attachment_ids, message_of, message_row, now_ms, stored
from astrbot_like.storage.session_rows import change_conversation, last_message_id
from astrbot_like.storage.sessions import SessionStore
from astrbot_like.storage.settings import StorageSettings
from astrbot_like.storage.tables import conversations, messages

# The driver's own SQL: a message is stored by one statement, and SQLAlchemy would take longer to hand it over than
# SQLite takes to run it. Session and conversation are moved up by a trigger.
_COLUMNS = ", ".join(column.name for column in messages.c)
_ROW = f"({', '.join('?' * len(messages.c))})"
_ROWS_AT_ONCE = 32
_INSERT = tuple(
    f"INSERT INTO messages ({_COLUMNS}) VALUES {', '.join([_ROW] * count)}" for count in range(_ROWS_AT_ONCE + 1)
)
_INSERT_REFERENCE = "INSERT OR IGNORE INTO message_attachments (message_id, attachment_id) VALUES (?, ?)"
_NAME_SESSION = "UPDATE sessions SET display_name = ? WHERE session_id = ? AND display_name = ''"
_LAST_ID = "SELECT seq FROM sqlite_sequence WHERE name = 'messages'"


_Item: TypeAlias = tuple[NewMessage, int, str]
"""A message, when it came (milliseconds since the epoch), and the name it gives its session or an empty text."""


class HistoryStore:
    """The ``History`` port.

    In the steady state a turn makes no query: its session, its conversation and its context are in memory, and what
    it stores shares a transaction with everything that is stored at that moment.
    """

    def __init__(self, database: Database, sessions: SessionStore, settings: StorageSettings) -> None:
        self._database = database
        self._sessions = sessions
        self._cache = ContextCache(settings.context_cache)
        sessions.on_made(lambda conversation: self._cache.begin_empty(conversation.conversation_id))
        self._last_id: int | None = None
        self._commits: GroupCommit[_Item, StoredMessage] = GroupCommit(
            database, self._store, self._committed, limit=settings.write_queue, timeout=settings.write_timeout
        )

    async def append(self, message: NewMessage) -> StoredMessage:
        """Store one message; returns when it is durable.

        Raises:
            NotFound: Its session or conversation does not exist (any more).
            StorageError: It could not be written, or not in time.
        """
        return await self._commits.put((message, now_ms(), self._sessions.title_for(message)))

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
                driver = cast(sqlite3.Connection, connection.connection.driver_connection)
                self._insert(driver, [(row, now_ms(), "") for row in rows])
            return changed

        await self._database.write(work)
        self.forget(conversation_id)

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

    def _store(self, connection: sqlite3.Connection, items: list[_Item]) -> list[StoredMessage]:
        if len(items) <= _ROWS_AT_ONCE and not any(title or attachment_ids(m.parts) for m, _, title in items):
            return self._insert(connection, items)  # one statement is a transaction by itself
        with transaction(connection):
            results = self._insert(connection, items)
            references = [(row.id, name) for row in results for name in attachment_ids(row.parts)]
            connection.executemany(_INSERT_REFERENCE, references)
            connection.executemany(_NAME_SESSION, [(title, m.session_id) for m, _, title in items if title])
        return results

    def _insert(self, connection: sqlite3.Connection, items: list[_Item]) -> list[StoredMessage]:
        last = self._last_id
        if last is None:
            found = connection.execute(_LAST_ID).fetchone()
            last = int(found[0]) if found is not None else 0
        results = [stored(message, last + n, created) for n, (message, created, _) in enumerate(items, 1)]
        try:
            for start in range(0, len(items), _ROWS_AT_ONCE):
                rows = [
                    message_row(message, last + n, created)
                    for n, (message, created, _) in enumerate(items[start : start + _ROWS_AT_ONCE], start + 1)
                ]
                connection.execute(_INSERT[len(rows)], [value for row in rows for value in row])
        except sqlite3.IntegrityError as error:
            self._last_id = None
            if error.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
                raise NotFound("The session was deleted.") from error
            raise
        self._last_id = last + len(items)
        return results

    def _committed(self, results: list[StoredMessage]) -> None:
        for message in results:
            self._cache.add(message)
            self._sessions.touched(message)

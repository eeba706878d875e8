"""Sessions and their conversations: the repository, with the ones in use kept in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, select, update

from astrbot_like.domain.errors import NotFound, SessionError
from astrbot_like.domain.history import Conversation, NewMessage, Session, StoredMessage
from astrbot_like.domain.origins import WEBCHAT, check_webchat_session_id, webchat_origin
from astrbot_like.domain.profiles import DEFAULT_PROFILE
from astrbot_like.engine.session_locks import SessionLocks
from astrbot_like.runtime.ids import new_id
from astrbot_like.storage import session_rows as sql
from astrbot_like.storage.database import Database
from astrbot_like.storage.lru import Lru
from astrbot_like.storage.rows import conversation_of
from astrbot_like.storage.session_lists import SessionFilter, SessionLists, SessionPage
from astrbot_like.storage.tables import conversations, sessions

DELETED_AT_ONCE = 20
MESSAGES_AT_ONCE = 250


class SessionStore:
    """The ``Sessions`` port, and what administrators and plugins do with sessions and conversations."""

    def __init__(self, database: Database, *, cache: int) -> None:
        self._database = database
        self._sessions: Lru[str, Session] = Lru(cache)
        self._by_umo: Lru[str, str] = Lru(cache)
        self._conversations: Lru[str, Conversation] = Lru(cache)
        self._opening = SessionLocks()
        self._lists = SessionLists()
        self._on_made: Callable[[Conversation], None] = lambda _made: None

    def on_made(self, callback: Callable[[Conversation], None]) -> None:
        """Call ``callback`` with the first conversation of each session that is made, which is empty."""
        self._on_made = callback

    # --- sessions -------------------------------------------------------------------------------------

    async def get(self, session_id: str) -> Session | None:
        """The session, or None."""
        found = self._sessions.get(session_id)
        if found is None:
            found = await self._database.read(lambda c: sql.one_session(c, sessions.c.session_id == session_id))
            if found is not None:
                self._keep(found)
        return found

    async def by_umo(self, umo: str) -> Session | None:
        """The session with that unified message origin, or None."""
        session_id = self._by_umo.get(umo)
        if session_id is not None:
            return await self.get(session_id)
        found = await self._database.read(lambda c: sql.one_session(c, sessions.c.umo == umo))
        if found is not None:
            self._keep(found)
        return found

    async def open(
        self,
        session_id: str | None,
        *,
        username: str,
        platform_id: str = WEBCHAT,
        umo: str | None = None,
        is_group: bool = False,
    ) -> Session:
        """The user's session, made (with a first conversation) when it does not exist.

        A session of the web chat belongs to one user. One of another platform is known by its ``umo`` and used by
        everybody who writes there.

        Raises:
            SessionError: It exists and belongs to another user, or to another platform than the web chat that asks.
            InvalidMessageFormat: The id of a new session of the web chat can't be one.
        """
        if session_id is None and umo is not None:
            known = await self.by_umo(umo)
            session_id = known.session_id if known is not None else None
        if session_id is None and umo is None:
            # A name nobody can know yet: nothing to look for.
            return await self._make(new_id(), username, platform_id, umo, is_group)
        name = session_id or umo or ""
        found = self._sessions.get(name)
        # In the order of asking: a later message must not overtake an earlier one while its session is looked for.
        if found is None or self._opening.held(name):
            async with self._opening.hold(name):
                found = await self.get(name) or await self._make(name, username, platform_id, umo, is_group)
        of_web = found.platform_id == WEBCHAT
        if (of_web and found.creator != username) or (umo is None and not of_web):
            raise SessionError
        return found

    async def _make(self, session_id: str, username: str, platform_id: str, umo: str | None, is_group: bool) -> Session:
        if umo is None:
            check_webchat_session_id(session_id)
        origin = umo or webchat_origin(username, session_id)
        wanted = sql.NewSession(session_id, platform_id, username, is_group, origin, new_id())
        session, made = await self._database.transact(lambda driver: sql.open_session(driver, wanted))
        self._keep(session)
        if made is not None:
            self._conversations.put(made.conversation_id, made)
            self._on_made(made)
        return session

    async def list(
        self,
        *,
        creator: str | None = None,
        platform_id: str | None = None,
        profile_id: str | None = None,
        search: str = "",
        cursor: str | None = None,
        offset: int = 0,
        limit: int = 20,
        count: bool = False,
    ) -> SessionPage:
        """Sessions, last used first.

        Args:
            search: Part of the name, the creator or the origin.
            cursor: ``SessionPage.cursor`` of the page before; ``offset`` is for callers that number their pages and
                don't search.
            count: Whether to count all that fit.
        """

        which = SessionFilter(creator, platform_id, profile_id, search)

        def work(connection: Connection) -> SessionPage:
            return self._lists.page(connection, which, cursor=cursor, offset=offset, limit=limit, count=count)

        return await self._database.read(work)

    async def rename(self, session_id: str, display_name: str) -> Session:
        """Give a session a name.

        Raises:
            NotFound: There is no such session.
        """
        return await self._change(session_id, display_name=display_name)

    async def bind_profile(self, session_id: str, profile_id: str) -> Session:
        """Route a session to a profile.

        Raises:
            NotFound: There is no such session.
        """
        return await self._change(session_id, profile_id=profile_id)

    async def unbind_profile(self, profile_id: str) -> None:
        """Route all sessions of a profile back to the default one."""
        await self._database.write(
            lambda c: c.execute(
                update(sessions).where(sessions.c.profile_id == profile_id).values(profile_id=DEFAULT_PROFILE)
            )
        )
        self._sessions.clear()

    async def delete(self, session_ids: Iterable[str]) -> list[str]:
        """Delete sessions with their conversations and messages; attachments are the caller's.

        Returns:
            Ids of the conversations that went.
        """
        ids = list(session_ids)
        gone: list[str] = []
        # A few at a time, so that nobody who stores a message waits for long.
        for start in range(0, len(ids), DELETED_AT_ONCE):
            some = ids[start : start + DELETED_AT_ONCE]
            while await self._database.write(lambda c, some=some: sql.delete_some_messages(c, some, MESSAGES_AT_ONCE)):
                continue
            gone += await self._database.write(lambda c, some=some: sql.delete_sessions(c, some))
        for conversation_id in gone:
            self._conversations.drop(conversation_id)
        for session_id in ids:
            self._forget(session_id)
        return gone

    async def _change(self, session_id: str, **values: Any) -> Session:
        def work(connection: Connection) -> Session:
            connection.execute(update(sessions).where(sessions.c.session_id == session_id).values(**values))
            found = sql.one_session(connection, sessions.c.session_id == session_id)
            if found is None:
                raise NotFound("There is no such session.")
            return found

        found = await self._database.write(work)
        self._keep(found)
        return found

    # --- conversations --------------------------------------------------------------------------------

    async def conversation(self, conversation_id: str) -> Conversation | None:
        """The conversation, or None."""
        found = self._conversations.get(conversation_id)
        if found is None:
            found = await self._database.read(lambda c: sql.one_conversation(c, conversation_id))
            if found is not None:
                self._conversations.put(conversation_id, found)
        return found

    async def conversations(self, session_id: str) -> list[Conversation]:
        """All conversations of a session, oldest first."""
        query = select(conversations).where(conversations.c.session_id == session_id)
        order = query.order_by(conversations.c.created_ms, conversations.c.conversation_id)
        return await self._database.read(lambda c: [conversation_of(row) for row in c.execute(order)])

    async def new_conversation(
        self, session_id: str, *, title: str = "", persona_id: str | None = None
    ) -> Conversation:
        """Begin a conversation in a session; it becomes the current one.

        Raises:
            NotFound: There is no such session.
        """

        def work(connection: Connection) -> tuple[Session, Conversation]:
            session = sql.one_session(connection, sessions.c.session_id == session_id)
            if session is None:
                raise NotFound("There is no such session.")
            conversation_id = new_id()
            sql.insert_conversation(connection, conversation_id, session_id, session.umo, title, persona_id)
            return sql.select_conversation(connection, session_id, conversation_id)

        return self._selected(await self._database.write(work))

    async def switch_conversation(self, session_id: str, conversation_id: str) -> Conversation:
        """Make one of a session's conversations the current one.

        Raises:
            NotFound: The session has no such conversation.
        """

        def work(connection: Connection) -> tuple[Session, Conversation]:
            found = sql.one_conversation(connection, conversation_id)
            if found is None or found.session_id != session_id:
                raise NotFound("There is no such conversation in this session.")
            return sql.select_conversation(connection, session_id, conversation_id)

        return self._selected(await self._database.write(work))

    async def change_conversation(self, conversation_id: str, **values: Any) -> Conversation:
        """Set columns of a conversation (``title``, ``persona_id``, ``summary``, ``token_usage``, ``context_after``).

        Raises:
            NotFound: There is no such conversation.
        """

        def work(connection: Connection) -> Conversation:
            return sql.change_conversation(connection, conversation_id, values)

        found = await self._database.write(work)
        self._conversations.put(conversation_id, found)
        return found

    async def delete_conversation(self, conversation_id: str) -> Session | None:
        """Delete a conversation with its messages. If it was the current one, the newest other becomes current,
        or a new one.

        Returns:
            Its session; None when there was no such conversation.
        """

        def work(connection: Connection) -> Session | None:
            gone = sql.one_conversation(connection, conversation_id)
            if gone is None:
                return None
            connection.execute(delete(conversations).where(conversations.c.conversation_id == conversation_id))
            session = sql.one_session(connection, sessions.c.session_id == gone.session_id)
            if session is None or session.conversation_id != conversation_id:
                return session
            newest = connection.execute(
                select(conversations.c.conversation_id)
                .where(conversations.c.session_id == session.session_id)
                .order_by(conversations.c.created_ms.desc())
                .limit(1)
            ).scalar()
            if newest is None:
                newest = new_id()
                sql.insert_conversation(connection, newest, session.session_id, session.umo, "", None)
            return sql.select_conversation(connection, session.session_id, newest)[0]

        session = await self._database.write(work)
        self._conversations.drop(conversation_id)
        if session is not None:
            self._keep(session)
        return session

    # --- what the history tells -----------------------------------------------------------------------

    def title_for(self, message: NewMessage) -> str:
        """The name that a message gives its session; empty when it has one."""
        session = self._sessions.peek(message.session_id)
        return "" if session is not None and session.display_name else sql.title_of(message.role, message.text)

    def touched(self, message: StoredMessage) -> None:
        """A message was stored: move the cached rows along."""
        session = self._sessions.peek(message.session_id)
        if session is not None:
            name = session.display_name or sql.title_of(message.role, message.text)
            self._sessions.put(
                message.session_id,
                msgspec.structs.replace(session, updated_at=message.created_at, display_name=name),
            )
        conversation = self._conversations.peek(message.conversation_id)
        if conversation is not None:
            self._conversations.put(
                message.conversation_id, msgspec.structs.replace(conversation, updated_at=message.created_at)
            )

    def forget(self) -> None:
        """Read everything anew next time: something else has written (an account was renamed)."""
        self._sessions.clear()
        self._by_umo.clear()
        self._conversations.clear()

    def forget_conversation(self, conversation_id: str) -> None:
        """Read a conversation anew next time."""
        self._conversations.drop(conversation_id)

    def _selected(self, pair: tuple[Session, Conversation]) -> Conversation:
        session, conversation = pair
        self._keep(session)
        self._conversations.put(conversation.conversation_id, conversation)
        return conversation

    def _keep(self, session: Session) -> None:
        self._sessions.put(session.session_id, session)
        self._by_umo.put(session.umo, session.session_id)

    def _forget(self, session_id: str) -> None:
        session = self._sessions.drop(session_id)
        if session is not None:
            self._by_umo.drop(session.umo)

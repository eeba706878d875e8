"""What a subscriber of a session is sent: stored messages it missed, then live events, without a gap or a repeat."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from astrbot_like.dashboard.chat.frames import ChatOutFrame
from astrbot_like.dashboard.chat.wire import ChatWire
from astrbot_like.domain.events import BotMessageSaved, Stamped, TurnEnded, UserMessageSaved
from astrbot_like.domain.history import StoredMessage
from astrbot_like.domain.ports import History, SessionEvents, Subscription

PAGE = 200
"""Stored messages read at once."""


class SessionFollower:
    """One subscription of one connection.

    The subscription is made before the store is read, so that nothing falls between the two; what was read from the
    store is then left out of the live events. A message that was stored while its turn still runs is known by its turn.

    Args:
        session_id: A session the connection's user owns.
        events: Live events.
        history: Stored messages.
        is_own: Whether a request (by message or turn id) was made on this connection, which sees its frames anyway.
    """

    def __init__(self, session_id: str, events: SessionEvents, history: History, is_own: Callable[[str], bool]) -> None:
        self._session_id = session_id
        self._events = events
        self._history = history
        self._is_own = is_own
        self._subscription: Subscription | None = None
        self._last_id = 0
        self._replayed: dict[str, int] = {}
        self._wires: dict[str, ChatWire] = {}

    def subscribe(self) -> None:
        """Listen from now on; idempotent."""
        if self._subscription is None:
            self._subscription = self._events.subscribe(self._session_id)

    def close(self) -> None:
        """Listen no more; idempotent."""
        if self._subscription is not None:
            self._subscription.close()

    async def frames(self, after: int | None) -> AsyncIterator[ChatOutFrame]:
        """Stored messages after ``after`` (None: none), then live events until ``close``.

        A subscription that was dropped because this reader was slow is taken up again from the store.
        """
        while True:
            self.subscribe()
            subscription = self._subscription
            assert subscription is not None
            if after is not None:
                async for frame in self._stored(after):
                    yield frame
            try:
                async for stamped in subscription:
                    for frame in self._live(stamped):
                        yield frame
            finally:
                subscription.close()
            self._subscription = None
            self._wires.clear()
            after = self._last_id if self._last_id else after
            if after is None:
                return

    async def _stored(self, after: int) -> AsyncIterator[ChatOutFrame]:
        self._last_id = max(self._last_id, after)
        while True:
            page = await self._history.after(self._session_id, self._last_id, limit=PAGE)
            for message in page:
                self._last_id = max(self._last_id, message.id)
                if not self._is_own(message.turn_id):
                    for frame in self._replay(message):
                        yield frame
            if len(page) < PAGE:
                return

    def _replay(self, message: StoredMessage) -> tuple[ChatOutFrame, ...]:
        if message.role == "bot" and message.turn_id:
            self._replayed[message.turn_id] = message.id
        return ChatWire(session_id=self._session_id, message_id=message.turn_id, foreign=True).stored(message)

    def _live(self, stamped: Stamped) -> tuple[ChatOutFrame, ...]:
        event, turn_id = stamped.event, stamped.turn_id
        wire = self._wire(stamped)
        if isinstance(event, TurnEnded):
            self._wires.pop(turn_id, None)
        if isinstance(event, UserMessageSaved | BotMessageSaved):
            seen = event.id <= self._last_id
            self._last_id = max(self._last_id, event.id)
            if self._is_own(stamped.message_id):
                return ()
            if isinstance(event, UserMessageSaved):
                return () if seen else wire.frames(event)
            return self._bot_saved(event, turn_id, wire, seen=seen)
        if self._is_own(stamped.message_id):
            return ()
        if turn_id in self._replayed:
            if isinstance(event, TurnEnded):
                del self._replayed[turn_id]
            return ()
        return wire.frames(event)

    def _bot_saved(
        self, event: BotMessageSaved, turn_id: str, wire: ChatWire, *, seen: bool
    ) -> tuple[ChatOutFrame, ...]:
        """A turn whose reply came from the store is silent, but a further message of it is shown whole."""
        if seen:
            return ()
        if turn_id in self._replayed:
            end = wire.frames(TurnEnded("completed"))
            return *wire.whole(event.parts, event.text), *wire.frames(event), *end
        return wire.frames(event)

    def _wire(self, stamped: Stamped) -> ChatWire:
        wire = self._wires.get(stamped.turn_id)
        if wire is None:
            wire = self._wires[stamped.turn_id] = ChatWire(
                session_id=self._session_id, message_id=stamped.message_id, foreign=True
            )
        return wire

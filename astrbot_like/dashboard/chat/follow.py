"""What a subscriber of a session is sent: stored messages it missed, then live events, without a gap or a repeat."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from astrbot_like.dashboard.chat.frames import ChatOutFrame, RunningRequest
from astrbot_like.dashboard.chat.wire import ChatWire
from astrbot_like.domain.events import (
    BotMessageSaved,
    MediaReply,
    ReplyText,
    Stamped,
    TextDelta,
    TurnEnded,
    TurnEvent,
    UserMessageSaved,
)
from astrbot_like.domain.history import StoredMessage
from astrbot_like.domain.messages import PlainPart, ReplyPart
from astrbot_like.domain.ports import History, SessionEvents, Subscription

PAGE = 200
"""Stored messages read at once."""

RUNNING = 64
"""Turns from the store that may still be running: more than a session can have."""


class _Watched:
    """A running turn as this subscriber sees it.

    Attributes:
        from_start: It was seen from its first event on, so that nothing of it was missed.
    """

    __slots__ = ("_media", "_streaming", "_texts", "from_start", "wire")

    def __init__(self, wire: ChatWire) -> None:
        self.wire = wire
        self.from_start = False
        self._streaming = False
        self._texts: list[str] = []
        self._media: set[str] = set()

    def note(self, event: TurnEvent) -> None:
        """Remember what is shown of the reply."""
        if isinstance(event, TextDelta):
            self._streaming = True
        elif isinstance(event, ReplyText):
            self._texts.append(event.text)
        elif isinstance(event, MediaReply):
            self._media.add(event.attachment_id)

    def missed(self, event: BotMessageSaved) -> tuple[ChatOutFrame, ...]:
        """What of the stored message has not been shown, when the subscription began in mid-turn."""
        if self.from_start:
            return ()
        plain = "".join(part.text for part in event.parts if isinstance(part, PlainPart))
        media = tuple(
            part
            for part in event.parts
            if not isinstance(part, PlainPart | ReplyPart) and part.attachment_id not in self._media
        )
        shown = self.wire.whole(media, "")
        if not plain or plain == "".join(self._texts):
            return shown
        return *self.wire.frames(ReplyText(event.text, streamed=self._streaming)), *shown


class SessionFollower:
    """One subscription of one connection.

    The subscription is made before the store is read, so that nothing falls between the two; what was read from the
    store is then left out of the live events. A message that was stored while its turn still runs is known by its turn.
    Of a turn that was running before the subscription began, what was missed comes when it is stored.

    Args:
        session_id: A session the connection's user owns.
        events: Live events.
        history: Stored messages.
        is_own: Whether a turn was asked for on this connection, which sees its frames anyway.
    """

    def __init__(self, session_id: str, events: SessionEvents, history: History, is_own: Callable[[str], bool]) -> None:
        self._session_id = session_id
        self._events = events
        self._history = history
        self._is_own = is_own
        self._subscription: Subscription | None = None
        self._last_id = 0
        self._stored_id = 0
        self._replayed: dict[str, None] = {}
        self._closed = False
        self._turns: dict[str, _Watched] = {}

    def subscribe(self) -> None:
        """Listen from now on; idempotent."""
        if self._subscription is None:
            self._subscription = self._events.subscribe(self._session_id)

    def running(self) -> tuple[RunningRequest, ...]:
        """Requests of others under way, with what was told of their replies before ``subscribe``, if asked at once."""
        return tuple(
            RunningRequest(reply.message_id, self._wire(reply.message_id).told(reply.told))
            for reply in self._events.running(self._session_id)
            if not self._is_own(reply.turn_id)
        )

    def close(self) -> None:
        """Listen no more; idempotent."""
        self._closed = True
        if self._subscription is not None:
            self._subscription.close()

    async def frames(self, after: int | None) -> AsyncIterator[ChatOutFrame]:
        """Stored messages after ``after`` (None: none), then live events until ``close``.

        A subscription that was dropped for a slow reader is taken up again, from the store where an id is known.
        """
        while not self._closed:
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
            self._turns.clear()
            after = self._last_id or after

    async def _stored(self, after: int) -> AsyncIterator[ChatOutFrame]:
        self._last_id = after
        while True:
            page = await self._history.after(self._session_id, self._last_id, limit=PAGE)
            for message in page:
                self._last_id = self._stored_id = message.id
                if not self._is_own(message.turn_id):
                    for frame in self._replay(message):
                        yield frame
            if len(page) < PAGE:
                return

    def _replay(self, message: StoredMessage) -> tuple[ChatOutFrame, ...]:
        if message.role == "bot" and message.turn_id:
            self._replayed[message.turn_id] = None
            if len(self._replayed) > RUNNING:
                del self._replayed[next(iter(self._replayed))]
        return self._wire(message.message_id or message.turn_id).stored(message)

    def _live(self, stamped: Stamped) -> tuple[ChatOutFrame, ...]:
        event, turn_id = stamped.event, stamped.turn_id
        if isinstance(event, UserMessageSaved | BotMessageSaved):
            # Not the greater of the two: a client may have named an id that the session has not reached yet.
            self._last_id = event.id
        if self._is_own(turn_id):
            return ()
        turn = self._watched(stamped)
        if isinstance(event, TurnEnded):
            self._turns.pop(turn_id, None)
        if isinstance(event, UserMessageSaved):
            turn.from_start = True
            return () if event.id <= self._stored_id else turn.wire.frames(event)
        if isinstance(event, BotMessageSaved):
            return self._bot_saved(event, turn_id, turn)
        if turn_id in self._replayed:
            if isinstance(event, TurnEnded):
                del self._replayed[turn_id]
            return ()
        turn.note(event)
        return turn.wire.frames(event)

    def _bot_saved(self, event: BotMessageSaved, turn_id: str, turn: _Watched) -> tuple[ChatOutFrame, ...]:
        """A turn whose reply came from the store is silent, but a further message of it is shown whole."""
        if event.id <= self._stored_id:
            return ()
        wire = turn.wire
        if turn_id in self._replayed:
            end = wire.frames(TurnEnded("completed"))
            return *wire.whole(event.parts, event.text), *wire.frames(event), *end
        return *turn.missed(event), *wire.frames(event)

    def _watched(self, stamped: Stamped) -> _Watched:
        turn = self._turns.get(stamped.turn_id)
        if turn is None:
            turn = self._turns[stamped.turn_id] = _Watched(self._wire(stamped.message_id))
        return turn

    def _wire(self, message_id: str) -> ChatWire:
        return ChatWire(session_id=self._session_id, message_id=message_id, foreign=True)

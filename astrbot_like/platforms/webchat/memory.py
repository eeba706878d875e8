"""The webchat queues within one process."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

from astrbot_like.domain.errors import ProcessingError, Unavailable
from astrbot_like.domain.events import (
    AgentStats,
    BotMessageSaved,
    MediaReply,
    MetricsReported,
    ReasoningDelta,
    ReplyText,
    RunningReply,
    Stamped,
    TextDelta,
    ToolCallFinished,
    ToolCallStarted,
    TurnEnded,
    TurnEvent,
    TurnInterrupted,
)
from astrbot_like.domain.turns import TurnRequest
from astrbot_like.engine.sink import Interruption
from astrbot_like.platforms.webchat.queues import INBOUND_LIMIT, REPLY_LIMIT, SESSION_LIMIT, SUBSCRIBER_LIMIT
from astrbot_like.runtime.channels import Channel, ChannelClosed

CLOSING_EVENTS = (BotMessageSaved, TurnEnded, MetricsReported)
"""What may follow an interruption."""

TOLD_EVENTS = (TextDelta, ReasoningDelta, ToolCallStarted, ToolCallFinished, MediaReply, ReplyText, AgentStats)
"""What a reply consists of for one who joins in its middle."""


class MemoryReply:
    """One turn's reply: the sink the engine writes and the stream its front end reads."""

    __slots__ = (
        "_callbacks",
        "_channel",
        "_detached",
        "_done",
        "_owner",
        "_released",
        "_told",
        "interruption",
        "request",
    )

    def __init__(self, request: TurnRequest, owner: MemoryQueues) -> None:
        self.request = request
        self.interruption: Interruption | None = None
        self._owner = owner
        self._channel: Channel[TurnEvent] = Channel(REPLY_LIMIT)
        self._callbacks: list[Callable[[Interruption], None]] = []
        self._released: asyncio.Event | None = None
        """Of a reply whose playback is on hold."""
        self._told: list[TurnEvent] = []
        self._detached = False
        self._done = False

    # --- the engine's end ------------------------------------------------------------------------

    def on_interrupt(self, callback: Callable[[Interruption], None]) -> None:
        """Call ``callback`` when the turn is asked to stop; at once if it already was."""
        if self.interruption is not None:
            callback(self.interruption)
        else:
            self._callbacks.append(callback)

    async def released(self) -> None:
        """Wait until playback is on hold no more; returns at once when it is not."""
        if self._released is not None:
            await self._released.wait()

    async def send(self, event: TurnEvent) -> None:
        """Hand an event to the reader and to the session's subscribers; waits while the reader is behind."""
        if self.interruption is not None and self._stale(event):
            return
        if isinstance(event, TOLD_EVENTS):
            self._told.append(event)
        elif isinstance(event, BotMessageSaved):
            self._told.clear()  # from here on the store tells it
        self._owner.fan_out(self.request, event)
        if self._detached:
            return
        try:
            while not self._channel.try_send(event):
                await self._channel.wait_for_room()
                if self._stale(event):
                    return
        except ChannelClosed:
            return

    def finish(self) -> None:
        """The turn is over; the reader's iteration ends after what is queued."""
        if not self._done:
            self._done = True
            self._channel.close()
            self._owner.forget(self)

    def told(self) -> RunningReply:
        """What was told so far."""
        return RunningReply(self.request.turn_id, self.request.message_id, tuple(self._told))

    def _stale(self, event: TurnEvent) -> bool:
        return self.interruption is not None and not isinstance(event, CLOSING_EVENTS)

    # --- the front end's end ---------------------------------------------------------------------

    def __aiter__(self) -> AsyncIterator[TurnEvent]:
        return self._channel.__aiter__()

    def interrupt(self, *, reason: str = "user", heard_ms: int | None = None) -> None:
        """Ask the turn to stop; see ``ReplyStream.interrupt``."""
        if self._done or self.interruption is not None:
            return
        self.interruption = Interruption(reason, heard_ms)
        self._channel.clear()
        stopped = TurnInterrupted(reason)
        self._owner.fan_out(self.request, stopped)
        if not self._channel.closed:
            self._channel.try_send(stopped)
        for callback in self._callbacks:
            callback(self.interruption)
        self._callbacks.clear()

    def hold(self, held: bool) -> None:
        """Playback is on hold, or goes on; see ``ReplyStream.hold``."""
        if held:
            self._released = self._released or asyncio.Event()
        elif self._released is not None:
            self._released.set()
            self._released = None

    async def aclose(self) -> None:
        """Stop reading; without other readers of the session the turn is interrupted."""
        if self._done or self._detached:
            return
        self._detached = True
        if not self._owner.has_subscribers(self.request.session_id):
            self.interrupt(reason="disconnect")
        self._channel.close()


class MemorySubscription:
    """A subscriber's bounded view of a session."""

    __slots__ = ("_channel", "_owner", "session_id")

    def __init__(self, session_id: str, owner: MemoryQueues) -> None:
        self.session_id = session_id
        self._owner = owner
        self._channel: Channel[Stamped] = Channel(SUBSCRIBER_LIMIT)

    def __aiter__(self) -> AsyncIterator[Stamped]:
        return self._channel.__aiter__()

    def offer(self, stamped: Stamped) -> None:
        """Queue an event, or end the subscription of one who does not read."""
        if not self._channel.try_send(stamped):
            self.close()

    def close(self) -> None:
        """Unsubscribe; idempotent."""
        self._owner.unsubscribe(self)
        self._channel.close()


class MemoryQueues:
    """In-process queues: what one instance needs."""

    def __init__(self) -> None:
        self._inbound: Channel[MemoryReply] = Channel(INBOUND_LIMIT)
        self._active: dict[str, dict[str, MemoryReply]] = {}
        self._subscribers: dict[str, deque[MemorySubscription]] = {}

    async def submit(self, request: TurnRequest) -> MemoryReply:
        """Queue a turn; see ``WebchatQueues.submit``."""
        active = self._active.setdefault(request.session_id, {})
        try:
            if request.message_id in active:
                raise ProcessingError(f"message_id {request.message_id} is already being processed")
            if len(active) >= SESSION_LIMIT:
                raise ProcessingError("Too many messages of this session are waiting. Wait for a reply first.")
            reply = active[request.message_id] = MemoryReply(request, self)
        finally:
            if not active:
                del self._active[request.session_id]
        try:
            await self._inbound.send(reply)
        except ChannelClosed:
            self.forget(reply)
            raise Unavailable("The server is stopping. Please try again in a moment.") from None
        except BaseException:
            self.forget(reply)
            raise
        return reply

    async def take(self) -> tuple[TurnRequest, MemoryReply]:
        """The next request and its reply's writing end."""
        reply = await self._inbound.receive()
        return reply.request, reply

    def close(self) -> None:
        """Take no more requests."""
        self._inbound.close()

    def active(self, session_id: str) -> list[MemoryReply]:
        """Replies of a session that have not ended, oldest first."""
        return list(self._active.get(session_id, {}).values())

    def stop(self, session_id: str) -> int:
        """Interrupt the session's replies; returns how many there were."""
        running = [reply for reply in self.active(session_id) if reply.interruption is None]
        for reply in running:
            reply.interrupt()
        return len(running)

    def forget(self, reply: MemoryReply) -> None:
        """Drop what belongs to a reply that has ended."""
        session_id = reply.request.session_id
        if (active := self._active.get(session_id)) is not None:
            active.pop(reply.request.message_id, None)
            if not active:
                del self._active[session_id]

    # --- fan-out ---------------------------------------------------------------------------------

    def subscribe(self, session_id: str) -> MemorySubscription:
        """Every event of the session from now on."""
        subscription = MemorySubscription(session_id, self)
        self._subscribers.setdefault(session_id, deque()).append(subscription)
        return subscription

    def running(self, session_id: str) -> list[RunningReply]:
        """Replies under way, oldest first, with what they told so far."""
        return [reply.told() for reply in self.active(session_id)]

    def unsubscribe(self, subscription: MemorySubscription) -> None:
        """Forget a subscription; idempotent."""
        if (found := self._subscribers.get(subscription.session_id)) is not None:
            if subscription in found:
                found.remove(subscription)
            if not found:
                del self._subscribers[subscription.session_id]

    def has_subscribers(self, session_id: str) -> bool:
        """Whether anybody is bound to the session."""
        return session_id in self._subscribers

    def publish(self, stamped: Stamped) -> None:
        """Hand an event to the session's subscribers; never blocks."""
        for subscription in tuple(self._subscribers.get(stamped.session_id, ())):
            subscription.offer(stamped)

    def fan_out(self, request: TurnRequest, event: TurnEvent) -> None:
        """Publish a turn's event; without subscribers this is one dictionary look-up."""
        if request.session_id in self._subscribers:
            self.publish(Stamped(request.session_id, request.turn_id, request.message_id, event))

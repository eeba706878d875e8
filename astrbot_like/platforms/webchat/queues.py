"""The queues between front ends and the engine, as an interface with its promises.

Promises every implementation keeps (``tests/unit/test_webchat_queues.py`` runs on all of them):

* A request is handed to exactly one consumer; requests of one session keep their order.
* At most ``SESSION_LIMIT`` requests of a session are in flight; one more is refused at once.
* A reply keeps the order of its events, holds at most ``REPLY_LIMIT`` of them, and ends.
* After an interruption the reader sees ``TurnInterrupted`` next, then only closing events.
* A subscriber that does not read is dropped, never waited for.
* Whatever belongs to a request is gone when its reply has ended.
"""

from __future__ import annotations

from typing import Protocol

from astrbot_like.domain.ports import ReplyStream, SessionEvents
from astrbot_like.domain.turns import TurnRequest
from astrbot_like.engine.sink import TurnSink

SESSION_LIMIT = 32
"""Requests of one session in flight; more are refused with ``ProcessingError``."""

INBOUND_LIMIT = 1024
"""Requests of all sessions waiting for the consumer; a submitter waits when it is full."""

REPLY_LIMIT = 64
"""Events of one reply that its reader has not taken yet; the turn waits when it is full."""

SUBSCRIBER_LIMIT = 1024
"""Events a subscriber may lag behind before it is dropped."""


class WebchatQueues(SessionEvents, Protocol):
    """Inbound requests, outbound replies, and the fan-out to a session's subscribers."""

    async def submit(self, request: TurnRequest) -> ReplyStream:
        """Queue a turn.

        Raises:
            ProcessingError: Too many requests of the session are in flight, or ``message_id`` is an active one's.
            Unavailable: The queues are closed.
        """
        ...

    def stop(self, session_id: str) -> int:
        """Interrupt the session's running turns; returns how many there were."""
        ...

    async def take(self) -> tuple[TurnRequest, TurnSink]:
        """The next request and the writing end of its reply, for the consumer.

        Raises:
            ChannelClosed: The queues were closed.
        """
        ...

    def close(self) -> None:
        """Take no more requests; running replies may end."""
        ...

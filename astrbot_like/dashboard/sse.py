"""Replies as server-sent events (WHATWG HTML, section 9.2): each event leaves as soon as it is there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable

from quart import Response

from astrbot_like.dashboard.chat.frames import ChatOutFrame
from astrbot_like.dashboard.chat.requests import cut_off
from astrbot_like.dashboard.chat.wire import ChatWire, encode_bytes
from astrbot_like.domain.events import TurnEnded
from astrbot_like.domain.ports import ReplyStream
from astrbot_like.runtime.tasks import Supervisor

HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
"""No cache keeps a stream, and nginx does not collect it."""


def event_bytes(frames: Iterable[ChatOutFrame]) -> bytes:
    """Frames as events."""
    return b"".join(b"data: " + encode_bytes(frame) + b"\n\n" for frame in frames)


class ReplyEvents:
    """The body of a response: the frames of one reply.

    A client that goes away ends the reading of the reply, which stops the model unless the session has subscribers. The
    reply is closed in any case, even when the response was never begun.

    Args:
        first: The frame before the reply.
        reply: The running turn.
        wire: Events to frames.
        supervisor: Owner of the closing, should the request's own task be gone.
    """

    def __init__(self, first: ChatOutFrame, reply: ReplyStream, wire: ChatWire, supervisor: Supervisor) -> None:
        self._reply = reply
        self._wire = wire
        self._supervisor = supervisor
        self._pieces = self._make(first)
        self._closed = False
        task = asyncio.current_task()
        if task is not None:
            task.add_done_callback(self._request_done)

    def response(self) -> Response:
        """The answer that carries the events."""
        return Response(self, 200, dict(HEADERS), content_type="text/event-stream")

    def __aiter__(self) -> ReplyEvents:
        return self

    async def __anext__(self) -> bytes:
        return await self._pieces.__anext__()

    async def aclose(self) -> None:
        """Stop reading the reply; idempotent."""
        if not self._closed:
            self._closed = True
            await self._reply.aclose()

    async def _make(self, first: ChatOutFrame) -> AsyncIterator[bytes]:
        yield event_bytes((first,))
        complete = False
        async for event in self._reply:
            complete = complete or isinstance(event, TurnEnded)
            if data := event_bytes(self._wire.frames(event)):
                yield data
        if not complete:
            yield event_bytes(cut_off(self._wire))

    def _request_done(self, _task: asyncio.Task[object]) -> None:
        if not self._closed:
            self._supervisor.job(self.aclose(), name="close abandoned reply")

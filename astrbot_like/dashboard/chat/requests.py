"""Chat requests of one connection that are under way: started, interrupted one by one, ended with the connection."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from astrbot_like.dashboard.chat.frames import ChatOutFrame
from astrbot_like.dashboard.chat.turns import ChatCall, ChatTurns
from astrbot_like.dashboard.chat.wire import ChatWire
from astrbot_like.domain.errors import BotError, InternalError, ProcessingError
from astrbot_like.domain.events import TurnEnded
from astrbot_like.domain.ports import ReplyStream
from astrbot_like.runtime.channels import Channel, ChannelClosed
from astrbot_like.runtime.ids import new_id
from astrbot_like.runtime.tasks import cancel_and_wait

log = logging.getLogger(__name__)

REMEMBERED = 1024
"""Own requests whose late events are still told from those of others."""

MakeWire: TypeAlias = Callable[[str], ChatWire]
"""From a session's id to the wire of the request."""

Opened: TypeAlias = Callable[[str], Awaitable[None]]
"""Called with the session's id before the first frame of a request."""


Prepare: TypeAlias = Callable[[], Awaitable[ChatCall]]
"""Checks what takes time to check; its errors are told under the request's name."""


class _Request:
    __slots__ = ("interrupted", "message_id", "stream", "task", "turn_id")

    def __init__(self, message_id: str) -> None:
        self.message_id = message_id
        self.turn_id = new_id()
        self.stream: ReplyStream | None = None
        self.interrupted = False
        self.task: asyncio.Task[None] | None = None


class RequestsInFlight:
    """One connection's requests; each has a task that turns its reply into frames.

    Args:
        turns: The way into the engine.
        output: Where frames go.
        limit: Requests in flight; one more is refused.
    """

    def __init__(self, turns: ChatTurns, output: Channel[ChatOutFrame], limit: int) -> None:
        self._turns = turns
        self._limit = limit
        self._output = output
        self._requests: dict[str, _Request] = {}
        self._own: OrderedDict[str, None] = OrderedDict()
        self._entering = asyncio.Lock()

    def __len__(self) -> int:
        return len(self._requests)

    def start(self, message_id: str, prepare: Prepare, make_wire: MakeWire, opened: Opened | None = None) -> None:
        """Start a request; returns at once.

        Raises:
            ProcessingError: ``message_id`` is that of an active request, or too many are in flight.
        """
        if message_id in self._requests:
            raise ProcessingError(f"message_id is already being processed: {message_id[:128]}")
        if len(self._requests) >= self._limit:
            raise ProcessingError(f"Too many requests in flight on this connection; at most {self._limit}.")
        request = self._requests[message_id] = _Request(message_id)
        self._remember(request.turn_id)
        request.task = asyncio.create_task(self._run(request, prepare, make_wire, opened), name="chat request")

    def interrupt(self, message_id: str | None = None) -> None:
        """Stop one request, or all; a name that is not active is one that has just ended."""
        if message_id is None:
            chosen = list(self._requests.values())
        else:
            found = self._requests.get(message_id)
            chosen = [] if found is None else [found]
        for request in chosen:
            request.interrupted = True
            if request.stream is not None:
                request.stream.interrupt()

    def is_own(self, turn_id: str) -> bool:
        """Whether a turn was asked for here."""
        return turn_id in self._own

    async def aclose(self) -> None:
        """End all. A turn goes on only when others are bound to its session."""
        await cancel_and_wait(*(request.task for request in self._requests.values() if request.task is not None))

    async def _run(self, request: _Request, prepare: Prepare, make_wire: MakeWire, opened: Opened | None) -> None:
        wire = make_wire("")
        try:
            # One at a time, in the order of the frames: the messages of a session are answered in that order.
            async with self._entering:
                call = await prepare()
                wire = make_wire(call.session_id or "")
                session = await self._turns.session(call)
                wire = make_wire(session.session_id)
                request.stream = await self._turns.submit(call, session, turn_id=request.turn_id)
            if opened is not None:
                await opened(session.session_id)
            if request.interrupted:
                request.stream.interrupt()
            await self._relay(request.stream, wire)
        except BotError as error:
            await self._tell(wire.error(error))
        except ChannelClosed:
            return
        except Exception as error:
            log.error("chat request failed", exc_info=error)
            await self._tell(wire.error(InternalError()))
        finally:
            self._requests.pop(request.message_id, None)
            if request.stream is not None:
                await request.stream.aclose()

    async def _relay(self, stream: ReplyStream, wire: ChatWire) -> None:
        send = self._output.send
        complete = False
        async for event in stream:
            complete = complete or isinstance(event, TurnEnded)
            for frame in wire.frames(event):
                await send(frame)
        if not complete:
            for frame in cut_off(wire):
                await send(frame)

    async def _tell(self, frame: ChatOutFrame) -> None:
        try:
            await self._output.send(frame)
        except ChannelClosed:
            return  # the connection is gone

    def _remember(self, turn_id: str) -> None:
        self._own[turn_id] = None
        if len(self._own) > REMEMBERED:
            self._own.popitem(last=False)


def cut_off(wire: ChatWire) -> tuple[ChatOutFrame, ...]:
    """What ends a reply whose engine stopped without a word (at the end of the process)."""
    return wire.error(ProcessingError("The reply was cut off. Please try again.")), *wire.frames(TurnEnded("failed"))

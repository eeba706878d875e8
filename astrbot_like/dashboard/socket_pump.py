"""One task reads a socket, one writes it, whatever is spoken on it.

The reader never awaits a turn: what a frame asks for is started elsewhere, and everything to be sent goes through one
bounded channel. A client that does not read pauses what produces for it, and is dropped after a time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any, Protocol

import msgspec

from astrbot_like.dashboard.errors import close_code
from astrbot_like.dashboard.websocket import DirectWebsocket, SocketGone
from astrbot_like.domain.errors import AtCapacity, BotError, InternalError
from astrbot_like.runtime.channels import Channel, ChannelClosed
from astrbot_like.runtime.tasks import cancel_and_wait

log = logging.getLogger(__name__)

CLOSE_TIMEOUT = 2.0
"""Seconds a close frame may take to be handed to the transport."""

CONTROL_RESERVE = 64
"""Answers of the reader that may be queued over the channel's limit, so that a full channel does not hold it up."""

TOGETHER = 8
"""Frames that are handed to the transport as one piece when so many wait."""

GOING_AWAY = 1001
TRY_AGAIN_LATER = 1013
LONGEST_REASON = 120
"""Bytes; RFC 6455 allows 123."""


class _CloseNow(msgspec.Struct, frozen=True):
    """In the output channel: the connection ends when everything before it has been sent."""

    code: int
    reason: str


class Peer(Protocol):
    """One protocol's side of a connection. ``receive`` and ``frames`` return at once."""

    @property
    def output(self) -> Channel[Any]:
        """Everything to be sent, in order."""
        ...

    @property
    def busy(self) -> bool:
        """Whether a turn of this connection is running."""
        ...

    def receive(self, raw: str | bytes) -> Any:
        """Deal with a frame; returns an item for ``output`` when it is answered at once, else None.

        Raises:
            BotError: The frame is refused; the connection goes on (but see ``AtCapacity``).
        """
        ...

    def refused(self, error: BotError) -> Any:
        """The item that tells the client of a refusal."""
        ...

    def frames(self, item: Any) -> Iterable[str | bytes]:
        """What is sent for an item of ``output``."""
        ...

    async def aclose(self) -> None:
        """The connection is over: end what belongs to it."""
        ...


class OpenSockets:
    """All connections of the process, for an orderly stop."""

    def __init__(self) -> None:
        self._pumps: set[SocketPump] = set()
        self._changed = asyncio.Event()
        self.closing = False

    def __len__(self) -> int:
        return len(self._pumps)

    def add(self, pump: SocketPump) -> None:
        """A connection was opened."""
        self._pumps.add(pump)

    def discard(self, pump: SocketPump) -> None:
        """A connection has ended."""
        self._pumps.discard(pump)
        self._changed.set()

    async def drain(self, grace: float) -> None:
        """Close idle connections now, busy ones when their turns have ended, the rest after ``grace`` seconds.

        Returns when every connection has ended, which includes that its interrupted turn was stored.
        """
        self.closing = True
        try:
            async with asyncio.timeout(grace):
                while self._pumps:
                    for pump in tuple(self._pumps):
                        pump.stop_when_idle()
                    await self._wait_for_change(0.05)
        except TimeoutError:
            for pump in tuple(self._pumps):
                pump.stop(GOING_AWAY, "Server is stopping")
        while self._pumps:
            await self._wait_for_change(0.5)

    async def _wait_for_change(self, longest: float) -> None:
        self._changed.clear()
        try:
            async with asyncio.timeout(longest):
                await self._changed.wait()
        except TimeoutError:
            return


class SocketPump:
    """Moves frames between a socket and a peer until one of them ends.

    Args:
        socket: Accepted already.
        peer: The protocol.
        slow_client_timeout: Seconds a client may not read before it is dropped with 1013.
    """

    def __init__(self, socket: DirectWebsocket, peer: Peer, *, slow_client_timeout: float) -> None:
        self._socket = socket
        self._peer = peer
        self._slow = slow_client_timeout
        self._scope: asyncio.Timeout | None = None
        self._reason: tuple[int, str] | None = None
        self._sending_since: float | None = None
        self._watchdog: asyncio.TimerHandle | None = None
        self._forced = 0

    def stop(self, code: int, reason: str) -> None:
        """End the connection with a close frame; returns at once, the first call counts."""
        if self._reason is None:
            self._reason = (code, reason)
            if self._scope is not None:
                self._scope.reschedule(asyncio.get_running_loop().time())

    def stop_when_idle(self) -> None:
        """End the connection unless a turn is running or its last frames are still to be sent."""
        if not self._peer.busy and not len(self._peer.output) and self._sending_since is None:
            self.stop(GOING_AWAY, "Server is stopping")

    async def run(self) -> None:
        """Serve the connection to its end."""
        writer = asyncio.create_task(self._write(), name="socket writer")
        try:
            async with asyncio.timeout(None) as self._scope:
                if self._reason is None:
                    await self._read()
        except TimeoutError:
            if self._reason is None:
                raise
        except SocketGone:
            pass
        finally:
            self._scope = None
            await self._finish(writer)

    async def _read(self) -> None:
        receive, peer = self._socket.receive, self._peer
        while True:
            raw = await receive()
            try:
                answer = peer.receive(raw)
            except AtCapacity as error:
                await self._answer(peer.refused(error))
                answer = _CloseNow(close_code(type(error)), error.message)
            except BotError as error:
                answer = peer.refused(error)
            except Exception as error:
                log.error("frame handling failed", exc_info=error)
                answer = peer.refused(InternalError())
            if answer is not None:
                await self._answer(answer)

    async def _answer(self, item: Any) -> None:
        output = self._peer.output
        try:
            if not output.full or self._forced < CONTROL_RESERVE:
                self._forced += output.full
                output.force(item)
            else:
                await output.send(item)
        except ChannelClosed:
            return

    async def _write(self) -> None:
        output, send = self._peer.output, self._socket.send_frames
        clock = asyncio.get_running_loop().time
        try:
            while True:
                item = await output.receive()
                # Who woke this one has seldom said all: what else is ready goes with it, in one call of the system.
                await asyncio.sleep(0)
                frames, closing = self._made(item)
                if frames:
                    self._sending_since = clock()
                    if self._watchdog is None:
                        self._arm(self._slow)
                    await send(frames)
                    self._sending_since = None
                self._forced = 0
                if closing is not None:
                    self.stop(closing.code, closing.reason)
                    return
        except (ChannelClosed, SocketGone):
            return
        except Exception as error:
            log.error("socket writer failed", exc_info=error)
            self.stop(1011, "Internal error")

    def _made(self, item: Any) -> tuple[list[str | bytes], _CloseNow | None]:
        """The frames of an item and of what waits behind it, and what closes the connection after them.

        They are sent together. What was taken here can't be discarded any more when the turn is interrupted, so it is
        little enough to be on its way at once.
        """
        output, made = self._peer.output, self._peer.frames
        frames: list[str | bytes] = []
        while not isinstance(item, _CloseNow):
            frames += made(item)
            if len(frames) >= TOGETHER or not len(output):
                return frames, None
            item = output.take()
        return frames, item

    def _arm(self, seconds: float) -> None:
        self._watchdog = asyncio.get_running_loop().call_later(seconds, self._check_slow)

    def _check_slow(self) -> None:
        """One timer for many frames: it is set while something is being sent, and looks how long that one takes."""
        self._watchdog = None
        since = self._sending_since
        if since is None:
            return
        left = since + self._slow - asyncio.get_running_loop().time()
        if left > 0.001:
            self._arm(left)
        else:
            log.warning("client does not read, dropped", extra={"seconds": self._slow})
            self.stop(TRY_AGAIN_LATER, "Client reads too slowly")

    async def _finish(self, writer: asyncio.Task[None]) -> None:
        if self._watchdog is not None:
            self._watchdog.cancel()
        await cancel_and_wait(writer)
        try:
            if self._reason is not None:
                await close_socket(self._socket, *self._reason)
        finally:
            await self._peer.aclose()


async def close_socket(socket: DirectWebsocket, code: int, reason: str) -> None:
    """Send a close frame; a client that does not take it in time is left to the server."""
    shown = reason.encode()[:LONGEST_REASON].decode(errors="ignore")
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await socket.close(code, shown)
    except (TimeoutError, SocketGone):
        return

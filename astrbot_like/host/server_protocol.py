"""Hypercorn's connection, with what long-lived sockets need besides.

Hypercorn 0.18 sends WebSocket pings but never looks for the pongs; after a frame over the limit, or text that isn't
UTF-8, it leaves the application waiting; it closes a connection while the client may still be sending, so that the
close frame is lost in a reset; and it waits for ever for a client that doesn't read. The classes here mend these and
leave the rest to it. HTTP/2 is not spoken: a WebSocket over it would go around all of this, and a reverse proxy that
speaks it to browsers does not need it here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import h11
from hypercorn.asyncio.task_group import TaskGroup
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol.events import Request, StreamClosed
from hypercorn.protocol.h11 import STREAM_ID, H11Protocol, H11WSConnection
from hypercorn.typing import AppWrapper, ConnectionState
from hypercorn.utils import parse_socket_addr

from astrbot_like.host.socket_stream import SocketStream

log = logging.getLogger(__name__)
READ_SIZE = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class ConnectionOptions:
    """Limits of one connection; times in seconds.

    Attributes:
        max_message: Largest WebSocket message, in bytes; a larger one is answered with close code 1009.
        ping_interval: Between two pings; a peer that has not answered one by the next is dropped.
        close_timeout: How long a peer may take to answer a close frame.
        linger: How long a closed connection is kept for the peer to read what was sent.
        write_timeout: How long an HTTP client may read nothing of its answer.
        idle_timeout: How long an HTTP connection may be idle, or take to send its headers.
    """

    max_message: int = 1024 * 1024
    ping_interval: float = 20.0
    close_timeout: float = 2.0
    linger: float = 30.0
    write_timeout: float = 60.0
    idle_timeout: float = 15.0


class HttpProtocol(H11Protocol):
    """HTTP/1.1, and the way from it to a WebSocket."""

    def __init__(self, *args: Any, link: ServerConnection) -> None:
        super().__init__(*args)
        self._link = link
        self._socket: SocketStream | None = None

    async def handle(self, event: Event) -> None:
        """Bytes or the end of the connection."""
        if self._socket is not None and isinstance(event, RawData):
            await self._socket.received(event.data)
            return
        await super().handle(event)

    async def stream_send(self, event: Any) -> None:
        """What a stream sends."""
        if self._socket is not None and isinstance(event, StreamClosed):
            await self._close_stream()
            await self.send(Closed())
            return
        await super().stream_send(event)

    async def _create_stream(self, request: h11.Request) -> None:
        if not _asks_for_websocket(request):
            await super()._create_stream(request)
            return
        assert isinstance(self.connection, h11.Connection)
        socket = SocketStream(
            *(self.app, self.config, self.context, self.task_group, self.ssl, self.client, self.server),
            *(self.stream_send, STREAM_ID),
            link=self._link,
        )
        self.stream = socket
        early = self.connection.trailing_data[0]
        self.connection = H11WSConnection(self.connection)
        self.connection.buffer.clear()
        self._socket = socket
        await socket.handle(
            Request(
                stream_id=STREAM_ID,
                headers=list(request.headers),
                http_version=request.http_version.decode(),
                method="GET",
                raw_path=request.target,
                state=self.connection_state,
            )
        )
        if early:
            await socket.received(early)

    async def _check_protocol(self, event: h11.Request) -> None:
        """No h2c upgrade: the request is answered in HTTP/1.1, as RFC 9110 allows."""


class ServerConnection(TCPServer):
    """One TCP connection."""

    def __init__(self, *args: Any, options: ConnectionOptions) -> None:
        super().__init__(*args)
        self.options = options
        self._high_water = self.writer.transport.get_write_buffer_limits()[1]
        self._shut = False
        self._linger: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Serve until the peer or the server ends it."""
        try:
            socket = self.writer.get_extra_info("socket")
            client = parse_socket_addr(socket.family, socket.getpeername())
            server = parse_socket_addr(socket.family, socket.getsockname())
            async with TaskGroup(self.loop) as task_group:
                self._task_group = task_group
                self.protocol = HttpProtocol(  # type: ignore[assignment]
                    *(self.app, self.config, self.context, task_group, ConnectionState(self.state)),
                    *(self.writer.get_extra_info("ssl_object") is not None, client, server, self.protocol_send),
                    link=self,
                )
                await self.idle_task.restart(task_group, self._idle_timeout)
                await self._read_data()
                await self.idle_task.stop()
        except OSError:
            pass  # the peer went away
        finally:
            self._end()

    def abort(self) -> None:
        """Cut the connection at once."""
        self.writer.transport.abort()

    def write_now(self, data: bytes) -> None:
        """Hand bytes to the transport without waiting for room; for small control frames only."""
        if not self.writer.transport.is_closing():
            self.writer.write(data)

    async def protocol_send(self, event: Event) -> None:
        """What the protocol sends."""
        if isinstance(event, RawData):
            await self.write(event.data)
        elif isinstance(event, Closed):
            self._shut_down()
        elif isinstance(event, Updated):
            if event.idle:
                await self.idle_task.restart(self._task_group, self._idle_timeout)
            else:
                await self.idle_task.stop()

    async def write(self, data: bytes) -> None:
        """Hand bytes to the transport, waiting while much is still to be sent."""
        transport = self.writer.transport
        if self._shut or transport.is_closing():
            return
        transport.write(data)
        if transport.get_write_buffer_size() <= self._high_water:
            return
        # One order of bytes is kept by the transport itself; waiting needs no lock.
        try:
            async with asyncio.timeout(self.options.write_timeout):
                await self.writer.drain()
        except TimeoutError:
            self.abort()
        except ConnectionError:
            await self.protocol.handle(Closed())

    async def _read_data(self) -> None:
        while True:
            try:
                data = await self.reader.read(READ_SIZE)
            except OSError:
                break
            if not data:
                break
            if not self._shut:
                await self.protocol.handle(RawData(data))
        await self.protocol.handle(Closed())

    def _shut_down(self) -> None:
        """Send what is queued, then our end; the peer's end, or the linger time, closes the connection."""
        if self._shut:
            return
        self._shut = True
        transport = self.writer.transport
        if transport.is_closing():
            return
        if transport.can_write_eof():
            # The peer may have gone since: then the socket has no end to send, and reading tells the rest.
            with suppress(OSError):
                transport.write_eof()
            self._linger = self.loop.call_later(self.options.linger, transport.abort)
        else:
            transport.close()

    def _end(self) -> None:
        if self._linger is not None:
            self._linger.cancel()
        self.writer.transport.close() if self._shut else self.writer.transport.abort()


def _asks_for_websocket(request: h11.Request) -> bool:
    headers: dict[str, str] = {}
    for name, value in request.headers:
        headers[name.decode("latin1").strip().lower()] = value.decode("latin1").strip().lower()
    tokens = {token.strip() for token in headers.get("connection", "").split(",")}
    return "upgrade" in tokens and headers.get("upgrade") == "websocket" and request.method == b"GET"


def connection_factory(
    app: AppWrapper,
    loop: asyncio.AbstractEventLoop,
    config: Config,
    context: WorkerContext,
    options: ConnectionOptions,
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], ServerConnection]:
    """Makes the handler of each accepted connection."""

    def make(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> ServerConnection:
        return ServerConnection(app, loop, config, context, {}, reader, writer, options=options)

    return make

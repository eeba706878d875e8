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
from hypercorn.protocol.events import Request, Response, StreamClosed
from hypercorn.protocol.h11 import STREAM_ID, H11Protocol, H11WSConnection
from hypercorn.protocol.ws_stream import ASGIWebsocketState, WSStream
from hypercorn.typing import AppWrapper, ConnectionState
from hypercorn.utils import parse_socket_addr
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import SERVER, Protocol, State
from websockets.utils import accept_key

log = logging.getLogger(__name__)
codec_log = logging.getLogger(f"{__name__}.frames")

MAX_FRAGMENTS = 1024
"""Pieces of one message; a peer that sends more means no good."""

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
    """

    max_message: int = 1024 * 1024
    ping_interval: float = 20.0
    close_timeout: float = 2.0
    linger: float = 30.0
    write_timeout: float = 60.0


class _Warnings(logging.LoggerAdapter):  # type: ignore[type-arg]
    """Lets nothing below a warning through: the codec tells of every connection's end."""

    def isEnabledFor(self, level: int) -> bool:
        return level >= logging.WARNING and super().isEnabledFor(level)


class SocketStream(WSStream):
    """One WebSocket.

    Handshake and ASGI are hypercorn's; frames are read and written by the ``websockets`` library, whose C parts make a
    frame cost a third of wsproto's (7 instead of 20 µs for one of audio). Compression is not offered:
    permessage-deflate costs some 300 KiB a connection, and time, for audio that does not shrink.

    Args:
        link: The connection below.
    """

    def __init__(self, *args: Any, link: ServerConnection) -> None:
        super().__init__(*args)
        self._link = link
        self._frames = Protocol(
            SERVER, state=State.OPEN, max_size=link.options.max_message, logger=_Warnings(codec_log, None)
        )
        self._parts: list[Frame] = []
        self._timer: asyncio.TimerHandle | None = None
        self._awaiting_pong = False
        self._peer_closed: asyncio.Event | None = None

    async def handle(self, event: Any) -> None:
        """A step of the connection, except received bytes, which come to ``received``."""
        if isinstance(event, StreamClosed):
            self._stop_heartbeat()
            self._note_peer_closed()
        await super().handle(event)

    async def received(self, data: bytes) -> None:
        """Bytes from the client."""
        if self.closed:
            return
        if not self.handshake.accepted:
            await self._send_error_response(400)
            self.closed = True
            return
        frames = self._frames
        frames.receive_data(data)
        for frame in frames.events_received():
            await self._frame(frame)  # type: ignore[arg-type]
        if frames.writes:
            await self._flush()
        if frames.parser_exc is not None and self.state == ASGIWebsocketState.CONNECTED:
            await self._failed()

    async def app_send(self, message: Any) -> None:
        """What the application sends; None when it has ended."""
        message = message or {}
        kind = message.get("type")
        # Once the peer's or our close frame is through, what the application still sends is dropped.
        opened = self.state in (ASGIWebsocketState.CONNECTED, ASGIWebsocketState.CLOSED)
        if kind == "websocket.send" and opened:
            if self.closed or self._frames.state is not State.OPEN:
                return
            data = message.get("bytes")
            if data is None:
                self._frames.send_text(message["text"].encode())
            else:
                self._frames.send_binary(data)
            await self._flush()
        elif kind == "websocket.close" and opened:
            await self._close(int(message.get("code") or CloseCode.NORMAL_CLOSURE), message.get("reason") or "")
        elif kind is None and opened:
            if not self.closed:
                # An application that ends without a close frame has failed.
                await self._close(CloseCode.INTERNAL_ERROR, "")
                await self._await_peer_close()
                await self.send(StreamClosed(stream_id=self.stream_id))
        elif self.state != ASGIWebsocketState.CLOSED:
            await super().app_send(message or None)

    async def _accept(self, message: Any) -> None:
        self.state = ASGIWebsocketState.CONNECTED
        headers: list[tuple[bytes, bytes]] = [(b"upgrade", b"WebSocket"), (b"connection", b"Upgrade")]
        subprotocol = message.get("subprotocol")
        if subprotocol is not None and subprotocol in (self.handshake.subprotocols or ()):
            headers.append((b"sec-websocket-protocol", subprotocol.encode()))
        headers.append((b"sec-websocket-accept", accept_key((self.handshake.key or b"").decode()).encode()))
        headers.extend(message.get("headers", []))
        self.handshake.accepted = True
        await self.send(Response(stream_id=self.stream_id, status_code=101, headers=headers))
        self._schedule_ping()

    # --- frames -----------------------------------------------------------------------------------

    async def _frame(self, frame: Frame) -> None:
        opcode = frame.opcode
        if opcode is Opcode.PONG:
            self._awaiting_pong = False
        elif opcode is Opcode.CLOSE:
            self._note_peer_closed()
            await self._flush()
            if self.state == ASGIWebsocketState.CONNECTED:
                self.state = ASGIWebsocketState.CLOSED
                await self.send(StreamClosed(stream_id=self.stream_id))
        elif opcode is not Opcode.PING and self.state == ASGIWebsocketState.CONNECTED:
            # After our close frame, what the peer still had under way is dropped.
            await self._data(frame)

    async def _data(self, frame: Frame) -> None:
        if frame.fin and not self._parts:
            text, data = frame.opcode is Opcode.TEXT, bytes(frame.data)
        else:
            self._parts.append(frame)
            if not frame.fin:
                if len(self._parts) > MAX_FRAGMENTS:
                    await self._close(CloseCode.MESSAGE_TOO_BIG, "Too many fragments")
                    await self._tell_application(CloseCode.MESSAGE_TOO_BIG)
                return
            text = self._parts[0].opcode is Opcode.TEXT
            data = b"".join(part.data for part in self._parts)
            self._parts = []
        try:
            message: Any = {
                "type": "websocket.receive",
                "text": data.decode() if text else None,
                "bytes": None if text else data,
            }
        except UnicodeDecodeError:
            await self._close(CloseCode.INVALID_DATA, "Text must be UTF-8")
            await self._tell_application(CloseCode.INVALID_DATA)
            return
        if self.app_put is not None:
            await self.app_put(message)

    async def _flush(self) -> None:
        pieces = self._frames.data_to_send()
        await self._link.write(pieces[0] if len(pieces) == 1 else b"".join(pieces))

    async def _failed(self) -> None:
        """The codec gave up on what the peer sent, and has said so in a close frame."""
        sent = self._frames.close_sent
        self.state = ASGIWebsocketState.CLOSED
        await self._tell_application(int(sent.code) if sent is not None else CloseCode.PROTOCOL_ERROR)

    async def _tell_application(self, code: int) -> None:
        if self.app_put is not None:
            await self.app_put({"type": "websocket.disconnect", "code": int(code)})

    # --- the end -----------------------------------------------------------------------------------

    async def _close(self, code: int, reason: str) -> None:
        self.state = ASGIWebsocketState.CLOSED
        if self._frames.state is State.OPEN:
            self._frames.send_close(code, reason)
            self._link.write_now(b"".join(self._frames.data_to_send()))

    def _note_peer_closed(self) -> None:
        if self._peer_closed is None:
            self._peer_closed = asyncio.Event()
        self._peer_closed.set()

    async def _await_peer_close(self) -> None:
        """A connection cut while the peer is sending is reset, and the close frame may be lost with it."""
        self._stop_heartbeat()
        if self._peer_closed is None:
            self._peer_closed = asyncio.Event()
        try:
            async with asyncio.timeout(self._link.options.close_timeout):
                await self._peer_closed.wait()
        except TimeoutError:
            return

    # --- heartbeat ---------------------------------------------------------------------------------

    def _schedule_ping(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._link.options.ping_interval, self._beat)

    def _beat(self) -> None:
        if self.closed or self._frames.state is not State.OPEN:
            return
        if self._awaiting_pong:
            log.info("client answers no ping, dropped", extra={"seconds": self._link.options.ping_interval})
            self._link.abort()
            return
        self._awaiting_pong = True
        self._frames.send_ping(b"")
        self._link.write_now(b"".join(self._frames.data_to_send()))
        self._schedule_ping()

    def _stop_heartbeat(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


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

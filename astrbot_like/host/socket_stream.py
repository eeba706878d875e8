"""One WebSocket on the server: frames between the connection and the application."""

from __future__ import annotations

import asyncio
import logging
import struct
from typing import TYPE_CHECKING, Any

from hypercorn.protocol.events import Response, StreamClosed
from hypercorn.protocol.ws_stream import ASGIWebsocketState, WSStream
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import SERVER, Protocol, State
from websockets.utils import accept_key

from astrbot_like.dashboard.websocket import FRAMES_EXTENSION
from astrbot_like.host.frame_reader import FOR_CODEC, TEXT, FrameReader

if TYPE_CHECKING:
    from astrbot_like.host.server_protocol import ServerConnection

log = logging.getLogger(__name__)
codec_log = logging.getLogger(f"{__name__}.frames")

MAX_FRAGMENTS = 1024
"""Pieces of one message; a peer that sends more means no good."""


_MEDIUM = struct.Struct("!BBH").pack
_LONG = struct.Struct("!BBQ").pack


class _Warnings(logging.LoggerAdapter):  # type: ignore[type-arg]
    """Lets nothing below a warning through: the codec tells of every connection's end."""

    def isEnabledFor(self, level: int) -> bool:
        return level >= logging.WARNING and super().isEnabledFor(level)


def _serialized(data: str | bytes) -> tuple[bytes, bytes]:
    """Head and payload of a whole, unmasked frame (RFC 6455, section 5.2).

    The library's own way of a frame out takes 3.8 µs instead of 1.0, which some ten frames before the first audio of a
    reply show.
    """
    head, payload = (0x82, data) if isinstance(data, bytes) else (0x81, data.encode())
    length = len(payload)
    if length < 126:
        return bytes((head, length)), payload
    if length < 65_536:
        return _MEDIUM(head, 126, length), payload
    return _LONG(head, 127, length), payload


class SocketStream(WSStream):
    """One WebSocket.

    Handshake and ASGI are hypercorn's. Small, whole data frames, which nearly all are, are read and written here;
    whatever else the protocol knows is the ``websockets`` library's. Compression is not offered: permessage-deflate
    costs some 300 KiB a connection, and time, for audio that does not shrink.

    Args:
        link: The connection below.
    """

    def __init__(self, *args: Any, link: ServerConnection) -> None:
        super().__init__(*args)
        self._link = link
        self._frames = Protocol(
            SERVER, state=State.OPEN, max_size=link.options.max_message, logger=_Warnings(codec_log, None)
        )
        self._reader = FrameReader(link.options.max_message)
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
        for kind, piece in self._reader.feed(data):
            if kind == FOR_CODEC:
                await self._decode(piece)
            elif self.state == ASGIWebsocketState.CONNECTED:
                await self._message(piece, text=kind == TEXT)

    async def _decode(self, data: bytes) -> None:
        frames = self._frames
        frames.receive_data(data)
        for frame in frames.events_received():
            await self._frame(frame)  # type: ignore[arg-type]
        self._reader.plain = not self._parts
        if frames.writes:
            await self._flush()
        if frames.parser_exc is not None and self.state == ASGIWebsocketState.CONNECTED:
            await self._failed()

    @property
    def scope(self) -> Any:
        """What the application is told of the connection, with what this server can do beyond the specification."""
        return self._scope

    @scope.setter
    def scope(self, scope: Any) -> None:  # pyright: ignore[reportIncompatibleVariableOverride] - the base sets it
        scope["extensions"][FRAMES_EXTENSION] = {}
        self._scope = scope

    async def app_send(self, message: Any) -> None:
        """What the application sends; None when it has ended."""
        message = message or {}
        kind = message.get("type")
        # Once the peer's or our close frame is through, what the application still sends is dropped.
        opened = self.state in (ASGIWebsocketState.CONNECTED, ASGIWebsocketState.CLOSED)
        if kind == "websocket.send" and opened:
            if self.closed or self._frames.state is not State.OPEN:
                return
            frames = message.get("frames")
            if frames is None:
                data = message.get("bytes")
                frames = (message["text"] if data is None else data,)
            await self._link.write(b"".join([piece for frame in frames for piece in _serialized(frame)]))
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
            await self._message(bytes(frame.data), text=frame.opcode is Opcode.TEXT)
        else:
            self._parts.append(frame)
            if not frame.fin:
                if len(self._parts) > MAX_FRAGMENTS:
                    await self._close(CloseCode.MESSAGE_TOO_BIG, "Too many fragments")
                    await self._tell_application(CloseCode.MESSAGE_TOO_BIG)
                return
            parts, self._parts = self._parts, []
            await self._message(b"".join(part.data for part in parts), text=parts[0].opcode is Opcode.TEXT)

    async def _message(self, data: bytes, *, text: bool) -> None:
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

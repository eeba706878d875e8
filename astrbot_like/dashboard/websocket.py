"""Quart's WebSocket without the task and the unbounded queue between the server and its reader.

Quart starts a second task for each socket that moves what the client sends into a queue without a bound, and cancels
the handler when the client goes. Here the handler reads the server's own bounded queue: a reader that pauses holds the
client back through TCP, an empty binary frame is ``b""`` rather than None, and a lost client is an exception at the
next read, so that the handler decides what ends with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from quart import Quart, Websocket
from quart.asgi import ASGIWebsocketConnection

FRAMES_EXTENSION = "astrbot_like.frames"
"""Of an ASGI server whose ``websocket.send`` also takes ``frames``, a sequence of ``str`` and ``bytes``."""


class SocketGone(Exception):
    """The client is gone; nothing can be sent or read any more."""


class DirectWebsocket(Websocket):
    """A socket that reads the server's events itself."""

    next_event: Any = None
    send_event: Any = None
    takes_frames: bool = False
    """The server knows ``FRAMES_EXTENSION``."""

    async def receive(self) -> str | bytes:
        """The next frame.

        Raises:
            SocketGone: The client closed the connection, or lost it.
        """
        while True:
            event = await self.next_event()
            kind = event["type"]
            if kind == "websocket.receive":
                data = event.get("bytes")
                return event["text"] if data is None else data
            if kind == "websocket.disconnect":
                raise SocketGone

    async def send_frames(self, frames: Sequence[str | bytes]) -> None:
        """Send frames, waiting while the client does not read; all go to the system in one call where the server can.

        Args:
            frames: Text frames as ``str``, binary ones as ``bytes``.
        """
        if self.takes_frames:
            await self.send_event({"type": "websocket.send", "frames": frames})
            return
        for frame in frames:
            await self.send(frame)


class DirectConnection(ASGIWebsocketConnection):
    """Runs the handler in the server's own task for the connection."""

    async def __call__(self, receive: Any, send: Any) -> None:
        async def checked_send(message: Any) -> None:
            try:
                await send(message)
            except OSError:
                raise SocketGone from None

        socket = self._create_websocket_from_scope(checked_send)
        assert isinstance(socket, DirectWebsocket)
        socket.next_event = receive
        socket.send_event = checked_send
        socket.takes_frames = FRAMES_EXTENSION in (self.scope.get("extensions") or ())
        try:
            await self.handle_websocket(socket, checked_send)
        except SocketGone:
            return


def install_direct_websockets(app: Quart) -> None:
    """Make every WebSocket of ``app`` one of these."""
    app.websocket_class = DirectWebsocket
    app.asgi_websocket_class = DirectConnection

"""Quart's WebSocket without the task and the unbounded queue between the server and its reader.

Quart starts a second task for each socket that moves what the client sends into a queue without a bound, and cancels
the handler when the client goes. Here the handler reads the server's own bounded queue: a reader that pauses holds the
client back through TCP, an empty binary frame is ``b""`` rather than None, and a lost client is an exception at the
next read, so that the handler decides what ends with it.
"""

from __future__ import annotations

from typing import Any

from quart import Quart, Websocket
from quart.asgi import ASGIWebsocketConnection


class SocketGone(Exception):
    """The client is gone; nothing can be sent or read any more."""


class DirectWebsocket(Websocket):
    """A socket that reads the server's events itself."""

    next_event: Any = None
    send_event: Any = None

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

    async def send(self, data: str | bytes, *, more: bool = False) -> None:
        """Send one frame, waiting while the client does not read.

        Args:
            more: Another one follows at once, so this one may wait for it (see ``SocketStream.app_send``).
        """
        await self.send_event(
            {"type": "websocket.send", "text": data, "more": more}
            if isinstance(data, str)
            else {"type": "websocket.send", "bytes": data, "more": more}
        )


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
        try:
            await self.handle_websocket(socket, checked_send)
        except SocketGone:
            return


def install_direct_websockets(app: Quart) -> None:
    """Make every WebSocket of ``app`` one of these."""
    app.websocket_class = DirectWebsocket
    app.asgi_websocket_class = DirectConnection

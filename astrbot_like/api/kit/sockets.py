"""WebSockets to services, whose every failure is a coded error."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from astrbot_like.api.kit.connections import CONNECT_SECONDS, Connections
from astrbot_like.api.kit.errors import Blame
from astrbot_like.domain.errors import BotError

if TYPE_CHECKING:
    import aiohttp

_LARGEST_FRAME = 16 * 1024 * 1024
_CLOSING_SECONDS = 1.0  # for the other side's goodbye: whoever leaves in mid-stream does not wait longer


class ServiceSocket:
    """An open WebSocket.

    Args:
        socket: The socket.
        blame: Names the service in errors.
        timeout: Longest silence in seconds.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, blame: Blame, timeout: float) -> None:
        self._socket = socket
        self._blame = blame
        self._timeout = timeout

    async def send(self, frame: str | bytes) -> None:
        """Send a text or binary frame.

        Raises:
            ServiceError: The other side is gone.
        """
        try:
            await (self._socket.send_str(frame) if isinstance(frame, str) else self._socket.send_bytes(frame))
        except ConnectionError as error:
            raise self._blame.cut() from error

    async def receive(self) -> str | bytes | None:
        """The next text or binary frame; None when the other side has closed in good order.

        Raises:
            ServiceError: The connection was cut, or the service fell silent.
        """
        import aiohttp

        try:
            async with asyncio.timeout(self._timeout):
                message = await self._socket.receive()
        except TimeoutError as error:
            raise self._blame.timeout("further output", self._timeout) from error
        if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            return message.data if isinstance(message.data, str) else bytes(message.data)
        if self._socket.close_code == aiohttp.WSCloseCode.OK:
            return None
        raise self._blame.cut()

    async def expect(self) -> str | bytes:
        """The next frame, where the service has not said yet that it is done; errors as ``receive`` has them."""
        frame = await self.receive()
        if frame is None:
            raise self._blame.cut()
        return frame


@asynccontextmanager
async def open_socket(
    connections: Connections, url: str, headers: Mapping[str, str] | None, blame: Blame, timeout: float
) -> AsyncIterator[ServiceSocket]:
    """A WebSocket that is closed when the block is left.

    Raises:
        ServiceError: The handshake or the network failed.
    """
    session = await connections.session()
    import aiohttp

    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            socket = await session.ws_connect(
                url,
                headers=headers,
                proxy=connections.proxy,
                max_msg_size=_LARGEST_FRAME,
                timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSING_SECONDS),  # pyright: ignore[reportCallIssue] - attrs
            )
    except aiohttp.WSServerHandshakeError as error:
        if error.status < 300:
            raise blame.nonsense("an answer that opens no WebSocket") from error
        retry_after = error.headers.get("Retry-After") if error.headers else None
        raise blame.status(error.status, "", retry_after=retry_after) from error
    except TimeoutError as error:
        raise blame.timeout("connection", CONNECT_SECONDS) from error
    except (aiohttp.ClientError, ValueError, OSError) as error:
        raise connections.failure(error, url) from error
    try:
        yield ServiceSocket(socket, blame, timeout)
    except BotError:
        raise
    except (aiohttp.ClientError, OSError) as error:
        raise blame.cut() from error
    finally:
        await socket.close()

"""HTTP and WebSocket under the client, on aiohttp."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import aiohttp
import msgspec

from astrbot_like.client.errors import ApiError, ClientError, ConnectionClosed

T = TypeVar("T")

HEARTBEAT = 20.0
"""Seconds between pings of the client's own."""

CONNECT_TIMEOUT = 10.0
"""Seconds until a connection that can't be made is given up."""


class Transport:
    """Requests to one server with one credential.

    Args:
        base_url: Such as ``http://localhost:6185``.
        api_key: A key with the scopes that the calls need.
    """

    def __init__(self, base_url: str, api_key: str) -> None:
        self._base = base_url.rstrip("/")
        self._key = api_key
        self._session: aiohttp.ClientSession | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """The connection pool."""
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_TIMEOUT)
            self._session = aiohttp.ClientSession(headers={"X-API-Key": self._key}, timeout=timeout)
        return self._session

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    @asynccontextmanager
    async def request(self, method: str, path: str, **options: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        """A request whose answer is a success.

        Raises:
            ApiError: The server refused it.
            ClientError: The server can't be reached.
        """
        try:
            async with self.session.request(method, self._base + path, **options) as response:
                if response.status >= 400:
                    raise _api_error(response.status, await response.read())
                yield response
        except aiohttp.ClientError as error:
            raise ClientError(f"The server can't be reached: {error}") from error

    async def data(self, method: str, path: str, result: type[T], **options: Any) -> T:
        """``data`` of an envelope as ``result``."""
        async with self.request(method, path, **options) as response:
            body = msgspec.json.decode(await response.read())
            return msgspec.convert(body["data"], result)

    @asynccontextmanager
    async def socket(self, path: str, query: Mapping[str, str]) -> AsyncIterator[Socket]:
        """A WebSocket.

        Raises:
            ClientError: The server can't be reached.
        """
        try:
            raw = await self.session.ws_connect(
                self._base + path, params=dict(query), heartbeat=HEARTBEAT, max_msg_size=0, compress=0
            )
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ClientError(f"The server can't be reached: {error}") from error
        try:
            yield Socket(raw)
        finally:
            await raw.close()


class Socket:
    """Frames out and in."""

    def __init__(self, raw: aiohttp.ClientWebSocketResponse) -> None:
        self._raw = raw

    async def send(self, frame: Any) -> None:
        """Send a struct or a mapping as JSON, or bytes as they are.

        Raises:
            ConnectionClosed: It is closed.
        """
        try:
            if isinstance(frame, bytes):
                await self._raw.send_bytes(frame)
            else:
                await self._raw.send_str(msgspec.json.encode(frame).decode())
        except (ConnectionError, RuntimeError, aiohttp.ClientError) as error:
            raise ConnectionClosed(self._raw.close_code or 1006) from error

    async def receive(self) -> str | bytes:
        """The next frame.

        Raises:
            ConnectionClosed: There is none any more.
        """
        message = await self._raw.receive()
        if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            return message.data
        reason = message.extra if message.type is aiohttp.WSMsgType.CLOSE and isinstance(message.extra, str) else ""
        raise ConnectionClosed(self._raw.close_code or 1006, reason)


def _api_error(status: int, body: bytes) -> ApiError:
    try:
        envelope = msgspec.json.decode(body)
        return ApiError(status, str(envelope["message"]), str((envelope.get("data") or {}).get("code", "")))
    except (msgspec.MsgspecError, KeyError, TypeError, AttributeError):
        return ApiError(status, f"The server answered with status {status}.")

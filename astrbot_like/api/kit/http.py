"""One pooled HTTP connection set for each provider, whose every failure is a coded error.

aiohttp is imported when the first request is made. A response streams in the chunks in which it arrives: nothing is
gathered, and a cancelled caller closes its connection at once, which is what stops the model at the other end.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from astrbot_like.api.kit.errors import Blame
from astrbot_like.api.kit.sse import EventTooLarge, SseParser
from astrbot_like.domain.errors import BotError

if TYPE_CHECKING:
    import aiohttp

CONNECT_SECONDS = 10.0
_ERROR_BODY = 64 * 1024
_ANSWER_BODY = 64 * 1024 * 1024
IDLE_SECONDS = 75.0
CONNECTIONS = 128
_STREAM_HEADERS = {"Accept": "text/event-stream", "Accept-Encoding": "identity"}  # compression would gather events


class HttpService:
    """Requests to one service.

    Args:
        base_url: What paths are appended to, without a closing slash.
        blame: Names the service in errors.
        timeout: Seconds a whole answer may take, and in a stream the longest silence.
        proxy: Address of an HTTP proxy, "" for none.
    """

    def __init__(self, base_url: str, blame: Blame, *, timeout: float = 120.0, proxy: str = "") -> None:
        self.base_url = base_url.rstrip("/")
        self.blame = blame
        self.timeout = timeout
        self._proxy = proxy or None
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def json(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        form: Any = None,
        params: Mapping[str, str] | None = None,
        model: str = "",
    ) -> Any:
        """The decoded JSON answer.

        Args:
            method: HTTP method.
            path: Appended to the base URL, or a whole URL.
            headers: Sent along.
            body: Sent as JSON.
            form: ``aiohttp.FormData`` sent instead.
            params: The query.
            model: Named in errors.

        Raises:
            ServiceError: The request failed in any way.
        """
        data = await self.bytes(method, path, headers=headers, body=body, form=form, params=params, model=model)
        try:
            return msgspec.json.decode(data)
        except msgspec.DecodeError as error:
            raise self.blame.nonsense("an answer that is not JSON") from error

    async def bytes(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        form: Any = None,
        params: Mapping[str, str] | None = None,
        model: str = "",
    ) -> bytes:
        """The whole answer; arguments and errors as ``json`` has them."""
        gathered = bytearray()
        try:
            async with (
                asyncio.timeout(self.timeout),
                self.open(method, path, headers=headers, body=body, form=form, params=params, model=model) as response,
            ):
                async for chunk in self.chunks(response):
                    gathered += chunk
                    if len(gathered) > _ANSWER_BODY:
                        raise self.blame.nonsense("an answer that does not end")
        except TimeoutError as error:
            raise self.blame.timeout(seconds=self.timeout) from error
        return bytes(gathered)

    @asynccontextmanager
    async def open(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        form: Any = None,
        params: Mapping[str, str] | None = None,
        model: str = "",
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """An answer of status 2xx whose body has not been read; arguments and errors as ``json`` has them."""
        sent = dict(headers or {})
        data: Any = form
        if body is not None:
            data = msgspec.json.encode(body)
            sent.setdefault("Content-Type", "application/json")
        url = path if "://" in path else f"{self.base_url}{path}"
        response = await self._request(method, url, sent, data, params)
        try:
            if response.status >= 300:
                said = await self._error_body(response)
                raise self.blame.status(
                    response.status, said, model=model, retry_after=response.headers.get("Retry-After")
                )
            yield response
        finally:
            # Gives a finished connection back to the pool and closes one with an answer still on its way.
            response.release()

    async def events(
        self, path: str, *, headers: Mapping[str, str] | None = None, body: Any = None, model: str = ""
    ) -> AsyncGenerator[list[bytes], None]:
        """The data of server-sent events as they come, those of one network read together.

        Raises:
            ServiceError: The request failed, the stream was cut, or it fell silent for the time-out.
        """
        parser = SseParser()
        async with self.open(
            "POST", path, headers={**_STREAM_HEADERS, **(headers or {})}, body=body, model=model
        ) as response:
            if "json" in response.content_type:
                # A server that can't stream answers with the whole at once.
                yield [await self._whole(response)]
                return
            try:
                async for chunk in self.chunks(response):
                    if events := parser.feed(chunk):
                        yield events
                if events := parser.close():
                    yield events
            except EventTooLarge as error:
                raise self.blame.nonsense("an event that does not end") from error

    async def chunks(self, response: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
        """The body as it comes, with the failures of the network as coded errors."""
        import aiohttp

        content = response.content
        try:
            while chunk := await content.readany():
                yield chunk
        except TimeoutError as error:  # aiohttp's time-outs are of this kind too
            raise self.blame.timeout("further output", self.timeout) from error
        except (aiohttp.ClientPayloadError, aiohttp.ClientConnectionError, ConnectionError) as error:
            raise self.blame.cut() from error

    @asynccontextmanager
    async def websocket(
        self, path: str, *, headers: Mapping[str, str] | None = None, max_bytes: int = 16 * 1024 * 1024
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """An open WebSocket; its failures while it is used are coded errors too.

        Raises:
            ServiceError: The handshake or the network failed.
        """
        import aiohttp

        url = path if "://" in path else f"{self.base_url}{path}"
        session = await self._open_session()
        try:
            async with (
                asyncio.timeout(None) as deadline,
                self._connecting(deadline, session, url, headers, max_bytes) as socket,
            ):
                yield socket
        except aiohttp.WSServerHandshakeError as error:
            raise self.blame.status(error.status, error.message) from error
        except BotError:
            raise
        except TimeoutError as error:
            raise self.blame.timeout(seconds=self.timeout) from error
        except (aiohttp.ClientError, OSError) as error:
            raise self._network(error, url) from error

    @asynccontextmanager
    async def _connecting(
        self,
        deadline: asyncio.Timeout,
        session: aiohttp.ClientSession,
        url: str,
        headers: Mapping[str, str] | None,
        max_bytes: int,
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        deadline.reschedule(asyncio.get_running_loop().time() + CONNECT_SECONDS)
        socket = await session.ws_connect(url, headers=headers, proxy=self._proxy, max_msg_size=max_bytes)
        deadline.reschedule(None)
        try:
            yield socket
        finally:
            await socket.close()

    async def aclose(self) -> None:
        """Close every connection; a later request opens new ones."""
        session, self._session = self._session, None
        if session is not None and not session.closed:
            await session.close()

    async def _request(
        self, method: str, url: str, headers: dict[str, str], data: Any, params: Mapping[str, str] | None
    ) -> aiohttp.ClientResponse:
        import aiohttp

        session = await self._open_session()
        for last in (False, True):
            try:
                return await session.request(
                    method, url, headers=headers, data=data, params=params, proxy=self._proxy, allow_redirects=False
                )
            except aiohttp.ServerDisconnectedError as error:
                # A kept-alive connection that the server had closed: nothing was answered, so once more is safe.
                if last or not isinstance(data, (bytes, type(None))):
                    raise self._network(error, url) from error
            except TimeoutError as error:
                raise self.blame.timeout(seconds=self.timeout) from error
            except (aiohttp.ClientError, ValueError, OSError) as error:
                raise self._network(error, url) from error
        raise AssertionError("unreachable")

    def _network(self, error: Exception, url: str) -> BotError:
        import aiohttp

        where = host_of(url)
        if isinstance(error, (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError, ssl.SSLError)):
            return self.blame.unreachable(where, "its TLS certificate was not accepted")
        if isinstance(error, aiohttp.ClientConnectorDNSError):
            return self.blame.unreachable(where, "the name is not known")
        if isinstance(error, (aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError)):
            return self.blame.unreachable(where, "the proxy failed")
        if isinstance(error, (aiohttp.InvalidURL, ValueError)):
            return self.blame.unreachable(where, "the address is not valid")
        if isinstance(error, aiohttp.ClientConnectorError):
            refused = isinstance(error.os_error, ConnectionRefusedError)
            return self.blame.unreachable(where, "the connection was refused" if refused else "no connection")
        if isinstance(error, aiohttp.ServerDisconnectedError):
            return self.blame.unreachable(where, "it closed the connection without an answer")
        return self.blame.unreachable(where, "the connection failed")

    async def _error_body(self, response: aiohttp.ClientResponse) -> bytes:
        import aiohttp

        try:
            async with asyncio.timeout(5):
                return await response.content.read(_ERROR_BODY)
        except (aiohttp.ClientError, TimeoutError, OSError):
            return b""  # the status alone has to tell

    async def _whole(self, response: aiohttp.ClientResponse) -> bytes:
        return b"".join([chunk async for chunk in self.chunks(response)])

    async def _open_session(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        if self._session is None or self._session.closed or self._loop is not loop:
            import aiohttp

            self._loop = loop
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=CONNECTIONS, keepalive_timeout=IDLE_SECONDS, ttl_dns_cache=300, enable_cleanup_closed=False
                ),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=self.timeout),
                auto_decompress=True,
            )
        return self._session


def host_of(url: str) -> str:
    """Scheme, host and port; neither the path nor credentials nor a query, which may hold keys."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "that address"
    return f"{parts.scheme}://{parts.hostname or ''}{port}" if parts.hostname else "that address"

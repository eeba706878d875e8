"""One pooled HTTP connection set for each provider, whose every failure is a coded error.

aiohttp is imported when the first request is made. A response streams in the chunks in which it arrives: nothing is
gathered, and a cancelled caller closes its connection at once, which is what stops the model at the other end.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import msgspec

from astrbot_like.api.kit.connections import Connections
from astrbot_like.api.kit.errors import Blame, Failure, ServiceError
from astrbot_like.api.kit.sockets import ServiceSocket, open_socket
from astrbot_like.api.kit.sse import EventTooLarge, SseParser, is_end

if TYPE_CHECKING:
    import aiohttp

_ERROR_BODY = 64 * 1024
_ANSWER_BODY = 64 * 1024 * 1024
_FAREWELL_SECONDS = 0.2  # some servers leave the connection open behind the end mark
_STREAM_HEADERS = {"Accept": "text/event-stream", "Accept-Encoding": "identity"}  # compression would gather events


class Asked(TypedDict, total=False):
    """What a request holds beside method and path.

    Attributes:
        headers: Sent along.
        body: Sent as JSON.
        form: ``aiohttp.FormData`` or bytes sent instead, or pieces that are sent as they are made: then the time that
            all of this may take is for the caller to limit.
        params: The query.
        model: Named in errors.
    """

    headers: Mapping[str, str] | None
    body: Any
    form: Any
    params: Mapping[str, str] | None
    model: str


class HttpService:
    """Requests to one service.

    Args:
        base_url: What paths are appended to, without a closing slash.
        blame: Names the service in errors.
        timeout: Seconds a whole answer may take, and in a stream the longest silence.
        proxy: Address of an HTTP proxy, "" for none.
        kind_of: What kind of failure a status and its body are, where the service means something of its own by them.
    """

    def __init__(
        self,
        base_url: str,
        blame: Blame,
        *,
        timeout: float = 120.0,
        proxy: str = "",
        kind_of: Callable[[int, bytes], Failure | None] | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.blame = blame
        self.timeout = timeout
        self._connections = Connections(blame, timeout=timeout, proxy=proxy)
        self._kind_of = kind_of

    async def json(self, method: str, path: str, **asked: Unpack[Asked]) -> Any:
        """The decoded JSON answer.

        Args:
            method: HTTP method.
            path: Appended to the base URL, or a whole URL.
            asked: See ``Asked``.

        Raises:
            ServiceError: The request failed in any way.
        """
        data = await self.bytes(method, path, **asked)
        try:
            return msgspec.json.decode(data)
        except ValueError as error:  # msgspec's errors are of this kind, and those of UTF-8
            raise self.blame.nonsense("an answer that is not JSON") from error

    async def bytes(self, method: str, path: str, **asked: Unpack[Asked]) -> bytes:
        """The whole answer; arguments and errors as ``json`` has them."""
        gathered = bytearray()
        try:
            async with (
                asyncio.timeout(None if isinstance(asked.get("form"), AsyncIterator) else self.timeout),
                self.open(method, path, **asked) as response,
            ):
                async for chunk in self.chunks(response):
                    gathered += chunk
                    if len(gathered) > _ANSWER_BODY:
                        raise self.blame.nonsense("an answer that does not end")
        except TimeoutError as error:
            raise self.blame.timeout(seconds=self.timeout) from error
        return bytes(gathered)

    @asynccontextmanager
    async def open(self, method: str, path: str, **asked: Unpack[Asked]) -> AsyncIterator[aiohttp.ClientResponse]:
        """An answer of status 2xx whose body has not been read; arguments and errors as ``json`` has them."""
        sent = dict(asked.get("headers") or {})
        data = asked.get("form")
        if (body := asked.get("body")) is not None:
            data = msgspec.json.encode(body)
            sent.setdefault("Content-Type", "application/json")
        response = await self._connections.request(method, self._url(path), sent, data, asked.get("params"))
        try:
            if response.status >= 300:
                said = await self._error_body(response)
                raise self.blame.status(
                    response.status,
                    said,
                    model=asked.get("model", ""),
                    retry_after=response.headers.get("Retry-After"),
                    failure=self._kind_of(response.status, said) if self._kind_of else None,
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
            if response.content_type == "text/html":
                raise self.blame.nonsense("a web page")
            if "json" in response.content_type:
                # A server that can't stream answers with the whole at once.
                yield [await self._whole(response)]
                return
            try:
                async for chunk in self.chunks(response):
                    events = parser.feed(chunk)
                    end = next((place for place, event in enumerate(events) if is_end(event)), None)
                    if events:
                        yield events if end is None else events[: end + 1]
                    if end is not None:
                        await self._see_off(response)
                        return
                if events := parser.close():
                    yield events
            except EventTooLarge as error:
                raise self.blame.nonsense("an event that does not end") from error

    async def sound(self, path: str, **asked: Unpack[Asked]) -> AsyncGenerator[bytes, None]:
        """Sound as it comes; arguments and errors as ``json`` has them.

        Raises:
            ServiceError: The request failed, or what came is text, which nobody wants to hear as noise.
        """
        async with self.open("POST", path, **asked) as response:
            if response.content_type.startswith("text/") or "json" in response.content_type:
                raise self.blame.nonsense("text in place of sound")
            async with aclosing(self.chunks(response)) as chunks:
                async for chunk in chunks:
                    yield chunk

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

    def websocket(
        self, path: str, *, headers: Mapping[str, str] | None = None
    ) -> AbstractAsyncContextManager[ServiceSocket]:
        """An open WebSocket; its failures while it is used are coded errors too.

        Raises:
            ServiceError: The handshake or the network failed.
        """
        return open_socket(self._connections, self._url(path), headers, self.blame, self.timeout)

    async def aclose(self) -> None:
        """Close every connection; a later request opens new ones."""
        await self._connections.aclose()

    def _url(self, path: str) -> str:
        return path if "://" in path else f"{self.base_url}{path}"

    async def _error_body(self, response: aiohttp.ClientResponse) -> bytes:
        import aiohttp

        try:
            async with asyncio.timeout(5):
                return await response.content.read(_ERROR_BODY)
        except (aiohttp.ClientError, TimeoutError, OSError):
            return b""  # the status alone has to tell

    async def _see_off(self, response: aiohttp.ClientResponse) -> None:
        """Read to the end of a stream that has said its last, which keeps the connection; not for long."""
        try:
            async with asyncio.timeout(_FAREWELL_SECONDS):
                async for _ in self.chunks(response):
                    pass
        except (TimeoutError, ServiceError):
            return  # nothing of the answer is missing

    async def _whole(self, response: aiohttp.ClientResponse) -> bytes:
        return b"".join([chunk async for chunk in self.chunks(response)])

"""Request bodies that hold the sender back.

Quart queues everything a client sends; a fast upload into a slow disk would fill the memory. Here the server is asked
for more only while little is waiting to be read, so that the transport's own flow control reaches the client.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Generator
from typing import Any

from quart import Quart, Request, Response, request
from quart.asgi import ASGIHTTPConnection

from astrbot_like.domain.errors import TooLarge, Unavailable

WINDOW = 256 * 1024
"""Bytes waiting to be read at which the sender is held back."""

LINGER_BYTES = 256 * 1024 * 1024
LINGER_SECONDS = 30.0
"""How much, and how long, of a refused body is read on, so that a client that only reads after it has sent gets the
answer rather than a broken connection."""


class ClientGone(Unavailable):
    """The client closed the connection before its body was complete; nobody reads the answer."""

    default_message = "The upload was cut off."


class PacedBody:
    """A body read piece by piece, or awaited as a whole up to its limit.

    Same interface as Quart's own (``append``/``put``, ``set_complete``, ``disconnect`` by its ASGI side).

    Args:
        expected_content_length: What the client announced, in bytes.
        max_content_length: Limit in bytes; ``allow`` changes it before reading.
    """

    def __init__(self, expected_content_length: int | None, max_content_length: int | None) -> None:
        self._expected = expected_content_length
        self._limit = max_content_length
        self._chunks: deque[bytes] = deque()
        self._waiting = 0
        self._read = 0
        self._complete = False
        self._gone = False
        self._discarding = False
        self._changed = asyncio.Event()
        self._all: bytes | None = None
        self._drained = False

    @property
    def unread(self) -> bool:
        """Whether it has not come in to its end, and nobody has tried to read it that far."""
        return not self._complete and not self._drained

    def allow(self, max_content_length: int) -> None:
        """Set another limit for this body."""
        self._limit = max_content_length

    @property
    def too_large(self) -> bool:
        """Whether the announced length is over the limit."""
        return self._limit is not None and self._expected is not None and self._expected > self._limit

    def __aiter__(self) -> PacedBody:
        return self

    async def __anext__(self) -> bytes:
        if self.too_large:
            raise TooLarge(too_large_text(self._limit))
        while not self._chunks:
            if self._complete:
                raise StopAsyncIteration
            if self._gone:
                raise ClientGone
            self._changed.clear()
            await self._changed.wait()
        chunk = self._chunks.popleft()
        self._waiting -= len(chunk)
        self._read += len(chunk)
        self._changed.set()
        if self._limit is not None and self._read > self._limit:
            raise TooLarge(too_large_text(self._limit))
        return chunk

    def __await__(self) -> Generator[Any, None, bytes]:
        return self._whole().__await__()

    async def _whole(self) -> bytes:
        if self._all is None:
            self._all = b"".join([chunk async for chunk in self])
        return self._all

    async def drain(self, limit: int) -> None:
        """Read and drop up to ``limit`` bytes, so that a client still sending gets to read the answer."""
        self._limit, self._expected, self._drained = None, None, True
        dropped = 0
        async for chunk in self:
            dropped += len(chunk)
            if dropped > limit:
                return

    async def room(self) -> None:
        """Wait until more of the body is wanted."""
        while self._waiting >= WINDOW and not self._discarding:
            self._changed.clear()
            await self._changed.wait()

    def discard(self) -> None:
        """Nobody reads any more: forget what waits, and let the rest come and go."""
        self._discarding = True
        self._chunks.clear()
        self._waiting = 0
        self._changed.set()

    def append(self, data: bytes) -> None:
        """Add a piece that came in."""
        if data and not self._discarding:
            self._chunks.append(data)
            self._waiting += len(data)
            self._changed.set()

    async def put(self, data: bytes) -> None:
        """Add a piece that came in."""
        self.append(data)

    def set_complete(self) -> None:
        """That was all."""
        self._complete = True
        self._changed.set()

    def disconnect(self) -> None:
        """The client is gone."""
        self._gone = True
        self._changed.set()

    def set_result(self, data: bytes) -> None:
        """The whole body at once (for tests)."""
        self.append(data)
        self.set_complete()

    def clear(self) -> None:
        """Free what was read."""
        self._all = b""


class PacedRequest(Request):
    """A request with a body that holds the sender back."""

    body_class = PacedBody  # type: ignore[assignment]


class PacedHttpConnection(ASGIHTTPConnection):
    """Asks the server for more of a body only when there is room."""

    _body: PacedBody | None = None

    async def __call__(self, receive: Any, send: Any) -> None:
        await super().__call__(self._paced(receive), send)

    def _create_request_from_scope(self, send: Any) -> Request:
        request = super()._create_request_from_scope(send)
        self._body = request.body  # type: ignore[assignment]
        return request

    async def handle_request(self, request: Request, send: Any) -> None:
        try:
            await super().handle_request(request, send)
        finally:
            request.body.discard()  # type: ignore[attr-defined]

    def _paced(self, receive: Callable[[], Awaitable[Any]]) -> Callable[[], Awaitable[Any]]:
        async def paced() -> Any:
            if self._body is not None:
                await self._body.room()
            return await receive()

        return paced


def install_lingering(app: Quart) -> None:
    """Answer only when the body has come in, whatever the answer is: a client that first sends all and then reads would
    otherwise be stuck, for nobody takes what it sends any more."""

    async def read_on(response: Response) -> Response:
        body = request.body
        announced = bool(request.content_length) or "Transfer-Encoding" in request.headers
        if announced and isinstance(body, PacedBody) and body.unread:
            await linger(body)
        return response

    app.after_request(read_on)


async def linger(body: PacedBody) -> None:
    """Read on, and drop, what a client still sends of a body that was refused."""
    try:
        async with asyncio.timeout(LINGER_SECONDS):
            await body.drain(LINGER_BYTES)
    except (TimeoutError, ClientGone):
        return


def too_large_text(limit: int | None) -> str:
    """What a client reads whose body is over ``limit`` bytes."""
    if limit is None:
        return TooLarge.default_message
    size = f"{limit // (1024 * 1024)} MiB" if limit >= 1024 * 1024 else f"{limit} bytes"
    return f"The request is over the limit of {size}."

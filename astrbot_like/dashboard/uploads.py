"""Multipart uploads, streamed: the file part goes on as it comes in and is never whole in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Generic, TypeVar, cast

import msgspec
from quart import Request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData

from astrbot_like.dashboard.bodies import ClientGone, PacedBody, linger, too_large_text
from astrbot_like.domain import errors

T = TypeVar("T")

SLICE = 64 * 1024
"""Bytes given to the decoder at once."""

DECODER_MEMORY = 1024 * 1024
"""Bytes the decoder may hold: a part's headers, and what could be the beginning of a boundary."""

MAX_PARTS = 100
FIELD_LIMIT = 64 * 1024
"""Bytes of one text field."""

OVERHEAD = 64 * 1024
"""Bytes of boundaries and headers allowed on top of the file."""

Taker = Callable[[str, AsyncIterator[bytes]], Awaitable[T]]
"""Takes the file: the client's name for it, and its bytes."""


class Uploaded(msgspec.Struct, Generic[T], frozen=True):
    """What came of an upload: the taker's result, and the form's text fields."""

    result: T
    fields: dict[str, str]


async def receive_upload(
    request: Request, take: Taker[T], *, limit: int, timeout: float, file_field: str = "file"
) -> Uploaded[T]:
    """Hand the file part of the current request to ``take`` while it comes in.

    Args:
        request: A ``multipart/form-data`` request.
        take: Stores the file; it may raise.
        limit: Largest file in bytes.
        timeout: Seconds the client may pause.
        file_field: Name of the part; the first of that name counts.

    Raises:
        UnsupportedMediaType: Not a multipart form.
        BadRequest: ``Missing key: FIELD`` (of a request without a body, too), or the form is damaged.
        TooLarge: The file or the form is over its limit.
    """
    body = cast(PacedBody, request.body)
    boundary = request.mimetype_params.get("boundary", "").encode("utf-8", "replace")
    if request.content_length == 0 or not (request.content_length or request.mimetype):
        raise errors.BadRequest(f"Missing key: {file_field}")
    if request.mimetype != "multipart/form-data" or not boundary:
        await linger(body)
        raise errors.UnsupportedMediaType("Send the file as multipart/form-data.")
    body.allow(limit + OVERHEAD)
    form = _Form(body, boundary, timeout, limit)
    try:
        return await form.read(take, file_field)
    except (errors.TooLarge, RequestEntityTooLarge) as error:
        await linger(body)
        raise errors.TooLarge(too_large_text(limit)) from error
    except (errors.BotError, ClientGone):
        await linger(body)
        raise
    except (ValueError, LookupError) as error:
        await linger(body)
        raise errors.BadRequest("The multipart form is damaged.") from error


class _Form:
    """Pulls events of the form out of the body, one by one."""

    def __init__(self, body: PacedBody, boundary: bytes, timeout: float, limit: int) -> None:
        self._body = body
        self._timeout = timeout
        self._limit = limit
        self._decoder = MultipartDecoder(boundary, DECODER_MEMORY, max_parts=MAX_PARTS)
        self._chunk = memoryview(b"")
        self._ended = False

    async def read(self, take: Taker[T], file_field: str) -> Uploaded[T]:
        fields: dict[str, str] = {}
        results: list[T] = []
        while not isinstance(event := await self._next(), Epilogue):
            if isinstance(event, File) and event.name == file_field and not results:
                pieces = self._pieces(self._limit)
                results.append(await take(event.filename or "", pieces))
                async for _ in pieces:
                    pass
            elif isinstance(event, File):
                async for _ in self._pieces(self._limit):
                    pass
            elif isinstance(event, Field):
                value = b"".join([piece async for piece in self._pieces(FIELD_LIMIT)])
                fields.setdefault(event.name, value.decode("utf-8", "replace"))
        if not results:
            raise errors.BadRequest(f"Missing key: {file_field}")
        return Uploaded(results[0], fields)

    async def _pieces(self, limit: int) -> AsyncIterator[bytes]:
        size = 0
        while True:
            event = await self._next()
            if not isinstance(event, Data):
                raise ValueError("a part ended early")
            size += len(event.data)
            if size > limit:
                raise errors.TooLarge(too_large_text(limit))
            if event.data:
                yield event.data
            if not event.more_data:
                return

    async def _next(self) -> Event:
        while isinstance(event := self._decoder.next_event(), NeedData):
            if self._ended:
                raise ValueError("the form ended early")
            if not self._chunk:
                await self._refill()
            if self._chunk:
                self._decoder.receive_data(bytes(self._chunk[:SLICE]))
                self._chunk = self._chunk[SLICE:]
        return event

    async def _refill(self) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                self._chunk = memoryview(await anext(self._body))
        except StopAsyncIteration:
            self._ended = True
            self._decoder.receive_data(None)
        except TimeoutError:
            raise errors.BadRequest("The upload paused for too long and was given up.") from None

"""The host's end of a speaking process: requests in turn, their samples as they are made."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from astrbot_like.api import logger
from astrbot_like.domain.errors import ProviderError

from .worker import HEADER

_START_SECONDS = 60.0
_STOP_SECONDS = 2.0
_HELD_PIECES = 6000
"""Pieces of 60 ms that may wait for a listener: six minutes. The reader never waits for one listener, since all others
would wait with it; a listener that is further behind is cut off."""


class Speaker:
    """One speaking process, started when it is first needed and again after it died.

    Args:
        provider_id: For error texts.
    """

    def __init__(self, provider_id: str) -> None:
        self._id = provider_id
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._ready: asyncio.Future[dict[str, Any]] | None = None
        self._starting = asyncio.Lock()
        self._requests: dict[int, asyncio.Queue[bytes | Exception | None]] = {}
        self._number = 0
        self._closed = False

    @property
    def waiting(self) -> int:
        """Requests under way."""
        return len(self._requests)

    async def about(self) -> dict[str, Any]:
        """``rate`` in Hz and ``voices`` of the library; starts the process.

        Raises:
            ProviderError: It could not be started.
        """
        if self._ready is None or not self._ready.done() or self._ready.exception() is not None:
            async with self._starting:
                if self._ready is None or (self._ready.done() and self._ready.exception() is not None):
                    await self._start()
        assert self._ready is not None
        try:
            async with asyncio.timeout(_START_SECONDS):
                return await asyncio.shield(self._ready)
        except TimeoutError as error:
            raise ProviderError(f"{self._id}: the speech engine does not start.", self._id) from error

    async def speak(self, request: dict[str, Any]) -> AsyncGenerator[bytes, None]:
        """Samples of the speech, s16le mono, as they are made. Closing the generator stops the speech.

        Raises:
            ProviderError: The engine refused or died.
        """
        await self.about()
        self._number += 1
        number = self._number
        pieces: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()
        self._requests[number] = pieces
        ended = False
        try:
            self._send(b"S", number, json.dumps(request).encode())
            while (piece := await pieces.get()) is not None:
                if isinstance(piece, Exception):
                    ended = True
                    raise piece
                yield piece
            ended = True
        finally:
            self._requests.pop(number, None)
            if not ended:
                self._send(b"X", number)

    async def aclose(self) -> None:
        """End the process."""
        self._closed = True
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_STOP_SECONDS):
                    await process.wait()
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.wait({self._reader})

    async def _start(self) -> None:
        if self._closed:
            raise ProviderError(f"{self._id} is stopped.", self._id)
        self._ready = asyncio.get_running_loop().create_future()
        worker = Path(__file__).with_name("worker.py")
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, str(worker),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
        except OSError as error:
            self._fail(f"the speech engine could not be started ({error.strerror})")
            return
        except asyncio.CancelledError:
            # Who needed it was interrupted; nobody else may wait for a process that does not come.
            self._ready = None
            raise
        self._reader = asyncio.create_task(self._read(self._process), name="espeak process")

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        source = process.stdout
        assert source is not None
        try:
            while True:
                kind, number, length = HEADER.unpack(await source.readexactly(HEADER.size))
                body = await source.readexactly(length)
                if kind == b"R" and self._ready is not None:
                    self._ready.set_result(json.loads(body))
                elif kind == b"!" and number == 0:
                    self._fail(body.decode("utf-8", "replace"))
                elif (pieces := self._requests.get(number)) is not None:
                    match kind:
                        case b"A":
                            self._hold(number, pieces, body)
                        case b"E":
                            pieces.put_nowait(None)
                        case _:
                            why = body.decode("utf-8", "replace")
                            pieces.put_nowait(ProviderError(f"{self._id}: {why}.", self._id))
        except (asyncio.IncompleteReadError, ConnectionError):
            if not self._closed:
                logger.error("the speaking process of %s ended unexpectedly", self._id)
                self._fail("the speech engine ended unexpectedly")

    def _hold(self, number: int, pieces: asyncio.Queue[bytes | Exception | None], body: bytes) -> None:
        if pieces.qsize() < _HELD_PIECES:
            pieces.put_nowait(body)
            return
        del self._requests[number]
        self._send(b"X", number)
        pieces.put_nowait(ProviderError(f"{self._id}: the text is too long to be held as speech.", self._id))

    def _fail(self, why: str) -> None:
        error = ProviderError(f"{self._id}: {why}.", self._id)
        if self._ready is None or self._ready.done():
            # The next request starts a new process.
            self._ready = None
        else:
            self._ready.set_exception(error)
            self._ready.exception()
        for pieces in self._requests.values():
            pieces.put_nowait(error)

    def _send(self, kind: bytes, number: int, body: bytes = b"") -> None:
        pipe = self._process.stdin if self._process is not None else None
        if pipe is not None and not pipe.is_closing():
            pipe.write(HEADER.pack(kind, number, len(body)) + body)

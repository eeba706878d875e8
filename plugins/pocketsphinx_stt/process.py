"""An utterance on its way through the pool, and a recognising process of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from astrbot_like.domain.errors import ProviderError, TooLarge

from .worker import HEADER

if TYPE_CHECKING:
    from .pool import Pool

_LONGEST = 120 * 32_000
"""Bytes of the longest utterance: two minutes."""
_STOP_SECONDS = 2.0
DROP_SECONDS = 5.0
"""A process that is busy with a dropped utterance for longer is replaced."""


class Utterance:
    """One utterance; an ``STTStream``."""

    def __init__(self, pool: Pool, partial: Callable[[str], None] | None) -> None:
        self.partial = partial
        self.audio: list[bytes] = []
        self.size = 0
        self.complete = False
        self.process: Process | None = None
        self.result: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._pool = pool

    def push(self, pcm: bytes) -> None:
        """Add audio: 16 kHz mono s16le.

        Raises:
            TooLarge: It is over two minutes.
        """
        if self.result.done() or self.complete:
            return
        if self.size + len(pcm) > _LONGEST:
            raise TooLarge("An utterance may be 120 s long at most.")
        self.audio.append(pcm)
        self.size += len(pcm)
        if self.process is not None:
            self.process.send(b"A", pcm)

    async def finish(self) -> str:
        """The text; empty when no speech was heard.

        Raises:
            ProviderError: The recognising process failed.
        """
        if not self.complete:
            self.complete = True
            if self.process is not None:
                self.process.send(b"E")
            else:
                self._pool.hurry(self)
        try:
            return await asyncio.shield(self.result)
        finally:
            if not self.result.done():
                await self.abort()

    async def abort(self) -> None:
        """Drop the utterance."""
        self.partial = None
        if not self.result.done():
            self.result.cancel()
        self._pool.drop(self)


class Process:
    """One recognising process."""

    def __init__(self, pool: Pool, process: asyncio.subprocess.Process) -> None:
        self._pool = pool
        self._process = process
        self._number = 0
        self.utterance: Utterance | None = None
        self.ready = False
        self.dropping: asyncio.TimerHandle | None = None
        """Set while the process has yet to let go of an utterance that was dropped."""
        self.reader = asyncio.create_task(self._read(), name="pocketsphinx process")

    @property
    def idle(self) -> bool:
        """Whether it would begin at once with an utterance."""
        return self.ready and self.utterance is None and self.dropping is None

    def take(self, utterance: Utterance) -> None:
        """Decode this one now, from its beginning."""
        self._number += 1
        self.utterance = utterance
        utterance.process = self
        self.send(b"S")
        for pcm in utterance.audio:
            self.send(b"A", pcm)
        if utterance.complete:
            self.send(b"E")

    def give_up(self) -> None:
        """Let go of the utterance."""
        if self.utterance is not None:
            self.utterance.process = None
            self.utterance = None
            self.send(b"X")
            loop = asyncio.get_running_loop()
            self.dropping = loop.call_later(DROP_SECONDS, self._pool.replace, self)

    def _let_go(self) -> None:
        if self.dropping is not None:
            self.dropping.cancel()
            self.dropping = None

    def send(self, kind: bytes, body: bytes = b"") -> None:
        """Write a frame; what waits in the pipe is bounded by the length of an utterance."""
        pipe = self._process.stdin
        if pipe is not None and not pipe.is_closing():
            pipe.write(HEADER.pack(kind, self._number, len(body)) + body)

    async def stop(self) -> None:
        """End the process."""
        self._let_go()
        if self._process.stdin is not None:
            self._process.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            # It may be in the middle of a long decoding; nothing in it is worth waiting for.
            self._process.kill()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOP_SECONDS):
                await self._process.wait()
        self.reader.cancel()
        await asyncio.wait({self.reader})

    async def _read(self) -> None:
        source = self._process.stdout
        assert source is not None
        try:
            while True:
                kind, number, length = HEADER.unpack(await source.readexactly(HEADER.size))
                body = await source.readexactly(length)
                self._handle(kind, number, body.decode("utf-8", "replace"))
        except (asyncio.IncompleteReadError, ConnectionError):
            self._let_go()
            self._pool.lost(self)

    def _handle(self, kind: bytes, number: int, text: str) -> None:
        if kind == b"R":
            self.ready = True
            self._pool.work()
            return
        if kind == b"X":
            self._let_go()
            self._pool.work()
            return
        utterance = self.utterance
        if utterance is None or number != self._number:
            return
        if kind == b"P":
            if utterance.partial is not None:
                utterance.partial(text)
            return
        self.utterance = None
        utterance.process = None
        if not utterance.result.done():
            if kind == b"F":
                utterance.result.set_result(text)
            else:
                utterance.result.set_exception(ProviderError(f"pocketsphinx failed: {text}"))
        self._pool.work()

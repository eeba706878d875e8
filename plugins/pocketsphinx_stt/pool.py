"""A bounded pool of recognising processes, and utterances on their way through it.

An utterance holds a process while its user speaks, so that the text is nearly ready at the end. When all are taken, an
utterance that is complete goes before those that are still being spoken: the shortest of these gives its process up and
is decoded anew later, from its audio that is kept here. So one long speech never delays a short question by more than
its own decoding.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from astrbot_like.api import logger
from astrbot_like.domain.errors import ProviderError, TooLarge

from .worker import HEADER

_LONGEST = 120 * 32_000
"""Bytes of the longest utterance: two minutes."""
_START_SECONDS = 60.0
_STOP_SECONDS = 2.0


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
        self.reader = asyncio.create_task(self._read(), name="pocketsphinx process")

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

    def send(self, kind: bytes, body: bytes = b"") -> None:
        """Write a frame; what waits in the pipe is bounded by the length of an utterance."""
        pipe = self._process.stdin
        if pipe is not None and not pipe.is_closing():
            pipe.write(HEADER.pack(kind, self._number, len(body)) + body)

    async def stop(self) -> None:
        """End the process."""
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
            self._pool.lost(self)

    def _handle(self, kind: bytes, number: int, text: str) -> None:
        if kind == b"R":
            self.ready = True
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


class Pool:
    """Starts processes as they are needed, at most ``limit``.

    Args:
        limit: Processes.
        settings: Given to each: ``phrases`` and decoder ``options``.
        provider_id: For error texts.
    """

    def __init__(self, limit: int, settings: dict[str, Any], provider_id: str) -> None:
        self._limit = limit
        self._settings = json.dumps(settings)
        self._provider_id = provider_id
        self._processes: list[Process] = []
        self._starting: set[asyncio.Task[None]] = set()
        self._waiting: list[Utterance] = []
        self._closed = False

    @property
    def ready(self) -> bool:
        """Whether a process has loaded its models."""
        return any(process.ready for process in self._processes)

    def open(self, partial: Callable[[str], None] | None) -> Utterance:
        """Begin an utterance."""
        if self._closed:
            raise ProviderError(f"{self._provider_id} is stopped.", self._provider_id)
        utterance = Utterance(self, partial)
        self._waiting.append(utterance)
        self.work()
        return utterance

    def warm_up(self) -> None:
        """Start the first process, if none was."""
        if not self._processes and not self._starting and not self._closed:
            self._start()

    def hurry(self, utterance: Utterance) -> None:
        """A complete utterance still waits: it goes first, if need be in the place of one that is being spoken."""
        if utterance in self._waiting:
            self._waiting.remove(utterance)
            position = sum(1 for other in self._waiting if other.complete)
            self._waiting.insert(position, utterance)
        self.work()
        if utterance.process is None and len(self._processes) >= self._limit:
            speaking = [p for p in self._processes if p.utterance is not None and not p.utterance.complete]
            if speaking:
                process = min(speaking, key=lambda p: p.utterance.size if p.utterance else 0)
                put_off = process.utterance
                process.give_up()
                if put_off is not None:
                    self._waiting.append(put_off)
                self.work()

    def drop(self, utterance: Utterance) -> None:
        """Forget an utterance."""
        if utterance in self._waiting:
            self._waiting.remove(utterance)
        if utterance.process is not None:
            utterance.process.give_up()
        self.work()

    def work(self) -> None:
        """Give waiting utterances to idle processes."""
        idle = [p for p in self._processes if p.ready and p.utterance is None]
        while self._waiting and idle:
            idle.pop().take(self._waiting.pop(0))
        coming = len(self._starting) + sum(1 for p in self._processes if not p.ready)
        while len(self._waiting) > coming and len(self._processes) + len(self._starting) < self._limit:
            self._start()
            coming += 1

    def lost(self, process: Process) -> None:
        """A process ended by itself."""
        if process in self._processes:
            self._processes.remove(process)
        utterance, process.utterance = process.utterance, None
        if self._closed:
            return
        logger.error("a recognising process of %s ended unexpectedly", self._provider_id)
        error = ProviderError(f"{self._provider_id}: the recogniser's process ended unexpectedly.", self._provider_id)
        # Without a process that has ever come up, trying again would go on for ever.
        hopeless = [] if process.ready else self._waiting[:]
        for one in [utterance, *hopeless]:
            if one is not None and not one.result.done():
                one.process = None
                one.result.set_exception(error)
                one.result.exception()
        if hopeless:
            self._waiting.clear()
        self.work()

    async def aclose(self) -> None:
        """End all processes; utterances under way fail."""
        self._closed = True
        for task in list(self._starting):
            task.cancel()
        if self._starting:
            await asyncio.wait(self._starting)
        processes, self._processes = self._processes, []
        waiting, self._waiting = self._waiting, []
        for utterance in [*waiting, *(p.utterance for p in processes if p.utterance is not None)]:
            if not utterance.result.done():
                utterance.result.cancel()
        await asyncio.gather(*(process.stop() for process in processes))

    def _start(self) -> None:
        task = asyncio.create_task(self._launch(), name="pocketsphinx start")
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    async def _launch(self) -> None:
        worker = Path(__file__).with_name("worker.py")
        try:
            async with asyncio.timeout(_START_SECONDS):
                process = await asyncio.create_subprocess_exec(
                    sys.executable, str(worker), self._settings,
                    stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
                )  # fmt: skip
        except (OSError, TimeoutError) as error:
            logger.error("a recognising process of %s could not be started: %s", self._provider_id, error)
            failed = ProviderError(f"{self._provider_id}: the recogniser could not be started.", self._provider_id)
            waiting, self._waiting = self._waiting, []
            for utterance in waiting:
                if not utterance.result.done():
                    utterance.result.set_exception(failed)
                    utterance.result.exception()
            return
        self._processes.append(Process(self, process))

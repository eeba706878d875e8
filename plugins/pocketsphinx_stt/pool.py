"""A bounded pool of recognising processes, and utterances on their way through it.

An utterance holds a process while its user speaks, so that the text is nearly ready at the end. When all are taken, an
utterance that is complete goes before those that are still being spoken: the shortest of these gives its process up and
is decoded anew later, from its audio that is kept here. So one long speech never delays a short question by more than
its own decoding.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from astrbot_like.api import logger
from astrbot_like.domain.errors import ProviderError

from .process import Process, Utterance

_START_SECONDS = 60.0


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
        self._stopping: set[asyncio.Task[None]] = set()
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
        dropping = sum(1 for p in self._processes if p.dropping is not None)
        if utterance in self._waiting[dropping:] and len(self._processes) >= self._limit:
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
        idle = [p for p in self._processes if p.idle]
        while self._waiting and idle:
            idle.pop().take(self._waiting.pop(0))
        coming = len(self._starting) + sum(1 for p in self._processes if not p.ready or p.dropping is not None)
        while len(self._waiting) > coming and len(self._processes) + len(self._starting) < self._limit:
            self._start()
            coming += 1

    def replace(self, process: Process) -> None:
        """End a process that can't let go of an utterance; another one is started when it is needed."""
        logger.warning("a recognising process of %s is busy with what was dropped: it is ended", self._provider_id)
        self._processes.remove(process)
        task = asyncio.create_task(process.stop(), name="pocketsphinx stop")
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)
        self.work()

    def lost(self, process: Process) -> None:
        """A process ended by itself."""
        if self._closed or process not in self._processes:
            return
        self._processes.remove(process)
        utterance, process.utterance = process.utterance, None
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
        await asyncio.gather(*(process.stop() for process in processes), *self._stopping)

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

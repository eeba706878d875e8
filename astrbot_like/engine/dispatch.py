"""From the event queue to running turns: each message event gets a task of its own, owned here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from astrbot_like.runtime.tasks import cancel_and_wait, start_now

if TYPE_CHECKING:
    from astrbot_like.api.event import AstrMessageEvent

log = logging.getLogger(__name__)

QUEUE_LIMIT = 4096
"""Message events waiting; an adapter that commits one more gets ``asyncio.QueueFull``."""


class EventDispatcher:
    """Takes events off the queue that adapters and plugins fill and runs their turns side by side.

    Args:
        run: Runs a turn; never raises.
        limit: Turns side by side; further events wait in the queue.
    """

    def __init__(self, run: Callable[[AstrMessageEvent], Coroutine[Any, Any, None]], limit: int) -> None:
        self.queue: asyncio.Queue[AstrMessageEvent] = asyncio.Queue(QUEUE_LIMIT)
        self._run = run
        self._limit = limit
        self._turns: set[asyncio.Task[None]] = set()
        self._room = asyncio.Event()

    @property
    def running(self) -> int:
        """Turns under way."""
        return len(self._turns)

    async def serve(self) -> None:
        """Dispatch for ever; a service of the supervisor."""
        while True:
            event = await self.queue.get()
            while len(self._turns) >= self._limit:
                self._room.clear()
                await self._room.wait()
            task = start_now(self._run(event), name="turn")
            self._turns.add(task)
            task.add_done_callback(self._ended)

    async def drain(self, grace: float) -> None:
        """Let running turns end for ``grace`` seconds, then stop them; they store themselves as interrupted."""
        if self._turns:
            await asyncio.wait(self._turns, timeout=grace)
        await cancel_and_wait(*self._turns)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._turns.discard(task)
        self._room.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("turn ended with an error", exc_info=error)

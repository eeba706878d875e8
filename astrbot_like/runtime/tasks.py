"""Tasks with an owner.

Work inside a turn uses ``asyncio.TaskGroup``; what lives as long as the host uses ``Supervisor``.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import msgspec

from astrbot_like.runtime.clock import Clock

log = logging.getLogger(__name__)

T = TypeVar("T")

FIRST_BACKOFF = 0.5
LONGEST_BACKOFF = 60.0


class TaskStatus(msgspec.Struct, frozen=True):
    """A background task as the dashboard shows it. ``last_error`` is empty when it never failed."""

    name: str
    running: bool
    restarts: int
    last_error: str


class _Service:
    __slots__ = ("last_error", "restarts", "task")

    def __init__(self) -> None:
        self.task: asyncio.Task[None] | None = None
        self.restarts = 0
        self.last_error = ""


class Supervisor:
    """Owner of background tasks.

    A *service* is restarted with back-off when it fails; a *job* runs once. Either is logged when it fails, and both
    are cancelled and awaited by ``aclose``.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._services: dict[str, _Service] = {}
        self._jobs: set[asyncio.Task[Any]] = set()

    def service(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Keep ``run()`` going until it returns or the supervisor closes; names are unique."""
        if name in self._services:
            raise ValueError(f"a service named {name!r} exists")
        entry = self._services[name] = _Service()
        entry.task = asyncio.create_task(self._keep(name, entry, run), name=name)

    async def stop_service(self, name: str) -> None:
        """Cancel a service and wait for it; unknown names are ignored."""
        entry = self._services.pop(name, None)
        if entry is not None and entry.task is not None:
            await cancel_and_wait(entry.task)

    def job(self, coroutine: Coroutine[Any, Any, Any], *, name: str) -> asyncio.Task[Any]:
        """Run ``coroutine`` once, owned by this supervisor."""
        task = asyncio.create_task(coroutine, name=name)
        self._jobs.add(task)
        task.add_done_callback(self._job_done)
        return task

    def status(self) -> list[TaskStatus]:
        """All services, in order of their start."""
        return [
            TaskStatus(name, bool(s.task and not s.task.done()), s.restarts, s.last_error)
            for name, s in self._services.items()
        ]

    async def aclose(self) -> None:
        """Cancel everything and wait until it is gone."""
        tasks = [s.task for s in self._services.values() if s.task is not None]
        tasks.reverse()
        self._services.clear()
        await cancel_and_wait(*tasks, *self._jobs)

    def _job_done(self, task: asyncio.Task[Any]) -> None:
        self._jobs.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("background job failed", exc_info=error, extra={"task": task.get_name()})

    async def _keep(self, name: str, entry: _Service, run: Callable[[], Awaitable[None]]) -> None:
        backoff = FIRST_BACKOFF
        while True:
            started = self._clock.monotonic()
            try:
                await run()
                return
            except Exception as error:
                entry.restarts += 1
                entry.last_error = f"{type(error).__name__}: {error}"
                log.error("service failed, restarting", exc_info=error, extra={"task": name, "backoff": backoff})
            if self._clock.monotonic() - started > LONGEST_BACKOFF:
                backoff = FIRST_BACKOFF
            await self._clock.sleep(backoff)
            backoff = min(backoff * 2, LONGEST_BACKOFF)


def start_now(coroutine: Coroutine[Any, Any, T], *, name: str) -> asyncio.Task[T]:
    """Make a task and run it up to where it first waits, before this returns.

    For the tasks on the way of a reply: each would else cost a turn of the event loop. On Python 3.11 it does.
    """
    loop = asyncio.get_running_loop()
    if sys.version_info < (3, 12):
        return loop.create_task(coroutine, name=name)
    factory = loop.get_task_factory()
    if factory is None:
        return asyncio.Task(coroutine, loop=loop, name=name, eager_start=True)
    return factory(loop, coroutine, name=name, eager_start=True)  # type: ignore[call-arg, return-value]


async def give_way(turns: int) -> None:
    """Let what is ready run first, and what that makes ready, for a number of turns of the event loop."""
    for _ in range(turns):
        await asyncio.sleep(0)


async def cancel_and_wait(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks and wait until they have ended, whatever they end with."""
    pending = [task for task in tasks if task is not asyncio.current_task()]
    for task in pending:
        task.cancel()
    if pending:
        await asyncio.gather(*pending, return_exceptions=True)

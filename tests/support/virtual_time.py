"""An event loop whose clock jumps: when every task waits for a time, that time is now.

Conversations that last minutes run in no wall time, and every deadline (``asyncio.timeout``, ``asyncio.sleep``,
``Clock``) moves with the loop. Real sockets and threads still work: while a thread-pool call is under way the loop
waits for it in real time.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from typing import Any


class _JumpingSelector(selectors.DefaultSelector):  # type: ignore[valid-type, misc]
    def __init__(self, loop: VirtualTimeLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None or timeout <= 0 or self._loop.outside_work:
            return super().select(timeout if timeout is None or timeout <= 0 else min(timeout, 0.01))
        ready = super().select(0)
        if not ready:
            self._loop.advance(timeout)
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A selector loop with its own clock, starting at 0."""

    def __init__(self) -> None:
        self._now = 0.0
        self.outside_work = 0
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Move the clock."""
        self._now += seconds

    def run_in_executor(self, executor: Executor | None, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        self.outside_work += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._work_done)
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        # Joining threads is work outside the loop: its time limit must not jump.
        self.outside_work += 1
        try:
            # Python 3.11 knows no time limit here.
            await (
                super().shutdown_default_executor(timeout)
                if timeout is not None
                else super().shutdown_default_executor()
            )
        finally:
            self.outside_work -= 1

    def _work_done(self, _future: asyncio.Future[Any]) -> None:
        self.outside_work -= 1


def run_virtual(coroutine: Any) -> Any:
    """Run ``coroutine`` on a fresh virtual-time loop and return its result."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(coroutine)


@asynccontextmanager
async def standing_clock() -> AsyncIterator[VirtualTimeLoop]:
    """On a running virtual-time loop: its clock moves by ``advance`` alone; sockets and threads work in real time."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    loop.outside_work += 1
    try:
        yield loop
    finally:
        loop.outside_work -= 1

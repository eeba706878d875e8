"""What stands between a plugin and the house: its tasks, its time limits, its place in the running context."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import sys
import threading
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar
from weakref import WeakSet

log = logging.getLogger(__name__)

T = TypeVar("T")

_PACKAGE = str(Path(__file__).resolve().parent.parent)
_GRACE = 1.0

current_scope: ContextVar[PluginScope | None] = ContextVar("astrbot_like_plugin", default=None)
"""The plugin whose code runs; tasks and callbacks started by it inherit it."""


class PluginScope:
    """Everything a plugin has running.

    Args:
        name: The plugin's name, for errors and logs.
        folder: Its folder; code in there is its own.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = str(folder)
        self._tasks: WeakSet[asyncio.Task[Any]] = WeakSet()
        self.closed = False

    def owns_file(self, filename: str) -> bool:
        """Whether a source file is the plugin's."""
        return filename.startswith(self.folder + "/") or filename.startswith(self.folder + "\\")

    def track(self, task: asyncio.Task[Any]) -> None:
        """Make a task the plugin's: it is cancelled when the plugin goes."""
        self._tasks.add(task)

    def tasks(self) -> list[asyncio.Task[Any]]:
        """Its tasks that have not ended."""
        return [task for task in self._tasks if not task.done()]

    async def cancel_tasks(self, timeout: float) -> list[asyncio.Task[Any]]:
        """Cancel its tasks and wait for them.

        Args:
            timeout: Seconds to wait; a plugin may swallow the cancellation.

        Returns:
            Tasks that did not end.
        """
        self.closed = True
        current = asyncio.current_task()
        deadline = asyncio.get_running_loop().time() + timeout
        # A dying task may start another: go on until none is left or the time is up.
        while pending := [task for task in self.tasks() if task is not current]:
            for task in pending:
                task.cancel()
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                return pending
            await asyncio.wait(pending, timeout=left)
        return []

    def threads(self) -> list[threading.Thread]:
        """Threads that run the plugin's code, or were made from it."""
        frames = sys._current_frames()
        return [
            thread
            for thread in threading.enumerate()
            if thread is not threading.main_thread()
            and not isinstance(thread, HelperThread)
            and (self._made_thread(thread) or self._runs(frames.get(thread.ident or 0)))
        ]

    def _made_thread(self, thread: threading.Thread) -> bool:
        code = getattr(getattr(thread, "_target", None), "__code__", None) or getattr(
            type(thread).run, "__code__", None
        )
        return code is not None and self.owns_file(code.co_filename)

    def _runs(self, frame: FrameType | None) -> bool:
        while frame is not None:
            if self.owns_file(frame.f_code.co_filename):
                # The event loop's own thread runs everybody's code.
                return asyncio.get_running_loop() is not None and frame.f_code.co_flags & 0x280 == 0
            frame = frame.f_back
        return False


class HelperThread(threading.Thread):
    """A daemon thread of the host: one that a plugin never lets go can't hold up the end of the process."""

    def __init__(self, target: Callable[[], None], name: str) -> None:
        super().__init__(target=target, name=name, daemon=True)


async def in_thread(call: Callable[[], T], *, name: str, timeout: float) -> T:
    """Run ``call`` in a daemon thread of its own, with the caller's context.

    Args:
        call: May block.
        name: Of the thread.
        timeout: Seconds.

    Raises:
        TimeoutError: It did not end in time; the thread is left behind.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    context = contextvars.copy_context()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(result)  # type: ignore[arg-type]
        else:
            future.set_exception(error)

    def run() -> None:
        result: T | None = None
        problem: BaseException | None = None
        try:
            result = context.run(call)
        except BaseException as error:  # noqa: BLE001 - handed to the waiting task, SystemExit included
            problem = error if isinstance(error, Exception) else RuntimeError(f"{type(error).__name__}: {error}")
        # A loop that is closed by now has nobody waiting.
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, result, problem)

    HelperThread(run, name).start()
    async with asyncio.timeout(timeout):
        return await future


async def limited(
    scope: PluginScope,
    coroutine: Coroutine[Any, Any, T],
    *,
    context: contextvars.Context,
    timeout: float,
    name: str,
) -> T:
    """Run a plugin's coroutine in a task of its own, under a time limit that holds even when it swallows cancellation.

    Args:
        scope: The plugin.
        coroutine: To run.
        context: The context it runs in.
        timeout: Seconds.
        name: Of the task.

    Raises:
        TimeoutError: The limit was overrun; the coroutine was cancelled.
    """
    task = asyncio.get_running_loop().create_task(coroutine, name=name, context=context)
    scope.track(task)
    try:
        done, _ = await asyncio.wait((task,), timeout=timeout)
    except asyncio.CancelledError:
        await give_up(task, scope)
        raise
    if not done:
        await give_up(task, scope)
        raise TimeoutError(f"took longer than {timeout:g} s")
    if task.cancelled():
        raise RuntimeError("was cancelled from within")
    return task.result()


async def give_up(task: asyncio.Task[Any], scope: PluginScope) -> None:
    """Cancel a plugin's task and wait for it, but not longer than a moment."""
    task.cancel()
    done, _ = await asyncio.wait((task,), timeout=_GRACE)
    if not done:
        log.warning("plugin ignores cancellation", extra={"plugin": scope.name, "task": task.get_name()})
    elif not task.cancelled():
        task.exception()  # seen: the limit is what is reported


class TaskTracking:
    """A loop's task factory that knows which plugin started a task. Hosts on one loop share it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._previous = loop.get_task_factory()
        self.users = 0

    def __call__(
        self, loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **options: Any
    ) -> asyncio.Task[Any]:
        """Make the task; the plugin's when its code runs in a plugin's context and is not the house's own."""
        if self._previous is not None:
            task: Any = self._previous(loop, coroutine, **options)
        else:
            task = asyncio.Task(coroutine, loop=loop, **options)
        context = options.get("context")
        scope = current_scope.get() if context is None else context.get(current_scope)
        if scope is not None and not _house_code(coroutine):
            scope.track(task)
            if scope.closed:
                loop.call_soon(task.cancel)
        return task

    @staticmethod
    def start(loop: asyncio.AbstractEventLoop) -> TaskTracking:
        """Begin tracking on ``loop``; call ``stop`` once for each start."""
        factory = loop.get_task_factory()
        if not isinstance(factory, TaskTracking):
            factory = TaskTracking(loop)
            loop.set_task_factory(factory)  # type: ignore[arg-type]
        factory.users += 1
        return factory

    def stop(self, loop: asyncio.AbstractEventLoop) -> None:
        """End tracking when the last user is gone."""
        self.users -= 1
        if self.users <= 0 and loop.get_task_factory() is self:
            loop.set_task_factory(self._previous)


def _house_code(coroutine: Any) -> bool:
    code = getattr(coroutine, "cr_code", None) or getattr(coroutine, "gi_code", None)
    return code is not None and code.co_filename.startswith(_PACKAGE)

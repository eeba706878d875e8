"""Who blocks the event loop: a thread that notices and looks at the loop's stack."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable
from types import FrameType

import msgspec

from astrbot_like.plugin_host.guard import HelperThread, PluginScope

log = logging.getLogger(__name__)


class LagReport(msgspec.Struct, frozen=True):
    """One time the loop was blocked by a plugin.

    Attributes:
        plugin: Its name.
        where: ``file:line in function`` of the plugin's code that blocked, relative to its folder.
        seconds: How long, at least.
        at: Seconds since the epoch.
    """

    plugin: str
    where: str
    seconds: float
    at: float


class LoopWatch:
    """Measures the loop's lag from a thread and attributes it to the plugin on the loop's stack.

    Args:
        limit: Seconds of blocking from which on it is reported.
        scopes: The loaded plugins.
        report: Called on the loop with each finding, once for each blocking call.
    """

    def __init__(
        self, limit: float, scopes: Callable[[], Iterable[PluginScope]], report: Callable[[LagReport], None]
    ) -> None:
        self._limit = limit
        self._scopes = scopes
        self._report = report
        self._stop = threading.Event()
        self._answered = threading.Event()
        self._thread: HelperThread | None = None

    def start(self) -> None:
        """Start watching the running loop; call it on the loop's thread."""
        if self._limit <= 0 or self._thread is not None:
            return
        loop, ident = asyncio.get_running_loop(), threading.get_ident()
        self._thread = HelperThread(lambda: self._watch(loop, ident), "plugin-loop-watch")
        self._thread.start()

    def stop(self) -> None:
        """Stop watching; returns when the thread is gone."""
        self._stop.set()
        self._answered.set()
        if self._thread is not None:
            self._thread.join(timeout=1.0)
            self._thread = None

    def _watch(self, loop: asyncio.AbstractEventLoop, ident: int) -> None:
        while not self._stop.is_set():
            self._answered.clear()
            asked = time.monotonic()
            try:
                loop.call_soon_threadsafe(self._answered.set)
            except RuntimeError:  # the loop is closed
                return
            found: LagReport | None = None
            while not self._answered.wait(self._limit) and not self._stop.is_set():
                found = found or self._look(ident)
            blocked = time.monotonic() - asked
            if found is not None and not self._stop.is_set():
                found = msgspec.structs.replace(found, seconds=round(blocked, 3))
                log.warning(
                    "plugin blocked the event loop",
                    extra={"plugin": found.plugin, "where": found.where, "seconds": found.seconds},
                )
                try:
                    loop.call_soon_threadsafe(self._report, found)
                except RuntimeError:
                    return
            self._stop.wait(self._limit / 2)

    def _look(self, ident: int) -> LagReport | None:
        frame: FrameType | None = sys._current_frames().get(ident)
        scopes = list(self._scopes())
        while frame is not None:
            filename = frame.f_code.co_filename
            for scope in scopes:
                if scope.owns_file(filename):
                    inner = filename[len(scope.folder) + 1 :]
                    where = f"{inner}:{frame.f_lineno} in {frame.f_code.co_name}"
                    return LagReport(scope.name, where, 0.0, time.time())
            frame = frame.f_back
        return None

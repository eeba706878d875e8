"""From settings to a running server and back: signals, the event loop, what is printed."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from astrbot_like.config import Settings
from astrbot_like.runtime.logging import LogBus, start_logging, stop_logging

log = logging.getLogger(__name__)

QUIET = ("hypercorn", "quart", "asyncio", "aiosqlite", "alembic", "apscheduler", "httpx", "httpcore", "PIL")
"""Loggers of libraries of which only warnings matter."""


def serve(settings: Settings) -> int:
    """Run until SIGTERM or Ctrl-C; a second signal ends it at once.

    Returns:
        The exit status: 0 after a stop that was asked for.

    Raises:
        BotError: It can't start.
    """
    logs = start_logging(level=settings.logging.level, style=settings.logging.format, quiet=QUIET)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_serve(settings, logs))
    finally:
        stop_logging(logs)
    return 0


async def _serve(settings: Settings, logs: LogBus) -> None:
    from astrbot_like.host.app import Application

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    app = Application(settings, logs)
    await asyncio.to_thread(_enter, app.data.parent)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _ask_to_stop, stop)
    try:
        await app.start()
        _announce(app.url, app.first_account)
        await stop.wait()
        log.info("stopping")
    finally:
        await app.stop()


def _enter(folder: Path) -> None:
    """Work in the data directory's parent: plugins name files as ``data/…``."""
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)


def _ask_to_stop(stop: asyncio.Event) -> None:
    if stop.is_set():
        sys.stderr.write("astrbot-like: stopped at once, without waiting for running turns\n")
        sys.stderr.flush()
        os._exit(130)
    stop.set()


def _announce(url: str, first: object) -> None:
    from astrbot_like.operations.accounts import FirstAccount

    lines = ["", f"  astrbot-like is running at {url}"]
    if isinstance(first, FirstAccount):
        lines.append(f"  Sign in as  {first.username}")
        if first.password is not None:
            lines.append(f"  Password    {first.password}   (shown this once; you are asked to change it)")
    lines += ["  Stop with Ctrl-C.", ""]
    print("\n".join(lines), flush=True)  # noqa: T201 - what an operator is to read


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop

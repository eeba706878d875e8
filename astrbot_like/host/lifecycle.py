"""From settings to a running server and back: signals, the event loop, what is printed."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from astrbot_like import __version__
from astrbot_like.config import Settings
from astrbot_like.host.front_door import FrontDoor
from astrbot_like.host.open_files import most_connections, raise_limit
from astrbot_like.host.server import Server
from astrbot_like.host.server_protocol import ConnectionOptions
from astrbot_like.runtime.logging import LogBus, start_logging, stop_logging

if TYPE_CHECKING:
    from astrbot_like.host.app import Application

log = logging.getLogger(__name__)

SOCKET_GRACE = 2.0
"""Seconds that connections may take to end once their turns have ended."""

QUIET = ("hypercorn", "quart", "asyncio", "aiosqlite", "alembic", "apscheduler", "httpx", "httpcore", "PIL")
"""Loggers of libraries of which only warnings matter."""

SWITCH_INTERVAL = 0.0005
"""Seconds a busy event loop may keep other threads of Python waiting.

A message counts as said once the database's thread has stored it, so the turn waits for that thread. With Python's own
5 ms it waits for as long whenever the loop is busy: with ten sessions the median time to the first audio is 8 ms rather
than 14 ms.
"""


def serve(settings: Settings) -> int:
    """Run until SIGTERM or Ctrl-C; a second signal ends it at once.

    Returns:
        The exit status: 0 after a stop that was asked for.

    Raises:
        BotError: It can't start.
    """
    sys.setswitchinterval(SWITCH_INTERVAL)
    raise_limit()
    logs = start_logging(level=settings.logging.level, style=settings.logging.format, quiet=QUIET)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_serve(settings, logs))
    finally:
        stop_logging(logs)
    return 0


class Running:
    """A serving installation: the listening socket and the application behind it."""

    def __init__(self, settings: Settings, logs: LogBus) -> None:
        self._settings = settings
        self._logs = logs
        self._door = FrontDoor(__version__)
        sockets = settings.dashboard.sockets
        self.server = Server(
            self._door,
            host=settings.server.host,
            port=settings.server.port,
            options=ConnectionOptions(max_message=sockets.max_frame_bytes, ping_interval=sockets.ping_interval),
            most_connections=most_connections(settings.server.max_connections),
        )
        self.app: Application | None = None

    async def start(self) -> Application:
        """Listen, then build the application and open the door; plugins go on loading after this returns.

        Raises:
            BotError: It can't start; the text says why and what to do.
        """
        await self.server.start()
        # The application's modules take most of the start; importing them off the loop, the door answers meanwhile.
        module = await asyncio.to_thread(import_module, "astrbot_like.host.app")
        app: Application = module.Application(self._settings, self._logs, self._door)
        self.app = app
        await app.start()
        return app

    async def stop(self) -> None:
        """Stop accepting, let running turns end for the grace time, store the rest as interrupted, close."""
        self.server.close_listener()
        if self.app is not None:
            self.app.stop_admitting()
            await self.app.finish_turns()
        await self.server.stop(min(self._settings.server.shutdown_grace, SOCKET_GRACE))
        if self.app is not None:
            await self.app.stop()


async def _serve(settings: Settings, logs: LogBus) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _ask_to_stop, stop)
    running = Running(settings, logs)
    try:
        app = await running.start()
        _announce(running.server.url, app.first_account)
        await stop.wait()
        log.info("stopping")
    finally:
        await running.stop()


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

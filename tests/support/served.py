"""The web application on a real socket, for clients that know nothing of asyncio."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from astrbot_like.dashboard.settings import DashboardSettings
from astrbot_like.host.server import Server
from tests.support.admin_house import AdminHouse, admin_house


class Served:
    """A house on a real socket, on an event loop of its own in another thread: for clients that block.

    Args:
        folder: For its data.
        settings: As for ``admin_house``.
    """

    def __init__(self, folder: Path, settings: DashboardSettings | None = None) -> None:
        self._folder = folder
        self._settings = settings
        self._ready: Future[AdminHouse] = Future()
        self._stop: asyncio.Event
        self._loop: asyncio.AbstractEventLoop
        self.url = ""
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        async with admin_house(self._folder, self._settings, lifespan=False) as house:
            server = Server(house.app, host="127.0.0.1", port=0)
            await server.start()
            self.url = server.url
            self._ready.set_result(house)
            await self._stop.wait()
            await server.stop(1)

    def start(self) -> AdminHouse:
        """Serve; returns the house."""
        self._thread.start()
        return self._ready.result(30)

    def run(self, coroutine: Any) -> Any:
        """Run on the house's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    def stop(self) -> None:
        """End."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)

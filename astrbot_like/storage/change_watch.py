"""Notices that another process (the command line) has written, so that what is kept in memory stays true."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from astrbot_like.runtime.clock import Clock
from astrbot_like.storage.database import Database

INTERVAL = 2.0
"""Seconds between two looks; a look is one ``PRAGMA data_version`` and reads nothing from the disk."""


class ChangeWatch:
    """Calls its subscribers after a change from outside.

    Args:
        clock: For the interval.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._subscribers: list[Callable[[], Awaitable[None]]] = []
        self._busy = asyncio.Lock()

    def subscribe(self, changed: Callable[[], Awaitable[None]]) -> None:
        """Have ``changed`` awaited after each change from outside."""
        self._subscribers.append(changed)

    async def check(self) -> bool:
        """Look now; returns whether there was a change."""
        async with self._busy:
            if not await self._database.changed_outside():
                return False
            for changed in self._subscribers:
                await changed()
            return True

    async def run(self) -> None:
        """Look for ever; a service of the supervisor."""
        while True:
            await self._clock.sleep(INTERVAL)
            await self.check()

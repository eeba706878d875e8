"""The first moments: HTTP is answered before plugins and providers are loaded.

Who speaks or writes in between waits for them, rather than being told that nothing is configured.
"""

from __future__ import annotations

import asyncio

from astrbot_like.domain.errors import TurnTimeout
from astrbot_like.engine.sink import Interruption, TurnSink
from astrbot_like.runtime.clock import Clock
from astrbot_like.runtime.tasks import cancel_and_wait

PATIENCE = 60.0
"""Seconds a turn waits for plugins and providers; far more than they usually take."""


class Startup:
    """Whether plugins and providers have been loaded."""

    __slots__ = ("_clock", "_ended")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ended = asyncio.Event()

    @property
    def over(self) -> bool:
        """Whether everything is there that could be loaded."""
        return self._ended.is_set()

    def end(self) -> None:
        """Everything is there, or loading has failed: nobody waits any longer."""
        self._ended.set()

    async def wait(self) -> None:
        """Wait until it is over.

        Raises:
            TurnTimeout: It takes too long.
        """
        if self.over:
            return
        try:
            async with self._clock.timeout(PATIENCE):
                await self._ended.wait()
        except TimeoutError:
            raise TurnTimeout("The server is still starting. Please try again in a moment.") from None

    async def wait_for_turn(self, sink: TurnSink) -> None:
        """Wait until it is over, or until the turn is interrupted.

        Raises:
            TurnTimeout: It takes too long.
        """
        if self.over:
            return
        waiting = asyncio.create_task(self.wait(), name="turn until everything is loaded")

        def stop(_interruption: Interruption) -> None:
            waiting.cancel()

        sink.on_interrupt(stop)
        try:
            await asyncio.wait({waiting})
        finally:
            await cancel_and_wait(waiting)
        if not waiting.cancelled():
            waiting.result()

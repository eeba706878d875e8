"""Time, handed in. Tests run conversations on an event loop with virtual time (``tests/support/virtual_time.py``)."""

from __future__ import annotations

import asyncio
import time as _time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where every part of the house gets its time from."""

    def monotonic(self) -> float:
        """Seconds that never go back; the event loop's own time base."""
        ...

    def time(self) -> float:
        """Seconds since the epoch."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Suspend the calling task."""
        ...

    def timeout(self, seconds: float | None) -> asyncio.Timeout:
        """``async with clock.timeout(s)`` raises TimeoutError after ``seconds``; None: never."""
        ...


class SystemClock:
    """The running event loop's time, so that a loop with virtual time moves every deadline."""

    def monotonic(self) -> float:
        """Seconds of the running loop's clock; outside a loop the system's."""
        try:
            return asyncio.get_running_loop().time()
        except RuntimeError:
            return _time.monotonic()

    def time(self) -> float:
        """Seconds since the epoch."""
        return _time.time()

    async def sleep(self, seconds: float) -> None:
        """Suspend the calling task."""
        await asyncio.sleep(seconds)

    def timeout(self, seconds: float | None) -> asyncio.Timeout:
        """A deadline on the loop's clock."""
        return asyncio.timeout(seconds)


def iso_utc(seconds: float) -> str:
    """Seconds since the epoch as UTC ISO 8601 with milliseconds and ``Z``."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso_millis(text: str) -> int:
    """UTC ISO 8601 as milliseconds since the epoch."""
    return int(datetime.fromisoformat(text).timestamp() * 1000)

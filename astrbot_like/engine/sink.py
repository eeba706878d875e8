"""Where a turn's events go. Front ends, chat platforms and tests each bring their own sink."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from astrbot_like.domain.events import TurnEvent


class Interruption(msgspec.Struct, frozen=True):
    """Why a turn was stopped, and how much of its speech had been played (milliseconds; None: unknown)."""

    reason: str
    heard_ms: int | None = None


class TurnSink(Protocol):
    """The writing end of one turn's reply.

    After an interruption everything but the turn's closing events is dropped here, so an old answer can't leak.
    """

    @property
    def interruption(self) -> Interruption | None:
        """Set once the turn has been asked to stop."""
        ...

    def on_interrupt(self, callback: Callable[[Interruption], None]) -> None:
        """Call ``callback`` when the turn is asked to stop; at once if it already was."""
        ...

    async def released(self) -> None:
        """Wait until playback is on hold no more; returns at once when it is not."""
        ...

    async def send(self, event: TurnEvent) -> None:
        """Hand an event on, waiting while the reader is behind."""
        ...

    def finish(self) -> None:
        """The turn is over; nothing follows."""
        ...

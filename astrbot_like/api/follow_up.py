"""AstrBot's module that merges a message into a request that is still running.

Here every message is a turn of its own, so nothing is ever captured; plugins that wrap these functions find them.
"""

from __future__ import annotations

from typing import Any


def try_capture_follow_up(event: Any) -> None:
    """Always None: the message is not merged into a running request."""


async def prepare_follow_up_capture(capture: Any) -> tuple[bool, bool]:
    """Nothing was captured: neither activated nor consumed."""
    return False, False


async def finalize_follow_up_capture(capture: Any, *, activated: bool, consumed_marked: bool) -> None:
    """Nothing to finish."""


def register_active_runner(umo: str, runner: Any) -> None:
    """Running requests are kept by the engine; nothing to note here."""


def unregister_active_runner(umo: str, runner: Any) -> None:
    """Nothing was noted."""


__all__ = [
    "finalize_follow_up_capture",
    "prepare_follow_up_capture",
    "register_active_runner",
    "try_capture_follow_up",
    "unregister_active_runner",
]

"""Which events are being handled, so that commands such as ``/stop`` can end their turns."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from astrbot_like.api.host_tables import ActiveEvents

if TYPE_CHECKING:
    from astrbot_like.api.event import AstrMessageEvent


async def run_noted(
    run: Callable[[AstrMessageEvent], Awaitable[None]], event: AstrMessageEvent, active: ActiveEvents
) -> None:
    """Run a turn while ``active`` knows of it: stopping it there cancels this task; what was said is stored."""
    task = asyncio.current_task()
    assert task is not None
    active.register(event)
    active.register_agent_stop_callback(event, lambda: _cancel(task))
    try:
        await run(event)
    finally:
        active.unregister(event)


def _cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()

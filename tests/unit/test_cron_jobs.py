"""Timed jobs of plugins."""

from __future__ import annotations

import asyncio
from typing import Any

from astrbot_like.api.preferences import MemoryPreferences
from astrbot_like.host.services.cron import CronJobs
from astrbot_like.runtime.clock import SystemClock
from astrbot_like.runtime.tasks import Supervisor


async def test_functions_are_called_in_the_context_they_come_from_and_forgotten_with_their_owner() -> None:
    nothing: Any = None
    clock = SystemClock()
    store: Any = MemoryPreferences()
    jobs = CronJobs(store, nothing, clock, Supervisor(clock))
    calls: list[tuple[str, str]] = []

    async def mine(word: str) -> None:
        task = asyncio.current_task()
        assert task is not None
        calls.append((word, "own task" if task is not outer else "the scheduler's"))

    async def other() -> None:
        calls.append(("other", ""))

    outer = asyncio.current_task()
    try:
        made = await jobs.add_basic_job(name="a", cron_expression="* * * * *", handler=mine, payload={"word": "x"})
        kept = await jobs.add_basic_job(name="b", cron_expression="* * * * *", handler=other)
        assert made.next_run_time is not None
        await jobs._run(made)
        assert calls == [("x", "own task")]
        await jobs.forget(lambda handler: handler is mine)
        assert [job.job_id for job in await jobs.list_jobs()] == [kept.job_id]
    finally:
        jobs.close()

"""Timed jobs of plugins (``context.cron_manager``), on APScheduler."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from astrbot_like.domain.errors import BadRequest, BotError, NotFound
from astrbot_like.domain.jobs import Job
from astrbot_like.host.services.crontab import trigger_of
from astrbot_like.runtime.clock import Clock
from astrbot_like.runtime.ids import new_id
from astrbot_like.runtime.tasks import Supervisor
from astrbot_like.storage.records import RecordStore

log = logging.getLogger(__name__)

JOB_DEADLINE = 600.0
"""Seconds one run of a job may take."""
LATE = 30
"""Seconds a repeated job may start late; later than that it waits for its next time. AstrBot's figure."""

LOOK = 30.0
"""Seconds between two looks at the clock on the wall. The scheduler waits on one that stands still while the machine
sleeps and does not follow when its clock is set: by itself it would be late by as much."""

Speak = Callable[[str, str], Awaitable[None]]
"""Has the bot speak up: unified message origin, note on what to say."""


@dataclass
class CronJob:
    """A timed job, under AstrBot's field names.

    Attributes:
        job_type: ``basic`` (calls a plugin's function) or ``active_agent`` (the bot speaks up in a session).
        next_run_time: Of the schedule as it is now.
    """

    job_id: str
    name: str
    job_type: str
    cron_expression: str | None
    payload: dict[str, Any] = field(default_factory=dict)
    description: str | None = None
    timezone: str | None = None
    enabled: bool = True
    persistent: bool = False
    run_once: bool = False
    run_at: str | None = None
    last_error: str | None = None
    next_run_time: datetime | None = None


class CronJobs:
    """Implements ``CronService``. The scheduler is made with the first job.

    Persistent jobs that make the bot speak up are kept; a job that calls a plugin's function lives as long as the
    process, for a function can't be kept: a plugin adds it anew each time it is loaded.

    Args:
        records: Where persistent jobs are kept.
        speak: Has the bot speak up.
        supervisor: Owner of the runs.
        look: Seconds between two looks at the clock on the wall.
    """

    def __init__(
        self, records: RecordStore[Job], speak: Speak, clock: Clock, supervisor: Supervisor, *, look: float = LOOK
    ) -> None:
        self._records = records
        self._speak = speak
        self._clock = clock
        self._supervisor = supervisor
        self._look = look
        self._looking: asyncio.TimerHandle | None = None
        self._scheduler: Any = None
        self._jobs: dict[str, CronJob] = {}
        self._handlers: dict[str, Callable[..., Any]] = {}
        self._contexts: dict[str, contextvars.Context] = {}

    @property
    def scheduler(self) -> Any:
        """APScheduler's ``AsyncIOScheduler``, started: plugins hang jobs of their own into it, as into AstrBot's."""
        if self._scheduler is None:
            from apscheduler.schedulers.asyncio import AsyncIOScheduler

            self._scheduler = AsyncIOScheduler()
            self._scheduler.start()
            self._look_later()
        return self._scheduler

    def _look_later(self) -> None:
        self._looking = asyncio.get_running_loop().call_later(self._look, self._look_now)

    def _look_now(self) -> None:
        self._scheduler.wakeup()
        self._look_later()

    async def restore(self) -> None:
        """Schedule the persistent jobs of earlier runs; what was to run once in the meantime runs now."""
        for record in await self._records.all():
            job = self._jobs[record.job_id] = _restored(record)
            try:
                await self._schedule(job)
            except BotError as error:  # stored by another version, or its time zone is gone from the machine
                job.last_error = error.message
                log.warning("timed job can't be scheduled", extra={"job": job.name, "reason": error.message})

    async def add_basic_job(
        self,
        *,
        name: str,
        cron_expression: str,
        handler: Callable[..., Any],
        description: str | None = None,
        timezone: str | None = None,
        payload: dict[str, Any] | None = None,
        enabled: bool = True,
        persistent: bool = False,
    ) -> CronJob:
        """Call ``handler(**payload)`` by a crontab expression.

        Raises:
            BadRequest: The schedule is not a crontab expression.
        """
        job = CronJob(
            new_id(), name, "basic", cron_expression, payload or {}, description, timezone, enabled, persistent
        )
        self._handlers[job.job_id] = handler
        self._contexts[job.job_id] = contextvars.copy_context()
        return await self._add(job)

    async def add_active_job(
        self,
        *,
        name: str,
        cron_expression: str | None,
        payload: dict[str, Any],
        description: str | None = None,
        timezone: str | None = None,
        enabled: bool = True,
        persistent: bool = True,
        run_once: bool = False,
        run_at: datetime | None = None,
    ) -> CronJob:
        """Have the bot speak up by itself; ``payload`` names ``session`` and ``note``.

        Raises:
            BadRequest: The schedule is neither a crontab expression nor a time.
        """
        at = run_at.isoformat() if run_at is not None else None
        job = CronJob(
            new_id(),
            name,
            "active_agent",
            cron_expression,
            payload,
            description,
            timezone,
            enabled,
            persistent,
            run_once or at is not None,
            at,
        )
        return await self._add(job)

    async def update_job(self, job_id: str, **changes: Any) -> CronJob:
        """Change a job.

        Raises:
            NotFound: There is none of that id.
            BadRequest: The schedule is not a crontab expression.
        """
        job = self._jobs.get(job_id)
        if job is None:
            raise NotFound(f"There is no timed job {job_id}.")
        for name, value in changes.items():
            if hasattr(job, name):
                setattr(job, name, value.isoformat() if isinstance(value, datetime) and name == "run_at" else value)
        await self._schedule(job)
        await self._keep(job)
        return job

    async def delete_job(self, job_id: str) -> None:
        """Delete a job; an unknown one is ignored."""
        job = self._jobs.pop(job_id, None)
        if job is None:
            return
        self._handlers.pop(job_id, None)
        self._contexts.pop(job_id, None)
        self._unschedule(job_id)
        if _is_kept(job):
            await self._records.delete(job_id)

    async def forget(self, belongs: Callable[[Callable[..., Any]], bool]) -> None:
        """Delete the jobs whose function ``belongs`` to somebody who is going (a plugin)."""
        for job_id in [job_id for job_id, handler in self._handlers.items() if belongs(handler)]:
            await self.delete_job(job_id)
        for scheduled in self._scheduler.get_jobs() if self._scheduler is not None else ():
            if scheduled.id not in self._jobs and belongs(scheduled.func):
                scheduled.remove()

    async def list_jobs(self, job_type: str | None = None) -> Sequence[CronJob]:
        """All jobs, or those of one type."""
        return [job for job in self._jobs.values() if job_type is None or job.job_type == job_type]

    def close(self) -> None:
        """Stop the scheduler; kept jobs stay kept."""
        if self._looking is not None:
            self._looking.cancel()
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=False)
            self._scheduler = None

    # --- scheduling -------------------------------------------------------------------------------

    async def _add(self, job: CronJob) -> CronJob:
        await self._schedule(job)
        self._jobs[job.job_id] = job
        await self._keep(job)
        return job

    async def _keep(self, job: CronJob) -> None:
        if _is_kept(job):
            await self._records.put(_record(job))

    async def _schedule(self, job: CronJob) -> None:
        # APScheduler is imported with the first job: some 60 ms that must not hold up the event loop.
        trigger = await asyncio.to_thread(trigger_of, job.name, job.cron_expression, job.run_at, job.timezone)
        self._unschedule(job.job_id)
        job.next_run_time = None
        if not job.enabled:
            return
        late = None if job.run_once else LATE
        scheduled = self.scheduler.add_job(
            self._due, trigger, args=[job.job_id], id=job.job_id, misfire_grace_time=late, coalesce=True
        )
        job.next_run_time = scheduled.next_run_time

    def _unschedule(self, job_id: str) -> None:
        if self._scheduler is not None and self._scheduler.get_job(job_id) is not None:
            self._scheduler.remove_job(job_id)

    async def _due(self, job_id: str) -> None:
        if (job := self._jobs.get(job_id)) is not None:
            self._supervisor.job(self._run_once(job), name=f"timed job {job.name}")

    async def _run_once(self, job: CronJob) -> None:
        try:
            async with self._clock.timeout(JOB_DEADLINE):
                await self._run(job)
            job.last_error = None
        except Exception as error:
            job.last_error = str(error) or type(error).__name__
            log.error("timed job failed", exc_info=error, extra={"job": job.name})
        if job.run_once:
            await self.delete_job(job.job_id)
        elif job.job_id in self._jobs:
            await self._keep(job)
            if self._scheduler is not None and (scheduled := self._scheduler.get_job(job.job_id)) is not None:
                job.next_run_time = scheduled.next_run_time

    async def _run(self, job: CronJob) -> None:
        if job.job_type != "basic":
            session = str(job.payload.get("session") or "").strip()
            if not session:
                raise BadRequest(f"The timed job {job.name!r} names no session.")
            await self._speak(session, str(job.payload.get("note") or job.description or job.name))
            return
        # In the context in which it was made: the plugin's, where its names and its tasks are known as its.
        context = self._contexts[job.job_id]
        made = context.run(self._handlers[job.job_id], **job.payload)
        if inspect.isawaitable(made):
            await asyncio.get_running_loop().create_task(_awaited(made), context=context)


async def _awaited(made: Awaitable[Any]) -> None:
    await made


def _is_kept(job: CronJob) -> bool:
    return job.persistent and job.job_type == "active_agent"


def _record(job: CronJob) -> Job:
    return Job(
        job_id=job.job_id,
        name=job.name,
        description=job.description or "",
        cron_expression=job.cron_expression,
        run_at=job.run_at,
        timezone=job.timezone,
        payload=job.payload,
        enabled=job.enabled,
        run_once=job.run_once,
        last_error=job.last_error or "",
    )


def _restored(record: Job) -> CronJob:
    return CronJob(
        record.job_id,
        record.name,
        "active_agent",
        record.cron_expression,
        record.payload,
        record.description or None,
        record.timezone,
        record.enabled,
        persistent=True,
        run_once=record.run_once,
        run_at=record.run_at,
        last_error=record.last_error or None,
    )

"""Timed jobs of plugins (``context.cron_manager``), on APScheduler."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from astrbot_like.api.event import MessageChain
from astrbot_like.api.platform import MessageSession
from astrbot_like.domain.errors import BadRequest, NotFound
from astrbot_like.host.services.platforms import PluginPlatforms
from astrbot_like.runtime.clock import Clock
from astrbot_like.runtime.ids import new_id
from astrbot_like.runtime.tasks import Supervisor
from astrbot_like.storage.preferences import PreferenceStore

log = logging.getLogger(__name__)

SCOPE = "cron"
JOB_DEADLINE = 600.0
"""Seconds one run of a job may take."""


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
    process, for a function can't be kept.
    """

    def __init__(
        self, preferences: PreferenceStore, platforms: PluginPlatforms, clock: Clock, supervisor: Supervisor
    ) -> None:
        self._preferences = preferences
        self._platforms = platforms
        self._clock = clock
        self._supervisor = supervisor
        self._scheduler: Any = None
        self._jobs: dict[str, CronJob] = {}
        self._handlers: dict[str, Callable[..., Any]] = {}
        self._contexts: dict[str, contextvars.Context] = {}
        self.speak: Callable[[str, str], Awaitable[None]] | None = None
        """Has the agent speak up in a session (unified message origin, note); without it the note itself is sent."""

    async def restore(self) -> None:
        """Schedule the persistent jobs of earlier runs."""
        for found in await self._preferences.find(SCOPE):
            job = CronJob(**found.value)
            self._jobs[job.job_id] = job
            self._schedule(job)

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
        """Call ``handler(**payload)`` by a crontab expression."""
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
        """Have the bot speak up by itself; ``payload`` names ``session`` and ``note``."""
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
        job = self._job(job_id)
        for name, value in changes.items():
            if hasattr(job, name):
                setattr(job, name, value.isoformat() if isinstance(value, datetime) and name == "run_at" else value)
        self._schedule(job)
        await self._keep(job)
        return job

    async def delete_job(self, job_id: str) -> None:
        """Delete a job; an unknown one is ignored."""
        if self._jobs.pop(job_id, None) is None:
            return
        self._handlers.pop(job_id, None)
        self._contexts.pop(job_id, None)
        self._unschedule(job_id)
        await self._preferences.remove(SCOPE, "", job_id)

    async def forget(self, belongs: Callable[[Callable[..., Any]], bool]) -> None:
        """Delete the jobs whose function ``belongs`` to somebody who is going (a plugin)."""
        for job_id in [job_id for job_id, handler in self._handlers.items() if belongs(handler)]:
            await self.delete_job(job_id)

    async def list_jobs(self, job_type: str | None = None) -> Sequence[CronJob]:
        """All jobs, or those of one type."""
        return [job for job in self._jobs.values() if job_type is None or job.job_type == job_type]

    def close(self) -> None:
        """Stop the scheduler."""
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=False)
            self._scheduler = None

    # --- scheduling -------------------------------------------------------------------------------

    async def _add(self, job: CronJob) -> CronJob:
        self._schedule(job)
        self._jobs[job.job_id] = job
        await self._keep(job)
        return job

    async def _keep(self, job: CronJob) -> None:
        if job.persistent and job.job_type == "active_agent":
            kept = asdict(job)
            kept.pop("next_run_time")
            await self._preferences.put(SCOPE, "", job.job_id, kept)

    def _schedule(self, job: CronJob) -> None:
        self._unschedule(job.job_id)
        job.next_run_time = None
        if not job.enabled:
            return
        if self._scheduler is None:
            from apscheduler.schedulers.asyncio import AsyncIOScheduler

            self._scheduler = AsyncIOScheduler()
            self._scheduler.start()
        scheduled = self._scheduler.add_job(self._due, self._trigger(job), args=[job.job_id], id=job.job_id)
        job.next_run_time = scheduled.next_run_time

    def _trigger(self, job: CronJob) -> Any:
        from apscheduler.triggers.cron import CronTrigger
        from apscheduler.triggers.date import DateTrigger

        try:
            if job.run_at:
                return DateTrigger(datetime.fromisoformat(job.run_at), timezone=job.timezone)
            return CronTrigger.from_crontab(job.cron_expression or "", timezone=job.timezone)
        except (ValueError, LookupError) as error:
            raise BadRequest(f"The schedule of {job.name!r} is not valid: {error}") from None

    def _unschedule(self, job_id: str) -> None:
        if self._scheduler is not None and self._scheduler.get_job(job_id) is not None:
            self._scheduler.remove_job(job_id)

    async def _due(self, job_id: str) -> None:
        job = self._jobs.get(job_id)
        if job is None:
            return
        try:
            async with self._clock.timeout(JOB_DEADLINE):
                await self._run(job)
            job.last_error = None
        except Exception as error:
            job.last_error = str(error)
            log.error("timed job failed", exc_info=error, extra={"job": job.name})
        if job.run_once:
            await self.delete_job(job_id)
        elif self._scheduler is not None and (scheduled := self._scheduler.get_job(job_id)) is not None:
            job.next_run_time = scheduled.next_run_time

    async def _run(self, job: CronJob) -> None:
        if job.job_type == "basic":
            # In the context in which it was made: the plugin's, where its names and its tasks are known as its.
            context = self._contexts[job.job_id]
            made = context.run(self._handlers[job.job_id], **job.payload)
            if inspect.isawaitable(made):
                await asyncio.get_running_loop().create_task(_awaited(made), context=context)
            return
        session, note = str(job.payload.get("session", "")), str(job.payload.get("note", ""))
        if self.speak is not None:
            await self.speak(session, note)
        else:
            await self._platforms.send(MessageSession.from_str(session), MessageChain().message(note))

    def _job(self, job_id: str) -> CronJob:
        job = self._jobs.get(job_id)
        if job is None:
            raise NotFound(f"There is no timed job {job_id}.")
        return job


async def _awaited(made: Awaitable[Any]) -> None:
    await made

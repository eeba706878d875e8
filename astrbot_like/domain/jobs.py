"""Things to do later, and messages that plugins keep of platforms."""

from __future__ import annotations

from typing import Any

import msgspec


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A timed job that outlives the process: the bot speaks up by itself.

    Attributes:
        cron_expression: Five fields of crontab; None for a job that runs once.
        run_at: ISO 8601 time of the only run; None for a job with an expression.
        payload: ``session`` (the unified message origin) and ``note``.
        last_error: Why its latest run failed.
    """

    job_id: str
    name: str
    description: str = ""
    cron_expression: str | None = None
    run_at: str | None = None
    timezone: str | None = None
    payload: dict[str, Any] = {}
    enabled: bool = True
    run_once: bool = False
    last_error: str = ""
    created_at: str = ""
    updated_at: str = ""


class PlatformMessage(msgspec.Struct, frozen=True):
    """A message of a platform as a plugin kept it; ``content`` is any JSON value."""

    id: int
    platform_id: str
    user_id: str
    sender_id: str | None
    sender_name: str | None
    content: Any
    created_at: str

"""Schedules as plugins write them, as APScheduler's triggers. Imports APScheduler: call it off the event loop."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from astrbot_like.domain.errors import BadRequest

WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NUMBERS = re.compile(r"(?:(\*)|([0-7])(?:-([0-7]))?)(?:/([1-7]))?")


def trigger_of(name: str, cron_expression: str | None, run_at: str | None, timezone: str | None) -> Any:
    """When a job runs.

    Args:
        name: Of the job, for the error.
        cron_expression: Five fields of crontab.
        run_at: ISO 8601 time of a job that runs once.
        timezone: IANA name; None: the machine's.

    Raises:
        BadRequest: The schedule is not valid.
    """
    from apscheduler.triggers.cron import CronTrigger
    from apscheduler.triggers.date import DateTrigger

    try:
        if run_at:
            return DateTrigger(datetime.fromisoformat(run_at), timezone=timezone)
        fields = (cron_expression or "").split()
        if len(fields) != 5:
            raise ValueError("a crontab expression has five fields")
        return CronTrigger.from_crontab(" ".join([*fields[:4], named_weekdays(fields[4])]), timezone=timezone)
    except (ValueError, LookupError) as error:
        raise BadRequest(f"The schedule of {name!r} is not valid: {error}") from None


def named_weekdays(field: str) -> str:
    """The last field of a crontab expression with names in place of numbers.

    In crontab 0 and 7 are Sunday; APScheduler counts from Monday, and would run everything a day late.

    Raises:
        ValueError: A range runs backwards.
    """
    return ",".join(_named(part.strip().lower()) for part in field.split(","))


def _named(part: str) -> str:
    found = _NUMBERS.fullmatch(part)
    if found is None or part == "*":
        return part
    every, first, last, step = found.groups()
    begin = 0 if every else int(first)
    end = 6 if every else int(last) if last else 7 if step else begin
    if begin > end:
        raise ValueError(f"the range of weekdays {part} runs backwards")
    return ",".join(dict.fromkeys(WEEKDAYS[day % 7] for day in range(begin, end + 1, int(step or 1))))

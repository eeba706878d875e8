"""Moments named in a sentence."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

TIME_OF_DAY = re.compile(
    r"\bat\s+(\d{1,2})(?!\d)(?:[:.](\d{2}))?(?:\s*([ap]\.?m\b\.?)|\s*o'?clock\b)?(?!\s*(?:%|degrees))", re.IGNORECASE
)
_ISO = re.compile(r"\b\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2})?\b")


def moment_in(text: str, now: datetime) -> str | None:
    """A moment named in the text as ISO 8601: written so already, or a time of day, today's or else tomorrow's."""
    if written := _ISO.search(text):
        return written.group().replace(" ", "T")
    if not (found := TIME_OF_DAY.search(text)):
        return None
    hour, minute, half = int(found[1]), int(found[2] or 0), (found[3] or "").lower()
    if half:
        hour = hour % 12 + (12 if half.startswith("p") else 0)
    if hour > 23 or minute > 59:
        return None
    moment = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return (moment if moment > now else moment + timedelta(days=1)).isoformat(timespec="minutes")

"""What the doctor says about one thing."""

from __future__ import annotations

from typing import Literal

import msgspec


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at.

    Attributes:
        advice: What to do; empty when there is nothing to do.
    """

    subject: str
    state: Literal["ok", "warning", "failure"]
    message: str
    advice: str = ""


def ok(subject: str, message: str) -> Finding:
    """All is well."""
    return Finding(subject, "ok", message)


def warning(subject: str, message: str, advice: str) -> Finding:
    """It works, but may not for long or not well."""
    return Finding(subject, "warning", message, advice)


def failure(subject: str, message: str, advice: str) -> Finding:
    """It does not work."""
    return Finding(subject, "failure", message, advice)


def size_of(count: float) -> str:
    """A number of bytes in words."""
    for unit in ("bytes", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"

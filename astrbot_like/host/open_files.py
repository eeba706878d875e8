"""How many files and connections the system lets this process have open."""

from __future__ import annotations

WANTED = 65_536
"""Enough for every connection the settings allow; more would only be memory that a flood can take."""


def raise_limit() -> None:
    """Take as many as the system grants without asking anybody: most start a process with 1024."""
    try:
        import resource
    except ImportError:
        return  # not on this system
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    granted = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < granted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (granted, hard))


def most_connections(wanted: int) -> int:
    """``wanted``, or less where connections would leave no files for the database, uploads and services."""
    try:
        import resource
    except ImportError:
        return wanted
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return wanted if soft == resource.RLIM_INFINITY else max(1, min(wanted, soft * 3 // 4))

"""The machine: Python, programs, limits of the system, time zones, certificates; and its clock."""

from __future__ import annotations

import os
import shutil
import ssl
import sys
import time
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from astrbot_like.operations.doctor.findings import Finding, failure, ok, size_of, warning
from astrbot_like.plugin_host.render import find_browser

OLDEST_PYTHON = (3, 11)
FEW_FILES = 1024
"""Open files that a server for many people outgrows."""
LITTLE_MEMORY = 512 * 1024**2
"""A server with its recognisers at work needs some 300 MiB."""
NO_MEMORY = 128 * 1024**2
DAY = 86_400.0
LIBRARIES = ("quart", "hypercorn", "msgspec", "sqlalchemy", "aiosqlite", "argon2", "cryptography", "jwt", "pydub")
SOME_ZONE = "Europe/Berlin"
SET_CLOCK = "Set the clock and keep it right: timedatectl set-ntp true."


def check_machine() -> Iterator[Finding]:
    """All of it but the clock, which is held against the data."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info >= OLDEST_PYTHON:
        yield ok("Python", version)
    else:
        yield failure("Python", f"{version} is too old", "Install Python 3.11 or newer.")
    missing = [name for name in LIBRARIES if find_spec(name) is None]
    if missing:
        yield failure(
            "libraries", f"missing: {', '.join(missing)}", "Install the package again: pip install astrbot-like"
        )
    else:
        yield ok("libraries", "all there")
    yield _program(
        "FFmpeg", shutil.which("ffmpeg"), "Install it, or voice messages in other formats than WAV can't be read."
    )
    yield _program(
        "Chromium", find_browser(), "Install it if plugins draw pictures from HTML; without it they get plain ones."
    )
    yield _open_files()
    yield check_memory()
    yield _time_zones()
    yield _certificates()


def check_memory(proc: Path = Path("/proc"), groups: Path = Path("/sys/fs/cgroup")) -> Finding:
    """What the server could still use, within the machine's memory and its container's limit.

    Args:
        proc: Where the kernel tells of the machine.
        groups: Where it tells of the limits of this group of processes (v2 and v1).
    """
    amounts = [_available(proc / "meminfo")]
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        allowed, taken = _number(groups / limit), _number(groups / used)
        amounts.append(None if allowed is None or taken is None else max(0, allowed - taken))
    known = [amount for amount in amounts if amount is not None]
    if not known:
        return ok("memory", "not known on this system")
    free = min(known)
    advice = "Give the machine or the container more memory, or set server.workers = 1 for fewer recognisers."
    if free < NO_MEMORY:
        return failure("memory", f"only {size_of(free)} available", advice)
    if free < LITTLE_MEMORY:
        return warning("memory", f"only {size_of(free)} available", advice)
    return ok("memory", f"{size_of(free)} available")


def check_clock(now: float, newest: float | None = None) -> Finding:
    """Whether the clock is behind what has happened already. That it is ahead can't be seen from here.

    Args:
        now: What the clock says, in seconds since the epoch.
        newest: When the newest thing in the database was stored; None: not known.
    """
    said = _moment(now)
    # Files may come from a machine whose clock is a little ahead.
    installed = Path(__file__).stat().st_mtime
    if now < installed - DAY:
        return failure("clock", f"{said}, before this program was installed ({_moment(installed)})", SET_CLOCK)
    if newest is not None and now < newest - 60:
        text = f"{said}, but something was stored at {_moment(newest)}, which is yet to come"
        return failure("clock", text, f"{SET_CLOCK} If it is right now, it was ahead before; sign-ins ended early.")
    return ok("clock", said)


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _program(name: str, path: str | None, advice: str) -> Finding:
    return ok(name, "found") if path else warning(name, "not found", advice)


def _open_files() -> Finding:
    try:
        import resource
    except ImportError:
        return ok("open files", "no limit known")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)  # the server takes what it is granted
    if hard == resource.RLIM_INFINITY:
        return ok("open files", "no limit")
    if hard <= FEW_FILES:
        return warning(
            "open files",
            f"at most {hard}",
            "Raise the limit for many connections: ulimit -Hn 65536, or LimitNOFILE=65536 in the unit of systemd.",
        )
    return ok("open files", f"at most {hard}")


def _time_zones() -> Finding:
    advice = "Install them: apt-get install tzdata, or pip install tzdata. Reminders and clocks need them."
    try:
        zoneinfo.ZoneInfo(SOME_ZONE)
    except zoneinfo.ZoneInfoNotFoundError:
        return warning("time zones", "the data of time zones are missing", advice)
    named = os.environ.get("TZ", "").removeprefix(":")
    if "/" in named and not named.startswith("/"):
        try:
            zoneinfo.ZoneInfo(named)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError):
            return warning(
                "time zones", f"TZ names {named}, which is none: times are UTC", "Correct the variable TZ, or unset it."
            )
    return ok("time zones", f"known; this machine's is {time.tzname[0]}")


def _certificates() -> Finding:
    context = ssl.create_default_context()
    # A folder of certificates is read only when one is asked for.
    folder = ssl.get_default_verify_paths().capath
    if context.cert_store_stats()["x509_ca"] or (folder and any(Path(folder).iterdir())):
        return ok("certificates", "those of well-known authorities are there")
    return warning(
        "certificates",
        "none of an authority is known: secure connections to services fail",
        "Install them: apt-get install ca-certificates, or set SSL_CERT_FILE.",
    )


def _available(path: Path) -> int | None:
    try:
        lines = path.read_text("ascii").splitlines()
    except (OSError, ValueError):
        return None
    kibibytes = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(kibibytes[0]) * 1024 if kibibytes else None


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text("ascii"))
    except (OSError, ValueError):  # no such group, or "max"
        return None

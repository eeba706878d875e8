"""Figures of the running process, and their text form for Prometheus (exposition format 0.0.4)."""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

PREFIX = "astrbot_like_"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

MetricKind: TypeAlias = Literal["counter", "gauge"]


class Sample(msgspec.Struct, frozen=True):
    """One value of a metric, told apart by its labels."""

    value: float
    labels: Mapping[str, str] = {}


class Metric(msgspec.Struct, frozen=True):
    """A figure with its meaning.

    Attributes:
        name: Without the program's prefix, in base units (seconds, bytes).
        kind: A ``counter`` only grows while the process lives.
    """

    name: str
    help: str
    kind: MetricKind
    samples: tuple[Sample, ...]


def gauge(name: str, help: str, value: float, **labels: str) -> Metric:
    """A metric of one value that goes up and down."""
    return Metric(name, help, "gauge", (Sample(value, labels),))


def counter(name: str, help: str, value: float, **labels: str) -> Metric:
    """A metric of one value that only grows."""
    return Metric(name, help, "counter", (Sample(value, labels),))


def render_metrics(metrics: Iterable[Metric]) -> str:
    """The text that Prometheus reads."""
    lines: list[str] = []
    for metric in metrics:
        name = PREFIX + metric.name
        lines.append(f"# HELP {name} {_escaped(metric.help, quotes=False)}")
        lines.append(f"# TYPE {name} {metric.kind}")
        for sample in metric.samples:
            labels = ",".join(f'{key}="{_escaped(value)}"' for key, value in sample.labels.items())
            lines.append(f"{name}{{{labels}}} {sample.value:g}" if labels else f"{name} {sample.value:g}")
    return "\n".join(lines) + "\n"


def process_metrics(started_at: float) -> list[Metric]:
    """Memory, time and handles of this process.

    Args:
        started_at: When the server started, seconds since the epoch.
    """
    usage = resource.getrusage(resource.RUSAGE_SELF)
    found = [
        gauge("uptime_seconds", "Time since the server started.", time.time() - started_at),
        gauge("resident_memory_bytes", "Memory of the process.", resident_memory()),
        counter("cpu_seconds_total", "CPU time of the process.", usage.ru_utime + usage.ru_stime),
    ]
    if (handles := open_handles()) is not None:
        found.append(gauge("open_handles", "Open files and sockets.", handles))
    return found


def resident_memory() -> int:
    """Bytes of memory the process holds now (where the system tells; else its peak)."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def open_handles() -> int | None:
    """Open file descriptors; None where the system does not tell."""
    try:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names alone are wanted, and it is called often
    except OSError:
        return None


def _escaped(text: str, *, quotes: bool = True) -> str:
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n")
    return escaped.replace('"', '\\"') if quotes else escaped

"""A whole benchmark run: servers up, rows measured one by one, table, JSON and report."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import msgspec

from astrbot_like import __version__
from astrbot_like.bench.figures import Figure, markdown, table
from astrbot_like.bench.plots import conversations, shares
from astrbot_like.bench.processes import BotServer, spare_cores
from astrbot_like.bench.rows import QUICK, ROWS, Bench, Scale
from astrbot_like.bench.speech import spoken
from astrbot_like.bench.talker import Target
from astrbot_like.domain.errors import BotError


class Report(msgspec.Struct):
    """A run as it is written to JSON."""

    version: str
    python: str
    machine: str
    cores: int
    load_before: float
    started_at: str
    figures: list[Figure]
    quick: bool = False
    nice: int = 0


QUICK_NOTE = "This was a run with `--quick`: fewer samples and steps, so its p99 is close to the worst of all."


def row_names() -> list[str]:
    """All rows, in order."""
    return list(ROWS)


def measure(
    rows: Sequence[str],
    *,
    quick: bool,
    url: str | None,
    api_key: str,
    json_file: Path | None,
    report_file: Path | None,
    out: TextIO,
) -> int:
    """Measure ``rows``; returns 1 when a figure misses its bound."""
    core, cores = spare_cores()
    speech = spoken()
    scale = QUICK if quick else Scale()
    report = Report(
        version=__version__,
        python=platform.python_version(),
        machine=f"{platform.system()} {platform.machine()}",
        cores=os.cpu_count() or 1,
        load_before=os.getloadavg()[0],
        started_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        figures=[],
        quick=quick,
        nice=os.getpriority(os.PRIO_PROCESS, 0),
    )
    server = None if url else BotServer(core=core)
    try:
        target = Target(url, api_key) if url else Target(server.url, server.api_key())  # type: ignore[union-attr]
        bench = Bench(target, server, core, cores, speech, scale)
        for name in rows:
            out.write(f"measuring {name} …\n")
            out.flush()
            report.figures += _row(name, bench)
    finally:
        if server is not None:
            server.close()
    out.write("\n" + table(report.figures) + "\n")
    out.write(
        f"\nPython {report.python}, {report.machine}, {report.cores} cores, load {report.load_before:.1f} "
        "at the start; server pinned to one core, load on the others, loopback, providers of zero delay\n"
    )
    if json_file is not None:
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(report)))
    if report_file is not None:
        write_report(report, report_file)
    return int(any(figure.met is False for figure in report.figures))


def write_report(report: Report, file: Path) -> None:
    """The figures as Markdown, with two plots beside it."""
    plots = {"shares": shares(report.figures), "conversations": conversations(report.figures)}
    for name, plot in plots.items():
        file.with_name(f"{file.stem}-{name}.svg").write_text(plot, encoding="utf-8")
    file.write_text(
        f"""<!-- made by: astrbot-like bench --report {file.name} -->

# Benchmarks

Measured {report.started_at} with astrbot-like {report.version}, Python {report.python}, {report.machine},
{report.cores} cores, load {report.load_before:.1f} before the run. The server is pinned to one core, the load runs in
processes of its own on the others, everything on loopback, with providers of zero delay
(`astrbot_like/bench/mock_providers.py`). `astrbot-like bench` measures this anew; with `--url` it measures any server.
{QUICK_NOTE if report.quick else ""}{f" Its processes ran at nice {report.nice}." if report.nice else ""}

{markdown(report.figures)}

![Each figure as a share of its bound]({file.stem}-shares.svg)

![First audio against conversations at once]({file.stem}-conversations.svg)

How the rows are measured is in `astrbot_like/bench/rows.py`: what is sent, from when to when time is taken. Times are
taken in the clients; "late" is how far the load itself was behind its schedule, and a run where that is not small
against a figure says more about the load than about the server. CPU is the process's own time, so the ratio to the echo
holds on any machine.
""",
        encoding="utf-8",
    )


def _row(name: str, bench: Bench) -> list[Figure]:
    try:
        return ROWS[name](bench)
    except BotError as error:
        sys.stderr.write(f"{name}: {error.message}\n")
    except (OSError, RuntimeError, ValueError, ZeroDivisionError) as error:
        sys.stderr.write(f"{name}: {type(error).__name__}: {error}\n")
    return [Figure(name, f"{name} could not be measured", float("nan"), "", 0)]

"""``astrbot-like bench``: the figures of docs/benchmarks.md, measured here."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "bench",
        help="measure speed, memory and capacity",
        description="Measures a server of its own, pinned to one core, with providers of zero delay; or any server "
        "by --url (rows that need to see the process are left out then).",
    )
    parser.add_argument("rows", nargs="*", metavar="ROW", help="rows to measure (default: all; --list shows them)")
    parser.add_argument("--list", action="store_true", help="show the rows and end")
    parser.add_argument("--quick", action="store_true", help="fewer samples and steps")
    parser.add_argument("--url", help="measure this server instead")
    parser.add_argument("--api-key", default="", help="key for --url, with the scope chat")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the figures as Markdown")
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Measure and print; status 1 when a figure misses its bound."""
    from astrbot_like.bench.run import measure, row_names
    from astrbot_like.domain.errors import BadRequest

    if arguments.list:
        print("\n".join(row_names()))
        return 0
    unknown = sorted(set(arguments.rows) - set(row_names()))
    if unknown:
        raise BadRequest(f"Unknown rows: {', '.join(unknown)}. Known are: {', '.join(row_names())}.")
    if arguments.url and not arguments.api_key:
        raise BadRequest("--url needs --api-key.")
    return measure(
        arguments.rows or row_names(),
        quick=arguments.quick,
        url=arguments.url,
        api_key=arguments.api_key,
        json_file=arguments.json,
        report_file=arguments.report,
        out=sys.stdout,
    )

"""``astrbot-like openapi``: print the contract of every HTTP route."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "openapi", help="print the contract of every HTTP route (OpenAPI 3.1)", description=__doc__
    )
    parser.add_argument("--frames", action="store_true", help="print the JSON Schema of the socket frames instead")
    parser.add_argument(
        "--write",
        nargs="?",
        const=".",
        metavar="FOLDER",
        help="write openapi.json, docs/frames.schema.json and the routes of docs/http-api.md into a source tree",
    )
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    if arguments.write is not None:
        _write(Path(arguments.write))
        return 0
    if arguments.frames:
        from astrbot_like.dashboard.frame_schemas import frame_schema_text

        sys.stdout.write(frame_schema_text())
        return 0
    from astrbot_like.dashboard.contract import contract

    sys.stdout.write(contract())
    return 0


def _write(root: Path) -> None:
    from astrbot_like.dashboard.contract import contract, routes_page
    from astrbot_like.dashboard.frame_schemas import frame_schema_text

    (root / "openapi.json").write_text(contract(), encoding="utf-8")
    (root / "docs" / "frames.schema.json").write_text(frame_schema_text(), encoding="utf-8")
    page = root / "docs" / "http-api.md"
    page.write_text(routes_page(page.read_text(encoding="utf-8")), encoding="utf-8")

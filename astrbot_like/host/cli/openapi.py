"""``astrbot-like openapi``: print the contract of every HTTP route."""

from __future__ import annotations

import argparse
import sys
from typing import Any


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "openapi", help="print the contract of every HTTP route (OpenAPI 3.1)", description=__doc__
    )
    parser.add_argument("--frames", action="store_true", help="print the JSON Schema of the socket frames instead")
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    if arguments.frames:
        from astrbot_like.dashboard.frame_schemas import frame_schema_text

        sys.stdout.write(frame_schema_text())
        return 0
    from astrbot_like.dashboard.contract import contract

    sys.stdout.write(contract())
    return 0

"""``astrbot-like openapi``: print the contract of every HTTP route."""

from __future__ import annotations

import argparse
import sys
from typing import Any


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    return commands.add_parser(
        "openapi", help="print the contract of every HTTP route (OpenAPI 3.1)", description=__doc__
    )


def run(_arguments: argparse.Namespace) -> int:
    """Run the command."""
    from astrbot_like.dashboard.contract import contract

    sys.stdout.write(contract())
    return 0

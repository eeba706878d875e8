"""The ``astrbot-like`` command: one module a command, each with ``add`` (its arguments) and ``run``."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pkgutil import iter_modules

from astrbot_like import __version__
from astrbot_like.domain.errors import BotError

HELPERS = frozenset({"common", "data"})
"""Modules of this package that are no commands."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        The exit status: 0 done, 1 it failed, 2 wrong arguments, 130 stopped with Ctrl-C.
    """
    try:
        try:
            arguments = _parser().parse_args(argv)
            # A command speaks for itself; the server sets its log up when it starts.
            logging.getLogger().addHandler(logging.NullHandler())
            return arguments.run(arguments)
        finally:
            sys.stdout.flush()
    except BotError as error:
        print(f"astrbot-like: {error.message}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader of our output has gone (``| head``): the rest, which Python flushes when it ends, goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="astrbot-like",
        description="A self-hosted voice-and-chat bot platform.",
        epilog="'astrbot-like COMMAND --help' tells about a command.",
    )
    parser.add_argument("--version", action="version", version=f"astrbot-like {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for found in iter_modules(__path__):
        if found.name in HELPERS:
            continue
        module = import_module(f"{__name__}.{found.name}")
        command: argparse.ArgumentParser = module.add(commands)
        command.set_defaults(run=module.run)
    return parser

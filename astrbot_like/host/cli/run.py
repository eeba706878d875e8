"""``astrbot-like run``: start everything."""

from __future__ import annotations

import argparse
from typing import Any

from astrbot_like.host.cli.common import add_data_options, settings_of


class _Help(argparse.Action):
    """``--help`` with the list of all settings, made only when it is asked for."""

    def __init__(self, option_strings: list[str], dest: str, **kwargs: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, help="show this help and all settings")

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from astrbot_like.config import options

        parser.print_help()
        print("\nsettings, by TOML key and environment variable:")
        for option in options():
            print(f"  {option.name}  ({option.variable}; default {option.default!r})\n      {option.description}")
        parser.exit()


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser("run", help="start the server", add_help=False)
    parser.add_argument("-h", "--help", action=_Help, dest=argparse.SUPPRESS)
    parser.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to listen on (default: 6185; 0: any free one)")
    parser.add_argument("--workers", type=int, metavar="N", help="processes for CPU-bound speech engines")
    parser.add_argument("--log-level", choices=("debug", "info", "warning", "error"), help="least severe logs shown")
    add_data_options(parser)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or Ctrl-C."""
    from astrbot_like.host.lifecycle import serve

    settings = settings_of(
        arguments,
        server__host=arguments.host,
        server__port=arguments.port,
        server__workers=arguments.workers,
        logging__level=arguments.log_level,
    )
    return serve(settings)

"""What commands share: the options that name the settings and the data."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from astrbot_like.config import Settings


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """``--data-dir`` and ``--config``."""
    parser.add_argument("--data-dir", metavar="DIR", help="folder of everything that is kept (default: data)")
    parser.add_argument("--config", metavar="FILE", type=Path, help="settings file (TOML)")


def settings_of(arguments: argparse.Namespace, **given: Any) -> Settings:
    """The effective settings of a command.

    Args:
        given: Options by dotted path with ``__`` for the dot; None: not given.

    Raises:
        ConfigError: A setting is wrong; the text names it.
    """
    from astrbot_like.config import load_settings

    options = {name.replace("__", "."): value for name, value in given.items() if value is not None}
    if getattr(arguments, "data_dir", None):
        options["server.data_dir"] = arguments.data_dir
    return load_settings(os.environ, file=getattr(arguments, "config", None), given=options)

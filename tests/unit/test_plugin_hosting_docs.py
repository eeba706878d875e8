"""The page about hosting plugins names settings and commands that exist."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path

import msgspec

from astrbot_like.host.cli import plugin
from astrbot_like.plugin_host.discovery import ENTRY_POINT_GROUP
from astrbot_like.plugin_host.manager import RELOAD_VARIABLE
from astrbot_like.plugin_host.settings import PluginSettings

PAGE = Path(__file__).parents[2] / "docs" / "plugins" / "hosting.md"


def test_settings_exist() -> None:
    known = {field.name for field in msgspec.structs.fields(PluginSettings)}
    named = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)(?: = true)?`", PAGE.read_text("utf-8")))
    assert named - known <= {"on_plugin_error"}
    assert {"handler_timeout", "hook_timeout", "start_timeout", "start_patience", "loop_lag_limit"} <= named


def test_commands_parse() -> None:
    parser = argparse.ArgumentParser()
    plugin.add(parser.add_subparsers())
    commands = re.findall(r"^    astrbot-like (plugin .+)$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert len(commands) == 7
    for command in commands:
        parser.parse_args(shlex.split(command))


def test_names_are_those_of_the_code() -> None:
    text = PAGE.read_text("utf-8")
    assert f"`{ENTRY_POINT_GROUP}`" in text
    assert f"`{RELOAD_VARIABLE}=1`" in text

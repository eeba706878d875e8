"""Writes docs/settings.md from the settings themselves; with --check it only says whether the page is current."""

from __future__ import annotations

import sys
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from astrbot_like.config import options

PAGE = Path(__file__).resolve().parent.parent / "docs" / "settings.md"

HEAD = """# Settings

Every option can be set in a TOML file (`--config FILE` or `ASTRBOT_LIKE_CONFIG`), by an environment variable, and some
on the command line; the later wins. Options of `[server]` need no section in the name of their variable, and an option
whose name stands only once may be written without its section.

    [server]
    port = 8080

    [[providers]]
    id = "local-llm"
    type = "openai_chat_completion"
    api_base = "http://127.0.0.1:11434/v1"
    api_key = "env:MY_KEY"
    model = "qwen3"

    [profiles.default]
    llm = ["local-llm", "offline"]
    stt = ["pocketsphinx"]
    tts = ["espeak"]

    [profiles.default.host]
    wake_prefix = ["/"]

`[[providers]]`, `[[platforms]]` and `[profiles.ID]` declare providers, bots and profiles. Declared ones win over those
made in the dashboard and are shown there read-only. A value `env:NAME` is read from that environment variable. The
providers `offline`, `pocketsphinx` and `espeak` are always there; a profile that names no chain uses them,
and one with an empty list (`tts = []`) does without.
`[profiles.ID.host]` is what plugins see through `context.get_config()`, with AstrBot's keys.

A session talks with the profile it is bound to (`config_id` of `POST /api/v1/chat`, or the web UI). Without a binding
it talks with the first profile, by name, that has its origin among its `routes`, else with the default one. A route is
a pattern of origins, `platform:MessageType:session`; each part is a shell pattern, an empty or missing one takes
anything:

    [profiles.family]
    name = "Family"
    routes = ["telegram:GroupMessage", "webchat:FriendMessage:webchat!mum!*"]
"""


def page() -> str:
    """The whole page."""
    lines = [HEAD]
    section = ""
    for option in options():
        above = ".".join(option.path[:-1])
        if above != section:
            section = above
            lines += ["", f"## [{section}]", "", "| option | type | default | meaning |", "| --- | --- | --- | --- |"]
        kind, default, meaning = type_name(option.type), shown(option.default), option.description
        lines.append(f"| `{option.path[-1]}`<br>`{option.variable}` | {kind} | {default} | {meaning} |")
    return "\n".join(lines) + "\n"


def type_name(kind: Any) -> str:
    """A type in words."""
    origin = get_origin(kind)
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in get_args(kind))
    if origin in (tuple, list):
        return "list"
    if origin in (Union, UnionType):
        return " or ".join(type_name(part) for part in get_args(kind))
    return {int: "integer", float: "number", str: "text", bool: "true or false", type(None): "nothing"}.get(
        kind, "value"
    )


def shown(value: Any) -> str:
    """A default value as TOML writes it."""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, str):
        return f'`"{value}"`'
    if isinstance(value, tuple | list):
        return "`[" + ", ".join(f'"{item}"' for item in value) + "]`"
    return f"`{value}`"


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(0 if PAGE.exists() and PAGE.read_text("utf-8") == page() else "docs/settings.md is not current")
    PAGE.write_text(page(), "utf-8")

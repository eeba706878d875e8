"""The protocol pages name every frame, field, option and code of the code, and nothing else as a frame."""

import re
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from astrbot_like.dashboard.chat import frames as chat
from astrbot_like.dashboard.live import frames as live
from astrbot_like.dashboard.live.wire import RATES
from astrbot_like.dashboard.wire_errors import CHAT_CODES, LIVE_CODES

DOCS = Path(__file__).resolve().parents[2] / "docs"
LIVE, CHAT = (DOCS / name for name in ("live-protocol.md", "chat-protocol.md"))
CARRIED = {"ct", "type"}


def named(page: Path) -> set[str]:
    """Everything that stands in code marks, and the keys of JSON in it."""
    words: set[str] = set()
    for code in re.findall(r"`([^`]+)`", page.read_text(encoding="utf-8")):
        words.add(code)
        words |= set(re.findall(r'"(\w+)"', code))
    return words


def fields(struct: Any) -> set[str]:
    """Names on the wire of a struct and of the structs in its ``data``."""
    names: set[str] = set()
    for field in msgspec.structs.fields(struct):
        names.add(field.encode_name)
        for inner in (field.type, *get_args(field.type)):
            if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
                names |= fields(inner)
    return names - CARRIED


@pytest.mark.parametrize(
    ("page", "frames", "codes"),
    [
        (LIVE, (*get_args(live.LiveInFrame), *get_args(live.LiveOutFrame)), LIVE_CODES),
        (CHAT, (*get_args(chat.ChatInFrame), *get_args(chat.ChatOutFrame)), CHAT_CODES),
    ],
    ids=["live", "chat"],
)
def test_every_frame_field_and_code_has_its_entry(page, frames, codes):
    words = named(page)
    tags = {str(frame.__struct_config__.tag) for frame in frames}
    missing = (tags | set().union(*map(fields, frames)) | codes) - words
    assert not missing, f"{page.name} does not name {sorted(missing)}"


def test_audio_options_are_told():
    words = named(LIVE)
    assert {str(rate) for rate in RATES} | {"wav", "pcm16", "binary", "rate", "audio"} <= words


@pytest.mark.parametrize("page", [LIVE, CHAT])
def test_no_code_is_told_that_does_not_exist(page):
    told = {word for word in named(page) if re.fullmatch(r"[A-Z]+(_[A-Z]+)+", word)}
    assert told <= LIVE_CODES | CHAT_CODES

"""What a message quotes."""

from __future__ import annotations

from typing import Any

import pytest

from astrbot_like.api import compat
from astrbot_like.api.message_components import Image, Node, Nodes, Plain, Reply
from astrbot_like.api.testing import FakeEvent, make_message
from astrbot_like.api.testing.events import TEST_PLATFORM


def event(*parts: Any) -> FakeEvent:
    message = make_message([*parts, Plain("what is this?")])
    return FakeEvent(message.message_str, message, TEST_PLATFORM, message.session_id)


FORWARDED = Nodes([Node(name="n", uin="1", content=[Plain("inside"), Image.fromURL("https://example.org/b.png")])])
PICTURE = Image(file="a.png", url="https://example.org/a.png")


@pytest.mark.parametrize(
    ("parts", "text", "pictures"),
    [
        ((), None, []),
        ((Reply(id="1"),), None, []),
        ((Reply(id="1", message_str="only text"),), "only text", []),
        ((Reply(id="1", chain=None, message_str="only text"),), "only text", []),
        ((Reply(id="1", chain=[PICTURE, PICTURE]),), None, ["https://example.org/a.png"]),
        (
            (Reply(id="1", chain=[Plain("before"), FORWARDED], message_str="before [forward]"),),
            "before\ninside",
            ["https://example.org/b.png"],
        ),
    ],
)
async def test_quoted_text_and_pictures(parts: tuple[Any, ...], text: str | None, pictures: list[str]) -> None:
    parser = compat.resolve("astrbot.core.utils.quoted_message_parser")
    assert parser is not None
    assert await parser.extract_quoted_message_text(event(*parts)) == text
    assert await parser.extract_quoted_message_images(event(*parts)) == pictures
    for part in parts:  # a quotation that is named is read, whatever the event quotes
        assert await parser.extract_quoted_message_text(event(), part) == text

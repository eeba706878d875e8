"""Frames from the server, each held against docs/frames.schema.json, to which a frame may add nothing."""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

import jsonschema_rs

SCHEMA = Path(__file__).parents[2] / "docs" / "frames.schema.json"
DATA = "data: "

Protocol: TypeAlias = Literal["live", "chat"]


def check_frame(raw: str | bytes, protocol: Protocol | None = None) -> dict[str, Any]:
    """The frame as a dictionary, once it has the shape that is documented.

    Args:
        raw: JSON text.
        protocol: None: chat frames are known by ``ct`` or ``type``.
    """
    frame = json.loads(raw)
    assert isinstance(frame, dict), raw
    if frame.keys() == {"type", "code", "data"}:
        group = "refused"
    elif protocol == "chat" or "ct" in frame or (protocol is None and "type" in frame):
        group = "chat_server"
    else:
        group = "live_server"
    [*problems] = _validator(group).iter_errors(frame)
    assert not problems, f"{raw!r}: {[problem.message for problem in problems]}"
    return frame


def sse_frames(lines: Iterable[str | bytes]) -> list[dict[str, Any]]:
    """The frames of a whole event stream, given by its lines."""
    return [frame for line in lines if (frame := _event(line)) is not None]


async def read_sse(lines: AsyncIterable[str | bytes]) -> AsyncIterator[dict[str, Any]]:
    """The frames of an event stream as they come."""
    async for line in lines:
        if (frame := _event(line)) is not None:
            yield frame


def _event(line: str | bytes) -> dict[str, Any] | None:
    text = line.decode() if isinstance(line, bytes) else line
    text = text.rstrip("\n")
    if not text:
        return None
    assert text.startswith(DATA), f"not a line of an event: {text!r}"
    return check_frame(text.removeprefix(DATA), "chat")


@cache
def _validator(group: str) -> Any:
    document = json.loads(SCHEMA.read_text(encoding="utf-8"))
    for schema in document["$defs"].values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return jsonschema_rs.validator_for({**document, "$ref": f"#/$defs/{group}"})

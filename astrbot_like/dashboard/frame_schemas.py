"""JSON Schema of every socket frame, made from the frames' types (docs/frames.schema.json)."""

from __future__ import annotations

from typing import Any, get_args

import msgspec

from astrbot_like.dashboard.chat import frames as chat
from astrbot_like.dashboard.live import frames as live
from astrbot_like.dashboard.open_api.chat import ChatBody
from astrbot_like.dashboard.wire_errors import RefusedFrame

FRAMES: dict[str, tuple[type[msgspec.Struct], ...]] = {
    "live_client": get_args(live.LiveInFrame),
    "live_server": get_args(live.LiveOutFrame),
    "chat_client": get_args(chat.ChatInFrame),
    "chat_server": get_args(chat.ChatOutFrame),
    "refused": (RefusedFrame,),
}
"""Frames by protocol and sender."""

DESCRIPTIONS = {
    "live_client": "Live mode, client to server.",
    "live_server": "Live mode, server to client.",
    "chat_client": "Chat mode, client to server.",
    "chat_server": "Chat mode and Open API streams, server to client.",
    "refused": "To an Open API client whose connection is refused, before it is closed.",
}


def frame_schemas() -> dict[str, Any]:
    """One document: a definition for each frame, and for each protocol and sender the choice of its frames."""
    structs = [struct for group in FRAMES.values() for struct in group]
    references, components = msgspec.json.schema_components([*structs, ChatBody], ref_template="#/$defs/{name}")
    by_struct = dict(zip([*structs, ChatBody], references, strict=True))
    choices = {
        name: {"description": DESCRIPTIONS[name], "oneOf": [by_struct[struct] for struct in group]}
        for name, group in FRAMES.items()
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Socket frames",
        "description": "Frames of the live and chat sockets, explained in live-protocol.md and chat-protocol.md.",
        "$defs": {**components, **choices},
    }


def frame_schema_text() -> str:
    """The document as it is kept in the repository."""
    return msgspec.json.format(msgspec.json.encode(frame_schemas(), order="sorted"), indent=2).decode() + "\n"

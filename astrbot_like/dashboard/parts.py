"""Message parts as clients send them, for every front end that takes a message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from astrbot_like.domain.errors import InvalidMessageFormat
from astrbot_like.domain.messages import (
    MEDIA_PART_TYPES,
    MediaKind,
    MessagePart,
    PlainPart,
    ReplyPart,
)

MAX_PARTS = 100
"""Parts of one message; more are refused."""

LONGEST_ID = 256
LARGEST_ID = 2**53
"""Characters of a quoted message's name, or the greatest number that can be one."""


def parse_parts(raw: Sequence[Any], *, empty: str) -> tuple[MessagePart, ...]:
    """Check a list of parts and make it typed. Plain parts without text are left out.

    Args:
        raw: The decoded JSON list.
        empty: The error text when nothing is left that a bot could answer (a quotation alone is not).

    Raises:
        InvalidMessageFormat: With ``empty``, ``Unsupported message type: X``, or what is wrong with a part.
    """
    if len(raw) > MAX_PARTS:
        raise InvalidMessageFormat(f"message has {len(raw)} parts; at most {MAX_PARTS} are allowed")
    parts: list[MessagePart] = []
    incomplete: str | None = None
    for item in raw:
        if not isinstance(item, Mapping):
            raise InvalidMessageFormat("each part of message must be an object")
        part = cast("Mapping[str, Any]", item)
        kind = part.get("type")
        if kind == "plain":
            if (plain := _plain(part)) is not None:
                parts.append(plain)
        elif kind == "reply":
            parts.append(_reply(part))
        elif isinstance(kind, str) and kind in MEDIA_PART_TYPES:
            attachment_id = part.get("attachment_id")
            if isinstance(attachment_id, str) and attachment_id:
                filename = part.get("filename")
                media = MEDIA_PART_TYPES[cast("MediaKind", kind)]
                parts.append(media(attachment_id, filename if isinstance(filename, str) else ""))
            else:
                incomplete = kind
        else:
            raise InvalidMessageFormat(f"Unsupported message type: {_shown(kind)}")
    if all(isinstance(part, ReplyPart) for part in parts):
        raise InvalidMessageFormat(empty)
    if incomplete is not None:
        raise InvalidMessageFormat(f"attachment_id is required for a part of type {incomplete}")
    return tuple(parts)


def parse_text(raw: Any, *, empty: str) -> tuple[MessagePart, ...]:
    """A message given as text.

    Raises:
        InvalidMessageFormat: With ``empty``, when it is not text or blank.
    """
    if not isinstance(raw, str) or not raw.strip():
        raise InvalidMessageFormat(empty)
    return (PlainPart(raw),)


def check_text_length(parts: Sequence[MessagePart], limit: int) -> None:
    """Hold the text of a message to its limit.

    Raises:
        InvalidMessageFormat: The plain parts have more than ``limit`` characters.
    """
    if sum(len(part.text) for part in parts if isinstance(part, PlainPart)) > limit:
        raise InvalidMessageFormat(f"The text is too long; at most {limit} characters are allowed.")


def _plain(part: Mapping[str, Any]) -> PlainPart | None:
    text = part.get("text")
    if not isinstance(text, str):
        raise InvalidMessageFormat("text of a plain part must be a string")
    return PlainPart(text) if text.strip() else None


def _reply(part: Mapping[str, Any]) -> ReplyPart:
    message_id = part.get("message_id")
    if isinstance(message_id, bool) or not isinstance(message_id, str | int) or message_id == "":
        raise InvalidMessageFormat("message_id is required for a part of type reply")
    if len(message_id) > LONGEST_ID if isinstance(message_id, str) else not 0 <= message_id <= LARGEST_ID:
        raise InvalidMessageFormat("message_id of a part of type reply names no message")
    selected = part.get("selected_text")
    return ReplyPart(message_id, selected if isinstance(selected, str) else "")


def _shown(kind: Any) -> str:
    return str(kind)[:64]

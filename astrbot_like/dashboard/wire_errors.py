"""Error codes as the socket protocols name them, and texts for frames that fail validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import msgspec

from astrbot_like.domain import errors as x

LIVE_CODES = frozenset(
    error.code
    for error in (
        *(x.ProcessingError, x.InvalidMessageFormat, x.InvalidAudio, x.StampMismatch, x.NoAudio, x.NoSpeech),
        *(x.SttNotConfigured, x.LlmNotConfigured, x.ProviderError, x.TurnTimeout, x.AtCapacity, x.SessionError),
        *(x.Unauthorized, x.BadUser, x.InvalidMessage),
    )
)
"""Codes that live clients know (docs/live-protocol.md)."""

CHAT_CODES = frozenset(
    error.code
    for error in (
        *(x.InvalidMessageFormat, x.Interrupted, x.SessionError, x.ConfigError, x.BadUser, x.ProcessingError),
        *(x.ProviderError, x.TurnTimeout, x.Unauthorized, x.InvalidMessage),
    )
)
"""Codes that chat clients know (docs/chat-protocol.md)."""


class RefusedFrame(msgspec.Struct, frozen=True, tag_field="type", tag="error"):
    """The one frame an Open API client gets before a connection that was refused is closed."""

    code: str
    data: str


_FORMAT = {
    error.code: x.InvalidMessageFormat.code for error in (x.TooLarge, x.BadRequest, x.InvalidMessage, x.NotFound)
}
_CONFIG = {error.code: x.ConfigError.code for error in (x.SttNotConfigured, x.LlmNotConfigured)}


def live_code(code: str) -> str:
    """The code of the live protocol nearest to a code of the error tree."""
    return code if code in LIVE_CODES else _FORMAT.get(code, x.ProcessingError.code)


def chat_code(code: str) -> str:
    """The code of the chat protocol nearest to a code of the error tree."""
    return code if code in CHAT_CODES else _CONFIG.get(code) or _FORMAT.get(code, x.ProcessingError.code)


NOT_JSON = "The frame is not valid JSON"
NOT_AN_OBJECT = "The frame must be a JSON object"


def read_object(raw: str) -> dict[str, Any]:
    """A frame that did not fit its type, to see why.

    Raises:
        InvalidMessageFormat: Not JSON, or not an object.
    """
    try:
        frame = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise x.InvalidMessageFormat(NOT_JSON) from None
    if not isinstance(frame, dict):
        raise x.InvalidMessageFormat(NOT_AN_OBJECT) from None
    return frame


def explain(frame: Mapping[str, Any], error: msgspec.ValidationError, *, key: str, known: Sequence[str]) -> NoReturn:
    """Say what is wrong with a frame that is a JSON object.

    Raises:
        InvalidMessageFormat: Always.
    """
    kind: Any = frame.get(key)
    if kind is None:
        raise x.InvalidMessageFormat(f"{key} is required") from None
    if not isinstance(kind, str):
        raise x.InvalidMessageFormat(f"{key} must be a string") from None
    if kind not in known:
        raise x.InvalidMessageFormat(f"Unsupported message type: {kind[:64]}") from None
    text = str(error)
    missing = "Object missing required field `"
    if text.startswith(missing):
        field, _, where = text.removeprefix(missing).partition("`")
        raise x.InvalidMessageFormat(
            f"{where.removeprefix(' - at `$.').rstrip('`') + '.' if where else ''}{field} is required"
        ) from None
    raise x.InvalidMessageFormat(text.replace("`$.", "`")) from None

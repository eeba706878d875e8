"""What both interfaces share: the key and the reasons of a refusal.

Source: https://elevenlabs.io/docs/eleven-api/resources/errors (today's form, ``detail.code``) and
https://help.elevenlabs.io/hc/en-us/articles/19572237925521 (the older one, ``detail.status``).
"""

from __future__ import annotations

import msgspec

from astrbot_like.api.kit.errors import Failure

BASE = "https://api.elevenlabs.io/v1"
_KINDS: dict[str, Failure] = {
    "invalid_api_key": "auth",
    "quota_exceeded": "rate_limit",
    "voice_not_found": "not_found",
    "max_character_limit_exceeded": "bad_request",
}


class Detail(msgspec.Struct):
    """Why a request was refused."""

    code: str = ""
    status: str = ""


class Refusal(msgspec.Struct):
    """The body of a refusal."""

    detail: Detail


_DECODER = msgspec.json.Decoder(Refusal)


def authorised(key: str) -> dict[str, str]:
    """The header with the key."""
    return {"xi-api-key": key}


def kind_of(status: int, body: bytes) -> Failure | None:
    """What kind of failure a refusal is: out of quota comes with 401, an unknown voice with 400."""
    try:
        detail = _DECODER.decode(body).detail
    except ValueError:
        return None
    return _KINDS.get(detail.code or detail.status)

"""Text, mentions, quotes and the small segments of instant messengers."""

from __future__ import annotations

import json
from typing import Any

from astrbot_like.api.components.base import BaseMessageComponent, ComponentType

LONGEST_NUMBER = 20
"""Digits of the longest id that is taken for a number."""


class Plain(BaseMessageComponent):
    """Text.

    Args:
        text: The text.
        convert: Accepted for old plugins; has no effect.
    """

    type = ComponentType.Plain
    text: str

    def __init__(self, text: str, convert: bool = True, **_: Any) -> None:
        super().__init__(text=text)

    def toDict(self) -> dict[str, Any]:
        """``{"type": "text", "data": {"text": …}}``."""
        return {"type": "text", "data": {"text": self.text}}


class Face(BaseMessageComponent):
    """A QQ emoji, by its number."""

    type = ComponentType.Face
    id: int

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)


def _as_id(given: Any) -> Any:
    """An id in digits as the number AstrBot's models make of it; others, and those with leading zeros, stay."""
    digits = isinstance(given, str) and given.isascii() and given.isdigit() and len(given) <= LONGEST_NUMBER
    return int(given) if digits and (given == "0" or given[0] != "0") else given


class At(BaseMessageComponent):
    """A mention. Ids in digits become ``int``: compare with ``str(at.qq)``; ``"all"`` means everybody."""

    type = ComponentType.At
    qq: int | str
    name: str | None = ""

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self.qq = _as_id(self.qq)

    def toDict(self) -> dict[str, Any]:
        """``{"type": "at", "data": {"qq": "…"}}``."""
        return {"type": "at", "data": {"qq": str(self.qq)}}


class AtAll(At):
    """A mention of everybody."""

    qq: int | str = "all"


class Reply(BaseMessageComponent):
    """A quotation of an earlier message.

    Attributes:
        id: The quoted message's id; the only field that matters when sending.
        chain: Components of the quoted message, for incoming ones.
        sender_id: Who wrote it.
        message_str: Its text.
    """

    type = ComponentType.Reply
    id: str
    chain: list[BaseMessageComponent] | None = []  # noqa: RUF012 - copied for each instance
    sender_id: int | str | None = 0
    sender_nickname: str | None = ""
    time: int | None = 0
    message_str: str | None = ""
    text: str | None = ""
    qq: int | None = 0
    seq: int | None = 0

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self.sender_id = _as_id(self.sender_id)

    def toDict(self) -> dict[str, Any]:
        """``{"type": "reply", "data": {"id": "…"}}`` (OneBot v11 knows the id only)."""
        return {"type": "reply", "data": {"id": str(self.id)}}


class Poke(BaseMessageComponent):
    """QQ's poke. ``id`` is its target; ``qq`` an old name of it."""

    type = ComponentType.Poke
    _type: str = "126"
    id: int | str | None = 0
    qq: int | str | None = 0

    def __init__(self, poke_type: str | int | None = None, **values: Any) -> None:
        kind = values.pop("type", None) if poke_type is None else poke_type
        values.pop("_type", None)
        super().__init__(**values)
        self._type = "126" if kind in (None, "", "poke", "Poke", ComponentType.Poke) else str(kind)

    def target_id(self) -> str | None:
        """Who is poked, or None."""
        for value in (self.id, self.qq):
            text = "" if value is None else str(value).strip()
            if text and text != "0":
                return text
        return None

    def toDict(self) -> dict[str, Any]:
        """``{"type": "poke", "data": {"type": …, "id": …}}``."""
        target = self.target_id()
        return {"type": "poke", "data": {"type": self._type, **({"id": target} if target else {})}}


class RPS(BaseMessageComponent):
    """Rock, paper, scissors."""

    type = ComponentType.RPS


class Dice(BaseMessageComponent):
    """A throw of dice."""

    type = ComponentType.Dice


class Shake(BaseMessageComponent):
    """A shaken window."""

    type = ComponentType.Shake


class Share(BaseMessageComponent):
    """A shared link."""

    type = ComponentType.Share
    url: str
    title: str
    content: str | None = ""
    image: str | None = ""


class _Tagged(BaseMessageComponent):
    """A segment whose data has a ``type`` of its own, given as ``_type``."""

    def __init__(self, **values: Any) -> None:
        inner = values.pop("_type", None)
        super().__init__(**values)
        if inner is not None:
            self._type = inner


class Contact(_Tagged):
    """A recommended friend (``_type="qq"``) or group (``_type="group"``)."""

    type = ComponentType.Contact
    id: int | None = 0


class Music(_Tagged):
    """A piece of music; ``_type`` is ``qq``, ``163``, ``xm`` or ``custom``."""

    type = ComponentType.Music
    id: int | None = 0
    url: str | None = ""
    audio: str | None = ""
    title: str | None = ""
    content: str | None = ""
    image: str | None = ""


class Location(BaseMessageComponent):
    """A place; degrees."""

    type = ComponentType.Location
    lat: float
    lon: float
    title: str | None = ""
    content: str | None = ""


class Forward(BaseMessageComponent):
    """A reference to merged, forwarded messages."""

    type = ComponentType.Forward
    id: str

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)


class Json(BaseMessageComponent):
    """A card described by JSON, given as text or as an object."""

    type = ComponentType.Json
    data: dict[str, Any]

    def __init__(self, data: str | dict[str, Any], **_: Any) -> None:
        super().__init__(data=json.loads(data) if isinstance(data, str) else data)


class Unknown(BaseMessageComponent):
    """A segment the platform adapter does not know."""

    type = ComponentType.Unknown
    text: str

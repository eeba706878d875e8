"""Messages of a conversation with a model, in OpenAI's form.

They behave as AstrBot's pydantic models where plugins can see it (``model_dump``, ``model_validate``), without
pydantic.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Self


class _Model:
    """``model_dump``, ``model_validate`` and ``model_copy`` for dataclasses."""

    def model_dump(self, **_: Any) -> dict[str, Any]:
        """All fields as plain data."""
        return {one.name: _plain(getattr(self, one.name)) for one in fields(self) if not one.name.startswith("_")}  # type: ignore[arg-type]

    def model_dump_json(self, **_: Any) -> str:
        """All fields as JSON."""
        import json

        return json.dumps(self.model_dump(), ensure_ascii=False)

    def model_copy(self, *, update: dict[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with some fields changed."""
        made = copy.deepcopy(self) if deep else copy.copy(self)
        for name, value in (update or {}).items():
            setattr(made, name, value)
        return made

    @classmethod
    def model_validate(cls, obj: Any, **_: Any) -> Self:
        """From a dictionary; unknown keys are ignored.

        Raises:
            ValueError: A required key is missing.
        """
        if isinstance(obj, cls):
            return obj
        known = {one.name for one in fields(cls) if one.init}  # type: ignore[arg-type]
        try:
            return cls(**{name: value for name, value in dict(obj).items() if name in known})
        except TypeError as error:
            raise ValueError(str(error)) from error


def _plain(value: Any) -> Any:
    if isinstance(value, _Model):
        return value.model_dump()
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return value


@dataclass(kw_only=True)
class ContentPart(_Model):
    """A part of a message's content. ``mark_as_temp`` keeps it out of the stored history."""

    type: str = ""
    _no_save: bool = field(default=False, init=False, repr=False, compare=False)
    _kinds: ClassVar[dict[str, str]] = {
        "text": "TextPart",
        "think": "ThinkPart",
        "image_url": "ImageURLPart",
        "audio_url": "AudioURLPart",
    }

    def mark_as_temp(self) -> Self:
        """Show it to the model this time only."""
        self._no_save = True
        return self

    def model_dump_for_context(self) -> dict[str, Any]:
        """As ``model_dump``; temporary parts carry ``_no_save``."""
        dumped = self.model_dump()
        if self._no_save:
            dumped["_no_save"] = True
        return dumped

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Any:
        """The fitting kind of part from a dictionary.

        Raises:
            ValueError: Unknown type or a missing key.
        """
        if cls is not ContentPart or isinstance(obj, ContentPart):
            return super().model_validate(obj, **options)
        kind = cls._kinds.get(str(dict(obj).get("type")))
        if kind is None:
            raise ValueError(f"unknown content part: {dict(obj).get('type')!r}")
        return globals()[kind].model_validate(obj)


@dataclass(kw_only=True)
class TextPart(ContentPart):
    """Text."""

    type: str = "text"
    text: str


@dataclass(kw_only=True)
class ThinkPart(ContentPart):
    """Reasoning of a model."""

    type: str = "think"
    think: str
    encrypted: str | None = None


@dataclass(kw_only=True)
class _MediaURL(_Model):
    url: str
    id: str | None = None


@dataclass(kw_only=True)
class ImageURLPart(ContentPart):
    """A picture, by URL or ``data:`` URL."""

    type: str = "image_url"
    image_url: Any

    ImageURL: ClassVar[type[_MediaURL]] = _MediaURL

    def __post_init__(self) -> None:
        self.image_url = _media_url(self.image_url)


@dataclass(kw_only=True)
class AudioURLPart(ContentPart):
    """Audio, by URL or ``data:`` URL."""

    type: str = "audio_url"
    audio_url: Any

    AudioURL: ClassVar[type[_MediaURL]] = _MediaURL

    def __post_init__(self) -> None:
        self.audio_url = _media_url(self.audio_url)


def _media_url(given: Any) -> _MediaURL:
    return _MediaURL(url=given) if isinstance(given, str) else _MediaURL.model_validate(given)


@dataclass(kw_only=True)
class _FunctionBody(_Model):
    name: str
    arguments: str | None = None


@dataclass(kw_only=True)
class ToolCall(_Model):
    """A model's wish to have a tool called; ``function.arguments`` is JSON text."""

    id: str
    function: Any
    type: str = "function"
    extra_content: dict[str, Any] | None = None

    FunctionBody: ClassVar[type[_FunctionBody]] = _FunctionBody

    def __post_init__(self) -> None:
        self.function = _FunctionBody.model_validate(self.function)

    def model_dump(self, **_: Any) -> dict[str, Any]:
        """As OpenAI takes it; ``extra_content`` only where there is some."""
        dumped = super().model_dump()
        if self.extra_content is None:
            dumped.pop("extra_content")
        return dumped


@dataclass(kw_only=True)
class Message(_Model):
    """One message: ``system``, ``user``, ``assistant`` or ``tool``.

    Attributes:
        content: Text, parts, or None for an assistant that only calls tools.

    Raises:
        ValueError: No content, and no tool calls to make up for it.
    """

    role: str
    content: Any = None
    tool_calls: list[Any] | None = None
    tool_call_id: str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.content, list):
            self.content = [
                ContentPart.model_validate(part) if isinstance(part, dict) else part for part in self.content
            ]
        if self.content is None and not (self.role == "assistant" and self.tool_calls):
            raise ValueError(f"content is required for a {self.role} message without tool calls")

    def model_dump(self, **_: Any) -> dict[str, Any]:
        """As OpenAI takes it; empty fields are left out, ``content`` never."""
        dumped = super().model_dump()
        return {key: value for key, value in dumped.items() if value is not None or key == "content"}


@dataclass(kw_only=True)
class AssistantMessageSegment(Message):
    """What the model said or asked for."""

    role: str = "assistant"


@dataclass(kw_only=True)
class ToolCallMessageSegment(Message):
    """What a tool answered."""

    role: str = "tool"


@dataclass(kw_only=True)
class UserMessageSegment(Message):
    """What the user said."""

    role: str = "user"


@dataclass(kw_only=True)
class SystemMessageSegment(Message):
    """What the system says."""

    role: str = "system"


__all__ = [
    "AssistantMessageSegment",
    "AudioURLPart",
    "ContentPart",
    "ImageURLPart",
    "Message",
    "SystemMessageSegment",
    "TextPart",
    "ThinkPart",
    "ToolCall",
    "ToolCallMessageSegment",
    "UserMessageSegment",
]

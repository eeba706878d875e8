"""What all message components share.

Components behave as AstrBot's pydantic models do where plugins can see it (keyword construction, defaults,
comparison by value, unknown keywords ignored, mutability) without the cost of importing pydantic.
"""

from __future__ import annotations

import copy
import inspect
from enum import Enum
from typing import Any, ClassVar, TypeAlias, TypeVar

LONGEST_REPR = 64
"""Characters of a text that ``repr`` shows."""

Data: TypeAlias = dict[str, Any]
Kind: TypeAlias = type[Any]

_MISSING: Any = object()
_SIMPLE: dict[str, Kind] = {"str": str, "str | None": str, "int": int, "int | None": int, "float": float}

ComponentT = TypeVar("ComponentT", bound="BaseMessageComponent")


class ComponentType(str, Enum):  # noqa: UP042 - str() must give "ComponentType.Plain", as plugins expect
    """The kind of a component; compares equal to its name as a plain string."""

    Plain = "Plain"
    Image = "Image"
    Record = "Record"
    Video = "Video"
    File = "File"
    Face = "Face"
    At = "At"
    Node = "Node"
    Nodes = "Nodes"
    Poke = "Poke"
    Reply = "Reply"
    Forward = "Forward"
    RPS = "RPS"
    Dice = "Dice"
    Shake = "Shake"
    Share = "Share"
    Contact = "Contact"
    Location = "Location"
    Music = "Music"
    Json = "Json"
    Unknown = "Unknown"


class BaseMessageComponent:
    """One part of a message: text, a picture, a mention …

    Subclasses declare their fields as annotated class attributes; one without a default is required.

    Raises:
        ValueError: A required field is missing or a number field holds no number.
    """

    type: ComponentType = ComponentType.Unknown
    _fields: ClassVar[dict[str, tuple[Kind | None, Any]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        fields = {name: (kind, cls.__dict__.get(name, default)) for name, (kind, default) in cls._fields.items()}
        for name, annotation in inspect.get_annotations(cls).items():
            if name.startswith("_") or name == "type" or "ClassVar" in str(annotation):
                continue
            spelled = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
            fields[name] = (_SIMPLE.get(spelled), cls.__dict__.get(name, _MISSING))
        cls._fields = fields

    def __init__(self, **values: Any) -> None:
        self.type = self._type_from(values.pop("type", None))
        for name, (kind, default) in self._fields.items():
            value = values.get(name, _MISSING)
            if value is _MISSING:
                if default is _MISSING:
                    raise ValueError(f"{self.__class__.__name__}: the field {name!r} is required")
                value = copy.copy(default)
            elif kind is not None and value is not None and not isinstance(value, kind):
                value = kind(value)
            setattr(self, name, value)

    def _type_from(self, given: Any) -> ComponentType:
        try:
            return ComponentType(given) if given is not None else self.__class__.type
        except ValueError:
            return self.__class__.type

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BaseMessageComponent):
            return NotImplemented
        return self.__class__ is other.__class__ and self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment]  # mutable, compared by value

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={_shortened(value)!r}" for name, value in self.__dict__.items())
        return f"{self.__class__.__name__}({shown})"

    def dict(self) -> Data:
        """All fields by name, as pydantic's method of that name."""
        return dict(self.__dict__)

    def model_dump(self) -> Data:
        """The same as ``dict``."""
        return dict(self.__dict__)

    def copy(self: ComponentT, *, deep: bool = False, update: Data | None = None) -> ComponentT:
        """A copy, with some fields changed."""
        made = copy.deepcopy(self) if deep else copy.copy(self)
        made.__dict__.update(update or {})
        return made

    def toDict(self) -> Data:
        """The component as a OneBot v11 segment: ``{"type": …, "data": {…}}``, fields that are None left out."""
        data = {
            ("type" if name == "_type" else name): value
            for name, value in self.__dict__.items()
            if name != "type" and value is not None
        }
        return {"type": self.type.lower(), "data": data}

    async def to_dict(self) -> Data:
        """As ``toDict``; components with media read or register their files here."""
        return self.toDict()


def _shortened(value: Any) -> Any:
    if isinstance(value, str):
        if value.startswith("base64://"):
            return f"base64://<{len(value) - 9} chars>"
        if len(value) > LONGEST_REPR:
            return f"{value[:LONGEST_REPR]}...<{len(value)} chars>"
    return value

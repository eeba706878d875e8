"""From an adapter's default configuration to the form that the web UI shows.

AstrBot's adapters declare a flat dictionary of defaults (``default_config_tmpl``). A field's type follows from its
default; a field may also be declared in full, as in ``_conf_schema.json``, through the adapter's ``config_schema``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from astrbot_like.storage.secrets import is_secret_name

HOUSEKEEPING = frozenset({"id", "type", "enable", "provider", "provider_type", "hint"})
"""Fields of every adapter that the form shows apart, or not at all."""


def form_schema(
    template: Mapping[str, Any] | None, declared: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, dict[str, Any]]:
    """Fields of an adapter in the shape of ``_conf_schema.json``.

    Args:
        template: Its defaults.
        declared: Descriptions, hints, options … for some of its fields; they win.
    """
    schema: dict[str, dict[str, Any]] = {}
    for name, default in (template or {}).items():
        if name not in HOUSEKEEPING:
            schema[name] = field_of(name, default)
    for name, field in (declared or {}).items():
        schema[name] = {**schema.get(name, {}), **field}
    return schema


def field_of(name: str, default: Any) -> dict[str, Any]:
    """A field whose type follows from its default."""
    field: dict[str, Any] = {"type": "string", "description": name.replace("_", " "), "default": default}
    if isinstance(default, bool):
        field["type"] = "bool"
    elif isinstance(default, int):
        field["type"] = "int"
    elif isinstance(default, float):
        field["type"] = "float"
    elif isinstance(default, list | tuple):
        field["type"] = "list"
    elif isinstance(default, Mapping):
        field["type"] = "dict"
    elif isinstance(default, str) and "\n" in default:
        field["type"] = "text"
    if is_secret_name(name):
        field["secret"] = True
    return field


def settings_form(settings: type[msgspec.Struct]) -> dict[str, dict[str, Any]]:
    """Fields of a settings struct in the shape of ``_conf_schema.json``; descriptions are those of the settings."""
    form: dict[str, dict[str, Any]] = {}
    for field in msgspec.inspect.type_info(settings).fields:  # type: ignore[union-attr]
        default = None if field.default is msgspec.NODEFAULT else field.default
        if field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        entry = field_of(field.name, default)
        kind = field.type
        if isinstance(kind, msgspec.inspect.Metadata):
            entry["description"] = (kind.extra_json_schema or {}).get("description", entry["description"])
            kind = kind.type
        if isinstance(kind, msgspec.inspect.StructType):
            entry = {"type": "object", "description": entry["description"], "items": settings_form(kind.cls)}
        elif isinstance(kind, msgspec.inspect.LiteralType):
            entry["options"] = list(kind.values)
        if isinstance(kind, msgspec.inspect.IntType | msgspec.inspect.FloatType):
            entry |= {name: bound for name, bound in (("min", kind.ge), ("max", kind.le)) if bound is not None}
        form[field.name] = entry
    return form

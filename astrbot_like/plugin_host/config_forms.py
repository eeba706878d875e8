"""A plugin's configuration form: ``_conf_schema.json``, and what people enter in it.

The schema is an object of ``key -> {"type": …, "default": …, …}``. How saved values are merged with it is in
``astrbot_like.api.config``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from astrbot_like.api.config import TYPE_DEFAULTS, defaults_of_schema
from astrbot_like.domain.errors import PluginError

SCHEMA_FILE = "_conf_schema.json"
LARGEST_FILE = 8 * 1024 * 1024

Values = dict[str, Any]
Schema = dict[str, dict[str, Any]]


class FieldProblem(msgspec.Struct, frozen=True):
    """A value that does not fit its field. ``path`` is the keys joined with dots."""

    path: str
    problem: str


def read_schema(folder: Path) -> Schema | None:
    """The folder's schema, checked; None when the plugin has none.

    Raises:
        PluginError: Not JSON, not an object of fields, or a field of unknown type.
    """
    path = folder / SCHEMA_FILE
    if not path.is_file():
        return None
    data = _read_json(path, folder.name)
    if not isinstance(data, dict):
        raise PluginError(f"{SCHEMA_FILE} of {folder.name} must be an object of fields.", folder.name)
    _check_schema(data, folder.name, ())
    return data


def check_values(schema: Schema, values: Any, *, path: str = "") -> tuple[Values, list[FieldProblem]]:
    """Check what somebody entered in the form.

    Numbers given as text are converted; missing and null fields get their default.

    Returns:
        The values to save, and what is wrong with them (empty: nothing).
    """
    if not isinstance(values, dict):
        return {}, [FieldProblem(path, "must be an object")]
    problems = [FieldProblem(_join(path, key), "is not a field of this plugin") for key in values if key not in schema]
    result: Values = {}
    for key, field in schema.items():
        where, value = _join(path, key), values.get(key)
        if field["type"] == "object":
            result[key], below = check_values(field.get("items") or {}, {} if value is None else value, path=where)
            problems += below
        elif value is None:
            result[key] = defaults_of_schema({key: field})[key]
        else:
            try:
                result[key] = _converted(field, value)
            except ValueError as error:
                result[key] = value
                problems.append(FieldProblem(where, str(error)))
    return result, problems


def _converted(field: dict[str, Any], value: Any) -> Any:
    kind = field["type"]
    if kind in ("int", "float"):
        number = _number(kind, value)
        slider = field.get("slider")
        low, high = (slider.get("min"), slider.get("max")) if isinstance(slider, dict) else (None, None)
        if (low is not None and number < low) or (high is not None and number > high):
            raise ValueError(f"must be between {low} and {high}")
        return number
    if kind == "bool":
        if isinstance(value, bool):
            return value
        raise ValueError("must be true or false")
    if kind in ("string", "text"):
        if isinstance(value, str):
            return value
        raise ValueError("must be a text")
    if kind == "dict":
        if isinstance(value, dict):
            return value
        raise ValueError("must be an object")
    if not isinstance(value, list):
        raise ValueError("must be a list")
    if kind == "template_list":
        _check_templates(field, value)
    return value


def _number(kind: str, value: Any) -> int | float:
    convert = int if kind == "int" else float
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError("must be a number")
    try:
        number = convert(value)
    except ValueError:
        raise ValueError("must be a whole number" if kind == "int" else "must be a number") from None
    except OverflowError:
        raise ValueError("must be a finite number") from None
    if isinstance(value, float) and number != value:
        raise ValueError("must be a whole number")
    return number


def _check_templates(field: dict[str, Any], entries: list[Any]) -> None:
    templates = field.get("templates") or {}
    for entry in entries:
        key = entry.get("__template_key") if isinstance(entry, dict) else None
        if key is None or (templates and key not in templates):
            raise ValueError("each entry must name one of its templates in __template_key")


def _check_schema(schema: dict[str, Any], plugin: str, path: tuple[str, ...]) -> None:
    for key, field in schema.items():
        where = ".".join((*path, key))
        if not isinstance(field, dict) or "type" not in field:
            raise PluginError(f"{SCHEMA_FILE} of {plugin}: field {where} needs a type.", plugin)
        kind = field["type"]
        if kind not in TYPE_DEFAULTS:
            known = ", ".join(TYPE_DEFAULTS)
            raise PluginError(
                f"{SCHEMA_FILE} of {plugin}: field {where} has unknown type {kind!r}. Known: {known}", plugin
            )
        if kind == "object":
            items = field.get("items") or {}
            if not isinstance(items, dict):
                raise PluginError(f"{SCHEMA_FILE} of {plugin}: items of {where} must be an object of fields.", plugin)
            _check_schema(items, plugin, (*path, key))


def _read_json(path: Path, plugin: str) -> Any:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise PluginError(f"{path.name} of {plugin} is too large.", plugin)
        return json.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise PluginError(f"{path.name} of {plugin} can't be read: {error.strerror}", plugin) from error
    except ValueError as error:
        raise PluginError(f"{path.name} of {plugin} is not valid JSON: {error}", plugin) from error


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key

"""A plugin's configuration form: ``_conf_schema.json``, its defaults, and the saved values.

The schema is an object of ``key -> {"type": …, "default": …, …}``. Saved values are merged with it at each load, so
that a plugin always finds every key it declared and nothing else.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from astrbot_like.domain.errors import PluginError

SCHEMA_FILE = "_conf_schema.json"
LARGEST_FILE = 8 * 1024 * 1024

IMPLIED_DEFAULTS: dict[str, Any] = {
    "int": 0,
    "float": 0.0,
    "bool": False,
    "string": "",
    "text": "",
    "list": [],
    "file": [],
    "object": {},
    "dict": {},
    "template_list": [],
}

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


def defaults(schema: Schema) -> Values:
    """A fresh tree of default values, in the order of the schema."""
    result: Values = {}
    for key, field in schema.items():
        kind = field["type"]
        if kind == "object":
            result[key] = defaults(field.get("items") or {})
        else:
            value = field.get("default", IMPLIED_DEFAULTS[kind])
            result[key] = json.loads(json.dumps(value))
    return result


def load_values(schema: Schema, path: Path, plugin: str) -> Values:
    """The values a plugin gets, read from ``path`` and written back when the merge changed them.

    Raises:
        PluginError: The file is damaged; it is left as it is.
    """
    standard = defaults(schema)
    if not path.is_file():
        save_values(path, standard)
        return standard
    saved = _read_json(path, plugin)
    values = merge(schema, saved)
    if json.dumps(values) != json.dumps(saved):
        save_values(path, values)
    return values


def merge(schema: Schema, saved: Any) -> Values:
    """Saved values laid over the defaults.

    Missing and null keys get the default, keys that are not declared are dropped, the order is the schema's, nested
    objects are merged likewise.
    """
    if not isinstance(saved, dict):
        saved = {}
    result: Values = {}
    for key, field in schema.items():
        value = saved.get(key)
        if field["type"] == "object":
            result[key] = merge(field.get("items") or {}, value)
        elif value is None:
            result[key] = defaults({key: field})[key]
        else:
            result[key] = value
    return result


def save_values(path: Path, values: Values, *, indent: int = 2) -> None:
    """Write values as UTF-8 with BOM, atomically: after a crash either the old or the new file is there, whole.

    Raises:
        OSError: The file can't be written; the old one is untouched.
    """
    data = json.dumps(values, ensure_ascii=False, indent=indent).encode("utf-8-sig")
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


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
            result[key] = defaults({key: field})[key]
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
        if kind not in IMPLIED_DEFAULTS:
            known = ", ".join(IMPLIED_DEFAULTS)
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

"""Whether a model may call a tool with what it wrote: checked before the tool is, so that the model can mend its call.

Only what is surely wrong is refused: schemas say more than is read here (references, alternatives).
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import msgspec

from astrbot_like.domain.tool_arguments import UnreadableArguments

if TYPE_CHECKING:
    from astrbot_like.api.tools import FunctionTool

_SHOWN = 500
"""Characters of unreadable arguments that the model is shown."""
_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "number": (int, float),
    "integer": int,
    "boolean": bool,
    "array": list,
    "object": dict,
    "null": type(None),
}


def problem_of(tool: FunctionTool, arguments: dict[str, Any]) -> str:
    """What is wrong with the arguments of a call, for the model; empty: nothing.

    Numbers, booleans and lists that were written as strings are put right in place.
    """
    if isinstance(arguments, UnreadableArguments):
        written = arguments.written
        shown = written if len(written) <= _SHOWN else f"{written[:_SHOWN]}… ({len(written)} characters)"
        return f"its arguments are not a JSON object ({arguments.problem}). They were: {shown}"
    schema = tool.parameters if isinstance(tool.parameters, dict) else {}
    return _of_object(schema, arguments, "") or _of_signature(tool.handler, arguments)


def _of_object(schema: dict[str, Any], values: dict[str, Any], where: str) -> str:
    required = schema.get("required") or []
    for name in required:
        if name not in values:
            return f"{where}{name} is missing"
    for name, one in (schema.get("properties") or {}).items():
        if name not in values or not isinstance(one, dict):
            continue
        if values[name] is None and name not in required:
            continue
        values[name] = _put_right(one, values[name])
        if problem := _of_value(one, values[name], f"{where}{name}"):
            return problem
    return ""


def _of_value(schema: dict[str, Any], value: Any, where: str) -> str:
    kinds = _kinds(schema)
    if kinds and not any(_is(value, kind) for kind in kinds):
        return f"{where} must be {_named(kinds)}, not {value!r:.100}"
    allowed = schema.get("enum")
    if isinstance(allowed, list) and allowed and value not in allowed:
        return f"{where} must be one of {', '.join(map(str, allowed))}, not {value!r:.100}"
    if isinstance(value, dict):
        return _of_object(schema, value, f"{where}.")
    items = schema.get("items")
    if isinstance(value, list) and isinstance(items, dict):
        for index, item in enumerate(value):
            value[index] = _put_right(items, item)
            if problem := _of_value(items, value[index], f"{where}[{index}]"):
                return problem
    return ""


def _of_signature(handler: Any, arguments: dict[str, Any]) -> str:
    """Names that a handler does not take or waits for; old forms of tools do not say what is required."""
    if handler is None:
        return ""
    try:
        signature = inspect.signature(handler)
    except (TypeError, ValueError):
        return ""
    try:
        signature.bind(None, **arguments)
    except TypeError as error:
        return str(error)
    return ""


def _kinds(schema: dict[str, Any]) -> list[str]:
    kinds = schema.get("type")
    return [kind for kind in (kinds if isinstance(kinds, list) else [kinds]) if kind in _TYPES]


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES[kind])


def _named(kinds: list[str]) -> str:
    names = ["null" if kind == "null" else f"{'an' if kind[0] in 'aio' else 'a'} {kind}" for kind in kinds]
    return " or ".join(names)


def _put_right(schema: dict[str, Any], value: Any) -> Any:
    """What was written as a string of JSON and should not be one, as what it is."""
    kinds = _kinds(schema)
    if not isinstance(value, str) or not kinds or "string" in kinds:
        return value
    try:
        meant = msgspec.json.decode(value)
    except msgspec.DecodeError:
        return value
    return meant if any(_is(meant, kind) for kind in kinds) else value

"""``llm_tool``: a tool from a function and its docstring."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

from astrbot_like.api.registration import (
    TOOL_ATTRIBUTE,
    EventType,
    Handler,
    current_collector,
    registration_of,
)
from astrbot_like.api.texts import text
from astrbot_like.api.tools import FunctionTool

HandlerT = TypeVar("HandlerT", bound=Handler)

JSON_TYPES = frozenset(("string", "number", "object", "array", "boolean"))

PYTHON_TYPES = {
    "int": "number",
    "integer": "number",
    "float": "number",
    "str": "string",
    "bool": "boolean",
    "dict": "object",
    "list": "array",
    "tuple": "array",
    "set": "array",
}
"""Python's names of types → those of JSON Schema."""

_WITH_ITEMS = re.compile(r"(\w+)\[(\w+)\]")


def llm_tool(name: str | None = None, **kwargs: Any) -> Callable[[HandlerT], HandlerT]:
    """Offer ``async def tool(self, event, …)`` to models.

    The docstring says all a model knows: the text before ``Args:`` is the description, every line
    ``argument(type): text`` an argument. Types are ``string``, ``number``, ``object``, ``array``, ``boolean``,
    Python's names for them, and ``array[string]``. Text that the tool returns is given to the model, None gives it
    nothing; a result that it yields or returns goes to the user and ends the run.

    Args:
        name: The tool's name; the function's when left out.

    Raises:
        ValueError: The docstring gives an argument no type, or an unknown one.
    """

    def decorator(function: HandlerT) -> HandlerT:
        tool_name = name or function.__name__
        description, parameters = parse_docstring(function.__doc__ or "", f"{function.__module__}_{tool_name}")
        tool: FunctionTool[Any] = FunctionTool(
            name=tool_name,
            description=description,
            parameters=parameters,
            handler=function,
            handler_module_path=function.__module__,
        )
        setattr(function, TOOL_ATTRIBUTE, tool)
        registration_of(function, EventType.OnCallingFuncToolEvent, kwargs)
        collector = current_collector()
        if collector is not None:
            collector.tools.append(tool)
        return function

    return decorator


def parse_docstring(docstring: str, tool: str) -> tuple[str, dict[str, Any]]:
    """Description and JSON Schema that a docstring gives.

    Raises:
        ValueError: An argument has no type, or an unknown one.
    """
    import docstring_parser

    parsed = docstring_parser.parse(docstring)
    properties: dict[str, Any] = {}
    for argument in parsed.params:
        if not argument.type_name:
            raise ValueError(text("tool.no_type", tool=tool, name=argument.arg_name))
        properties[argument.arg_name] = {
            **_schema_type(argument.type_name, tool),
            "description": argument.description or "",
        }
    return (parsed.description or "").strip(), {"type": "object", "properties": properties}


def _schema_type(spelled: str, tool: str) -> dict[str, Any]:
    nested = _WITH_ITEMS.match(spelled)
    outer, inner = nested.groups() if nested else (spelled, None)
    kind = PYTHON_TYPES.get(outer, outer)
    item = PYTHON_TYPES.get(inner, inner) if inner else None
    if kind not in JSON_TYPES or (item is not None and item not in JSON_TYPES):
        raise ValueError(text("tool.bad_type", tool=tool, type=spelled))
    return {"type": kind, "items": {"type": item}} if kind == "array" and item else {"type": kind}

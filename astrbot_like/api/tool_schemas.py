"""JSON Schemas in the subset that Gemini takes (https://ai.google.dev/api/caching#Schema)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from astrbot_like.api.tools import FunctionTool

_TYPES = frozenset(("string", "number", "integer", "boolean", "array", "object", "null"))
_FORMATS = {
    "string": frozenset(("enum", "date-time")),
    "integer": frozenset(("int32", "int64")),
    "number": frozenset(("float", "double")),
}
_KEPT = ("title", "description", "enum", "minimum", "maximum", "maxItems", "minItems", "nullable", "required")


def gemini_declaration(tool: FunctionTool[Any]) -> dict[str, Any]:
    """One function declaration."""
    declaration: dict[str, Any] = {"name": tool.name}
    if tool.description:
        declaration["description"] = tool.description
    if tool.parameters:
        declaration["parameters"] = gemini_schema(tool.parameters)
    return declaration


def gemini_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """``schema`` without what Gemini refuses; it is not changed itself."""
    if "anyOf" in schema:
        return {"anyOf": [gemini_schema(one) for one in schema["anyOf"]]}
    kind = schema.get("type")
    if isinstance(kind, list):  # ["string", "null"]: Gemini knows one type only
        kind = next((one for one in kind if one != "null"), "string")
    result: dict[str, Any] = {"type": kind if kind in _TYPES else "null"}
    if schema.get("format") in _FORMATS.get(result["type"], ()):
        result["format"] = schema["format"]
    result.update({key: schema[key] for key in _KEPT if key in schema})
    properties = {name: gemini_schema(one) for name, one in schema.get("properties", {}).items()}
    if properties:
        result["properties"] = properties
    if kind == "array":
        items = schema.get("items")
        # Gemini requires ``items``; JSON Schema does not.
        result["items"] = gemini_schema(items) if isinstance(items, dict) else {"type": "string"}
    return result

"""Examples for the contract, made of its schemas: what a request or an answer looks like, field by field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DEEPEST = 8
"""Levels of an example; schemas may contain themselves."""

BY_NAME: dict[str, Any] = {
    "username": "alice",
    "creator": "alice",
    "session_id": "4fd2c0a1b7e94c0f8d1a2b3c4d5e6f70",
    "conversation_id": "9b1f03c7d2e84a56b0c1d2e3f4a5b6c7",
    "attachment_id": "05b3dc3188260ccf2d7745162492cd03",
    "message_id": "m-1",
    "turn_id": "c0ffee00c0ffee00c0ffee00c0ffee00",
    "platform_id": "webchat",
    "profile_id": "default",
    "umo": "webchat:FriendMessage:webchat!alice!4fd2c0a1b7e94c0f8d1a2b3c4d5e6f70",
    "filename": "report.pdf",
    "mime_type": "application/pdf",
    "created_at": "2026-01-31T12:00:00.000Z",
    "updated_at": "2026-01-31T12:00:00.000Z",
    "version": "1.0.0",
    "url": "https://example.org/",
    "scopes": ["chat"],
}
"""What fields of these names hold, where the schema has no example of its own and takes it."""


def request_example(schema: Mapping[str, Any], components: Mapping[str, Any]) -> Any:
    """A body that fits ``schema``, with what is required and what has an example of its own."""
    if "$ref" in schema:
        schema = components[schema["$ref"].rsplit("/", 1)[-1]]
    fields = schema.get("properties", {})
    needed = schema.get("required", ())
    chosen = {key: inner for key, inner in fields.items() if key in needed or inner.get("examples")}
    return example_of({**schema, "properties": chosen or fields}, components)


def example_of(schema: Mapping[str, Any], components: Mapping[str, Any], name: str = "", depth: int = 0) -> Any:
    """A value that fits ``schema``.

    Args:
        schema: A JSON schema as the contract holds it.
        components: Schemas by name, for references.
        name: Of the field that the value is for.
        depth: Levels above it.
    """
    if "$ref" in schema:
        return example_of(components[schema["$ref"].rsplit("/", 1)[-1]], components, name, depth)
    if schema.get("examples"):
        return schema["examples"][0]
    if "const" in schema:
        return schema["const"]
    for key in ("anyOf", "oneOf"):
        if key in schema:
            choices = schema[key]
            chosen = next((choice for choice in choices if choice.get("type") != "null"), choices[0])
            return example_of(chosen, components, name, depth)
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    known = BY_NAME.get(name)
    if known is not None and kind == {str: "string", list: "array"}[type(known)]:
        return known
    return _of_kind(kind, schema, components, name, depth)


def _of_kind(kind: Any, schema: Mapping[str, Any], components: Mapping[str, Any], name: str, depth: int) -> Any:
    match kind:
        case "object":
            if depth >= DEEPEST:
                return {}
            fields = schema.get("properties", {})
            return {field: example_of(inner, components, field, depth + 1) for field, inner in fields.items()}
        case "array":
            if depth >= DEEPEST or "items" not in schema or isinstance(schema["items"], bool):
                return []
            return [example_of(schema["items"], components, name.removesuffix("s"), depth + 1)]
        case "string":
            return str(schema.get("default") or name or "text")
        case "integer":
            return max(int(schema.get("minimum", 1)), 1)
        case "number":
            return max(float(schema.get("minimum", 0.5)), 0.5)
        case "boolean":
            return bool(schema.get("default", True))
        case _:
            return None if kind == "null" else {}

"""What operations of the OpenAPI document refer to: security schemes, the answers of errors, and what schemas require.

Terms are OpenAPI's own (https://spec.openapis.org/oas/v3.1.0, "Components Object").
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_args

import msgspec

from astrbot_like.domain import errors

REF = "#/components/schemas/{name}"

SECURITY: dict[str, list[dict[str, list[str]]]] = {
    "public": [],
    "dashboard": [{"token": []}],
    "key": [{"apiKeyHeader": []}, {"apiKeyBearer": []}, {"apiKeyQuery": []}],
    "dashboard_or_key": [{"token": []}, {"apiKeyHeader": []}],
    "metrics": [{"metricsToken": []}],
    "page": [],
}

SECURITY_SCHEMES: dict[str, dict[str, str]] = {
    "apiKeyBearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key; the scheme name ApiKey works too.",
    },
    "apiKeyHeader": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key."},
    "apiKeyQuery": {
        "type": "apiKey",
        "in": "query",
        "name": "api_key",
        "description": "An API key; the name key works too.",
    },
    "metricsToken": {"type": "http", "scheme": "bearer", "description": "The metrics token of the settings."},
    "token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The token of POST /api/auth/login.",
    },
}

ERROR_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "ErrorEnvelope",
    "description": "What every failed request gets.",
    "properties": {
        "status": {"const": "error"},
        "message": {"type": "string", "description": "What happened and what to do."},
        "data": {
            "type": "object",
            "properties": {"code": {"type": "string", "description": "Stable code, see docs/errors.md."}},
            "required": ["code"],
        },
    },
    "required": ["status", "message", "data"],
}


def error_response(status: int, classes: list[type[errors.BotError]]) -> dict[str, Any]:
    """The response of a status that means one of these errors."""
    by_code = {cls.code: cls for cls in classes}
    codes = sorted(by_code)
    examples = {
        code: {"value": {"status": "error", "message": by_code[code].default_message, "data": {"code": code}}}
        for code in codes
    }
    answer: dict[str, Any] = {
        "description": "Error: " + ", ".join(codes) + ".",
        "content": {
            "application/json": {
                "schema": {"$ref": REF.format(name="ErrorEnvelope")},
                "examples": examples,
            }
        },
    }
    if status == 429:
        answer["headers"] = {
            "Retry-After": {"description": "Seconds to wait.", "required": True, "schema": {"type": "integer"}}
        }
    return answer


def require_what_is_always_sent(components: dict[str, Any], inputs: list[Any], outputs: list[Any]) -> None:
    """Fields with a default are optional in what comes in, but always present in what goes out."""
    incoming = set(_structs(inputs))
    for struct in _structs(outputs):
        if struct in incoming or struct.__struct_config__.omit_defaults:
            continue
        schema = components.get(struct.__name__)
        if schema is not None and "properties" in schema:
            optional = {f.encode_name for f in msgspec.structs.fields(struct) if msgspec.UnsetType in get_args(f.type)}
            schema["required"] = [name for name in schema["properties"] if name not in optional]


def _structs(types: Iterable[Any]) -> Iterable[type[msgspec.Struct]]:
    pending: list[Any] = list(msgspec.inspect.multi_type_info(types))
    seen: set[Any] = set()
    while pending:
        info = pending.pop()
        if isinstance(info, msgspec.inspect.StructType):
            if info.cls in seen:
                continue
            seen.add(info.cls)
            yield info.cls
            pending.extend(field.type for field in info.fields)
        elif isinstance(info, msgspec.inspect.UnionType):
            pending.extend(info.types)
        elif isinstance(info, msgspec.inspect.Metadata):
            pending.append(info.type)
        else:
            inner = (getattr(info, name, None) for name in ("item_type", "key_type", "value_type"))
            pending.extend(found for found in inner if found is not None)
            pending.extend(getattr(info, "item_types", ()))

"""The OpenAPI 3.1 document, made from the declared routes and nothing else (components: ``openapi_components``)."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from astrbot_like.dashboard.errors import http_status
from astrbot_like.dashboard.examples import example_of, request_example
from astrbot_like.dashboard.openapi_components import (
    ERROR_SCHEMA,
    REF,
    SECURITY,
    SECURITY_SCHEMES,
    error_response,
    require_what_is_always_sent,
)
from astrbot_like.dashboard.routing import Access, Route
from astrbot_like.domain import errors

PLACEHOLDER = re.compile(r"<(?:(?:[a-z]+)(?:\([^)]*\))?:)?([A-Za-z_][A-Za-z0-9_]*)>")


class Contract:
    """Builds the document.

    Args:
        routes: Every declared route.
        version: Version of the program.
    """

    def __init__(self, routes: Iterable[Route], version: str) -> None:
        self._routes = sorted((r for r in routes if not r.page), key=lambda r: (r.path, r.methods))
        self._version = version
        self._inputs = [r.body for r in self._routes if r.body is not None]
        self._outputs = [r.data for r in self._routes if r.data is not None]
        self._outputs += [kind for r in self._routes if r.answer is not None for kind in r.answer.events]

    def document(self) -> dict[str, Any]:
        """The document as plain data."""
        schemas, components = msgspec.json.schema_components([*self._inputs, *self._outputs], ref_template=REF)
        self._schemas = schemas
        self._error_answers: dict[str, Any] = {}
        require_what_is_always_sent(components, self._inputs, self._outputs)
        components["ErrorEnvelope"] = ERROR_SCHEMA
        paths: dict[str, dict[str, Any]] = {}
        sockets: dict[str, Any] = {}
        for route in self._routes:
            path = PLACEHOLDER.sub(r"{\1}", route.path)
            if route.websocket:
                sockets[path] = {
                    "summary": route.summary,
                    "description": route.description,
                    "tags": [route.tag],
                    "security": SECURITY[route.access.kind],
                }
                continue
            for method in route.methods:
                paths.setdefault(path, {})[method.lower()] = self._operation(route, method, components)
        return _tidy(
            {
                "openapi": "3.1.0",
                "info": {
                    "title": "astrbot_like",
                    "version": self._version,
                    "description": "Open API (/api/v1) for programs, dashboard API (/api) for the web UI.",
                    "license": {"name": "MIT", "identifier": "MIT"},
                },
                "servers": [{"url": "/"}],
                "tags": [{"name": tag} for tag in sorted({r.tag for r in self._routes})],
                "paths": paths,
                "x-websockets": sockets,
                "components": {
                    "responses": dict(sorted(self._error_answers.items())),
                    "schemas": dict(sorted(components.items())),
                    "securitySchemes": SECURITY_SCHEMES,
                },
            }
        )

    def _operation(self, route: Route, method: str, components: dict[str, Any]) -> dict[str, Any]:
        name = route.name if len(route.methods) == 1 else f"{route.name}_{method.lower()}"
        operation: dict[str, Any] = {
            "operationId": name,
            "summary": route.summary,
            "description": route.description,
            "tags": [route.tag],
            "security": SECURITY[route.access.kind],
            "parameters": [*_path_parameters(route), *_query_parameters(route.query)],
            "requestBody": self._request_body(route, method, components),
            "responses": self._responses(route, name, components),
        }
        if route.access.scope:
            operation["x-scope"] = route.access.scope
        return {key: value for key, value in operation.items() if value not in (None, "") and value != []} | (
            {"security": []} if not SECURITY[route.access.kind] else {}
        )

    def _request_body(self, route: Route, method: str, components: dict[str, Any]) -> dict[str, Any] | None:
        if route.upload is not None:
            properties: dict[str, Any] = {
                route.upload.file_field: {"type": "string", "contentMediaType": "application/octet-stream"}
            }
            properties |= {name: {"type": "string", "description": text} for name, text in route.upload.fields}
            schema = {"type": "object", "properties": properties, "required": [route.upload.file_field]}
            return {"required": True, "content": {"multipart/form-data": {"schema": schema}}}
        if route.body is not None:
            schema = self._schema(route.body)
            example = request_example(schema, components)
            return {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}
        if route.any_body and method != "GET":
            return {"content": {"*/*": {"schema": {}}}}
        return None

    def _responses(self, route: Route, name: str, components: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if route.answer is not None:
            schema: dict[str, Any] = {"type": "string"}
            if route.answer.events:
                shapes = [self._schema(kind) for kind in route.answer.events]
                schema = _event_schema(shapes[0] if len(shapes) == 1 else {"anyOf": shapes})
            for status in ("default",) if route.answer.any_status else route.answer.statuses:
                found[str(status)] = {
                    "description": route.answer.description,
                    "content": {route.answer.media_type: {"schema": schema}},
                }
        else:
            title = "".join(part.capitalize() for part in name.split("_")) + "Answer"
            data = {"type": "object"} if route.data is None else self._schema(route.data)
            components[title] = {
                "type": "object",
                "title": title,
                "properties": {
                    "status": {"const": "ok"},
                    "message": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                    "data": data,
                },
                "required": ["status", "message", "data"],
            }
            example = {"status": "ok", "message": None, "data": example_of(data, components)}
            found["200"] = {
                "description": "Done.",
                "content": {"application/json": {"schema": {"$ref": REF.format(name=title)}, "example": example}},
            }
        by_status: dict[int, list[type[errors.BotError]]] = {}
        for error in possible_errors(route):
            by_status.setdefault(http_status(error), []).append(error)
        for status, classes in sorted(by_status.items()):
            title = "".join([f"Error{status}", *(f"_{code}" for code in sorted({cls.code for cls in classes}))])
            self._error_answers.setdefault(title, error_response(status, classes))
            found[str(status)] = {"$ref": f"#/components/responses/{title}"}
        return found

    def _schema(self, wanted: Any) -> dict[str, Any]:
        types = [*self._inputs, *self._outputs]
        index = next(i for i, known in enumerate(types) if known is wanted or known == wanted)
        return self._schemas[index]


def possible_errors(route: Route) -> list[type[errors.BotError]]:
    """Every error a route may answer with: its own, and those of the machinery before it."""
    found: list[type[errors.BotError]] = [errors.RateLimited, errors.InternalError, errors.Unavailable]
    if route.access.kind != "public":
        found.append(errors.Unauthorized)
    if route.access.scope:
        found.append(errors.Forbidden)
    if route.body is not None or route.query is not None or route.upload is not None:
        found.append(errors.BadRequest)
    if route.body is not None or route.upload is not None:
        found += [errors.TooLarge, errors.UnsupportedMediaType]
    if route.path_args:
        found += [errors.NotFound]
    return [*found, *(error for error in route.errors if error not in found)]


def render(document: dict[str, Any]) -> str:
    """The document's bytes as they are stored and compared."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _event_schema(data: dict[str, Any]) -> dict[str, Any]:
    """One server-sent event whose ``data`` is JSON."""
    content = {"type": "string", "contentMediaType": "application/json", "contentSchema": data}
    return {"type": "object", "properties": {"data": content}, "required": ["data"]}


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    names = PLACEHOLDER.findall(route.path)
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _query_parameters(query: Any) -> list[dict[str, Any]]:
    if query is None:
        return []
    _, components = msgspec.json.schema_components([query], ref_template=REF)
    schema = components[query.__name__]
    required = schema.get("required", [])
    found: list[dict[str, Any]] = []
    for name, prop in schema["properties"].items():
        inner = dict(prop)
        description = inner.pop("description", "")
        parameter: dict[str, Any] = {"name": name, "in": "query", "required": name in required, "schema": inner}
        if description:
            parameter["description"] = description
        found.append(parameter)
    return found


def _tidy(value: Any) -> Any:
    """The same document on every Python: docstrings are cleaned (3.13 does it itself, earlier versions don't)."""
    if isinstance(value, dict):
        return {
            key: inspect.cleandoc(item) if key == "description" and isinstance(item, str) else _tidy(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_tidy(item) for item in value]
    return value


__all__ = ["Access", "Contract", "possible_errors", "render"]

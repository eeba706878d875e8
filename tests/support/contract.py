"""Checks answers against the contract: every test that goes through it also tests ``openapi.json``."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema_rs
from quart import Quart, Response, request
from quart.wrappers.response import DataBody

from astrbot_like.dashboard.routing import RouteTable

FRAMEWORK_STATUSES = {404, 405}
"""Answers of the framework to an address or method that no route declares."""


class ContractCheck:
    """Finds the declaration of an answer and validates it.

    Args:
        app: The application whose contract holds.
    """

    def __init__(self, app: Quart) -> None:
        self.document: dict[str, Any] = json.loads(json.dumps(RouteTable.of(app).document()))
        self._patterns = [(_pattern(path), path) for path in self.document["paths"]]
        self._validators: dict[str, Any] = {}
        self.problems: list[str] = []
        self.seen: set[tuple[str, str, int]] = set()

    def watch(self, app: Quart) -> None:
        """Check every answer of ``app``; what does not fit is kept in ``problems`` until ``raise_problems``."""

        async def check(response: Response) -> Response:
            if not isinstance(response.response, DataBody):
                return response  # a stream is its client's to read
            try:
                await self.response(request.method, request.path, response)
            except AssertionError as error:
                self.problems.append(f"{request.method} {request.path}: {error}")
            return response

        app.after_request(check)

    def raise_problems(self) -> None:
        """Fail with what was found."""
        assert not self.problems, "\n".join(self.problems)

    async def response(self, method: str, url: str, response: Response) -> None:
        """Fail when the contract does not name this answer."""
        path = url.partition("?")[0]
        status = response.status_code
        declared = next((name for pattern, name in self._patterns if pattern.fullmatch(path)), None)
        operation = self.document["paths"].get(declared or "", {}).get(method.lower().replace("head", "get"))
        if operation is None:
            assert status in FRAMEWORK_STATUSES or not path.startswith("/api") or declared is None, (
                f"{method} {path} answered {status} without a declaration"
            )
            return
        answers = operation["responses"]
        assert str(status) in answers or "default" in answers, f"{method} {declared}: status {status} is not declared"
        answer = answers.get(str(status)) or answers["default"]
        if "$ref" in answer:
            answer = self.document["components"]["responses"][answer["$ref"].rsplit("/", 1)[-1]]
        self.seen.add((method, declared or "", status))
        content = answer["content"]
        if "*/*" in content:
            return
        assert response.mimetype in content, f"{method} {declared} {status}: type {response.mimetype} is not declared"
        for name, header in answer.get("headers", {}).items():
            assert not header.get("required") or name in response.headers, f"{method} {declared}: no {name} header"
        if response.mimetype == "application/json" and method != "HEAD":
            self.validate(content["application/json"]["schema"], await response.get_json())

        if response.mimetype == "text/event-stream" and "properties" in content["text/event-stream"]["schema"]:
            data = content["text/event-stream"]["schema"]["properties"]["data"]["contentSchema"]
            for line in (await response.get_data(as_text=True)).splitlines():
                if line.startswith("data: "):
                    self.validate(data, json.loads(line[6:]))

    def validate(self, schema: dict[str, Any], instance: Any) -> None:
        """Fail when ``instance`` does not fit ``schema``."""
        key = json.dumps(schema, sort_keys=True)
        if key not in self._validators:
            whole = {**schema, "components": self.document["components"]}
            self._validators[key] = jsonschema_rs.validator_for(whole)
        errors = [f"{error.instance_path}: {error.message}" for error in self._validators[key].iter_errors(instance)]
        assert not errors, errors


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"\{[^}]+\}", path)
    return re.compile("(.+)".join(re.escape(part) for part in parts))

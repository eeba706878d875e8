"""A property-based tester plays with every route of the contract, over a real socket.

What it must never find: a server error, an answer that the contract does not name, a value of the wrong type that is
accepted, a route that serves without its credential. What would reach out is given addresses and programs that are not
there; of a stream without an end the beginning is read.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks as openapi_checks

from tests.support.admin_house import AdminHouse
from tests.support.served import Served

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "6"))
ENDLESS = {"/api/log/live"}
LAST = {"/api/auth/account", "/api/auth/logout", "/api/auth/logout_everywhere", "/api/backup/restore"}
"""They take the ground from under the others' feet."""


def _nowhere(body: Any) -> None:
    """A plugin to install: an address at which nobody listens, a folder that is not there."""
    if isinstance(body, dict):
        if isinstance(body.get("url"), str):
            body["url"] = f"http://127.0.0.1:9/{quote(body['url'], safe='')}"
        if isinstance(body.get("path"), str):
            body["path"] = f"/nowhere/{body['path'].replace('/', '-')}"


def _no_program(body: Any) -> None:
    """An MCP server: a program that is not there, an address at which nobody listens."""
    if isinstance(body, dict) and isinstance(body.get("config"), dict):
        config = body["config"]
        if isinstance(config.get("url"), str):
            config["url"] = "http://127.0.0.1:9/mcp"
        else:
            config["command"] = "/nowhere/program"


REACHING_OUT: dict[str, Callable[[Any], None]] = {
    "/api/plugin/install": _nowhere,
    "/api/mcp/new": _no_program,
    "/api/mcp/update": _no_program,
    "/api/mcp/test": _no_program,
}
"""They start programs or fetch addresses, which a tester's random ones must not be."""

CHECKS: list[Any] = [
    schemathesis.checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_headers_conformance,
    openapi_checks.response_schema_conformance,
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, AdminHouse]]:
    served = Served(tmp_path_factory.mktemp("house"))
    house = served.start()
    yield served, house
    served.stop()


def test_every_operation(served: tuple[Served, AdminHouse], request: pytest.FixtureRequest):
    serving, house = served
    key = serving.run(house.key("*"))
    schema = schemathesis.openapi.from_dict(house.check.document)
    failures: list[str] = []
    operations = [found.ok() for found in schema.get_all_operations()]
    for operation in sorted(operations, key=lambda one: one.path in LAST):
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            try:
                _play(serving, house, operation, mode, key)
            except BaseExceptionGroup as group:
                failures += [f"{operation.label} ({mode.value}): {error}" for error in group.exceptions]
            except Unsatisfiable:
                assert mode is GenerationMode.NEGATIVE, operation.label  # nothing can be wrong with its input
    assert not failures, "\n\n".join(failures[:20])


def _play(serving: Served, house: AdminHouse, operation: Any, mode: GenerationMode, key: str) -> None:
    checks = CHECKS
    if "application/json" in operation.definition.raw.get("requestBody", {}).get("content", {}):
        # Of queries and forms everything is text: what the tester takes for another type arrives as the right one.
        checks = [*CHECKS, openapi_checks.negative_data_rejection]

    @seed(1)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def play(case: Any) -> None:
        wanted = {name for entry in operation.definition.raw.get("security", []) for name in entry}
        headers = {}
        if "token" in wanted:
            headers["Authorization"] = f"Bearer {serving.run(house.token())}"
        elif "metricsToken" in wanted:
            headers["Authorization"] = "Bearer metrics-token"
        elif wanted:
            headers["X-API-Key"] = key
        if operation.path in REACHING_OUT:
            REACHING_OUT[operation.path](case.body)
        if operation.path in ENDLESS:
            _begin(case, serving.url, headers)
            return
        response = case.call(base_url=serving.url, headers=headers, timeout=20)
        case.validate_response(response, checks=checks)

    play()


def _begin(case: Any, url: str, headers: dict[str, str]) -> None:
    """Read the beginning of a stream that has no end."""
    sent = case.as_transport_kwargs(base_url=url, headers=headers)
    with requests.request(**sent, stream=True, timeout=20) as response:
        declared = case.operation.definition.raw["responses"]
        assert str(response.status_code) in declared, response.status_code
        if response.status_code == 200:
            assert response.headers["Content-Type"].startswith("text/event-stream")
            assert next(response.iter_content(1)) == b":"

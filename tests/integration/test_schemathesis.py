"""A property-based tester plays with every route of the contract, over a real socket.

What it must never find: a server error, an answer that the contract does not name, a value of the wrong type that is
accepted, a route that serves without its credential. Streams without an end are left out.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks as openapi_checks

from tests.support.admin_house import AdminHouse
from tests.support.served import Served

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "6"))
ENDLESS = {"/api/log/live"}
REACHING_OUT = {"/api/plugin/install", "/api/mcp/new", "/api/mcp/update", "/api/mcp/test"}
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
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path in ENDLESS | REACHING_OUT:
            continue
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
        response = case.call(base_url=serving.url, headers=headers, timeout=20)
        case.validate_response(response, checks=checks)

    play()

"""``openapi.json`` is what the application declares, and the application serves what it declares."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from astrbot_like.dashboard.contract import contract, routes_page
from astrbot_like.dashboard.routing import RouteTable
from tests.support.admin_house import admin_house

ROOT = Path(__file__).parent.parent.parent


def test_the_file_is_what_the_routes_say():
    stored = (ROOT / "openapi.json").read_text(encoding="utf-8")
    assert stored == contract(), "The routes have changed: run `make openapi` and commit openapi.json."


def test_the_page_lists_the_routes():
    page = (ROOT / "docs" / "http-api.md").read_text(encoding="utf-8")
    assert page == routes_page(page), "The routes have changed: run `make openapi` and commit docs/http-api.md."


@pytest.fixture
async def house(tmp_path):
    async with admin_house(tmp_path) as house:
        yield house


async def test_every_route_is_declared(house):
    table = RouteTable.of(house.app)
    served = {
        (rule.rule, method, bool(rule.websocket))
        for rule in house.app.url_map.iter_rules()
        for method in (rule.methods or {"GET"}) - {"HEAD", "OPTIONS"}
    }
    declared = {(route.path, method, route.websocket) for route in table.routes for method in route.methods}
    assert served == declared
    paths = {re.sub(r"<(?:[a-z]+:)?(\w+)>", r"{\1}", route.path) for route in table.routes if not route.page}
    document = house.check.document
    assert paths == set(document["paths"]) | set(document["x-websockets"])


async def test_every_schema_and_operation_has_a_name_and_a_description(house):
    document = house.check.document
    operations = [op for item in document["paths"].values() for op in item.values()]
    names = [op["operationId"] for op in operations]
    assert len(names) == len(set(names))
    for op in operations:
        assert op["summary"]
        assert op["tags"]
        assert any(status in op["responses"] for status in ("200", "default"))
    for name, schema in document["components"]["schemas"].items():
        # Names that clash are given a module's path by the schema generator.
        assert re.fullmatch(r"[A-Z][A-Za-z0-9]*", name), name
        assert "title" in schema or "description" in schema, name


async def test_the_document_and_its_page_need_no_other_host(house):
    page = await house.client.get("/api/docs")
    assert page.status_code == 200
    html = await page.get_data(as_text=True)
    assert not re.search(r"https?://", html)
    assert "<script>" not in html
    policy = page.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    for name in re.findall(r'(?:src|href)="(/api/[^"]+)"', html):
        assert (await house.client.get(name)).status_code == 200
    served = await (await house.client.get("/api/openapi.json")).get_json()
    assert served == house.check.document


async def test_every_body_and_answer_has_an_example_that_fits(house):
    document = house.check.document

    def resolved(answer):
        return document["components"]["responses"][answer["$ref"].rsplit("/", 1)[-1]] if "$ref" in answer else answer

    codes = set()
    for path, item in document["paths"].items():
        for operation in item.values():
            for part in (operation.get("requestBody", {}), *map(resolved, operation["responses"].values())):
                content = part.get("content", {}).get("application/json")
                if content is None:
                    continue
                named = {name: example["value"] for name, example in content.get("examples", {}).items()}
                assert "example" in content or named, path
                for name, example in (named or {"": content["example"]}).items():
                    house.check.validate(content["schema"], example)
                    if name:
                        assert example["data"]["code"] == name
                        codes.add(name)
    assert {"BAD_USER", "CONFIG_ERROR", "SESSION_ERROR", "TOO_LARGE", "RATE_LIMITED"} <= codes

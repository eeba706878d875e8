"""The contract, and an interactive page about it that needs no other host."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from quart import Quart, Response

from astrbot_like.dashboard.openapi import render
from astrbot_like.dashboard.routing import RouteTable
from astrbot_like.domain import errors

HERE = Path(__file__).parent
FILES = {
    "page.js": "text/javascript; charset=utf-8",
    "page.css": "text/css; charset=utf-8",
}


def register(app: Quart, document: Callable[[], dict[str, Any]]) -> None:
    """Declare the routes.

    Args:
        document: Builds the contract; called when it is first asked for, since start-up has no use for it.
    """
    table = RouteTable.of(app)
    rendered = cache(lambda: render(document()))
    read = cache(lambda name: (HERE / name).read_bytes())

    async def openapi_json() -> Response:
        """The OpenAPI document."""
        return Response(rendered(), content_type="application/json")

    async def docs() -> Response:
        """The interactive page."""
        return Response(read("page.html"), content_type="text/html; charset=utf-8")

    async def docs_file(name: str) -> Response:
        """Script and style of the interactive page."""
        if name not in FILES:
            raise errors.NotFound
        return Response(read(name), content_type=FILES[name])

    table.add_page("/api/openapi.json", "openapi_json", openapi_json)
    table.add_page("/api/docs", "docs", docs)
    table.add_page("/api/docs/<name>", "docs_file", docs_file)

"""The contract without a running house: routes are declared on stand-ins that are never called."""

from __future__ import annotations

from typing import Any, NoReturn, cast

from astrbot_like.dashboard.app import create_app
from astrbot_like.dashboard.openapi import render
from astrbot_like.dashboard.routing import Route, RouteTable
from astrbot_like.dashboard.services import DashboardServices
from astrbot_like.dashboard.settings import DashboardSettings
from astrbot_like.runtime.clock import SystemClock


class Unbound:
    """Stands for any part of the house while routes are declared; using it is a defect."""

    def __init__(self, name: str = "services") -> None:
        self._name = name

    def __getattr__(self, name: str) -> Unbound:
        return Unbound(f"{self._name}.{name}")

    def __call__(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise RuntimeError(f"{self._name} was called while the routes were declared")


class _UnboundServices(Unbound):
    settings = DashboardSettings()
    clock = SystemClock()
    routes = ()


BEGIN = "<!-- routes: written by `make openapi` -->\n"
END = "<!-- end of routes -->"


def contract() -> str:
    """The contents of ``openapi.json``."""
    return render(_table().document())


def routes_page(page: str) -> str:
    """``docs/http-api.md`` with its list of routes as they are now."""
    head, _, rest = page.partition(BEGIN)
    tail = rest.partition(END)[2]
    return head + BEGIN + _routes_table(_table()) + END + tail


def _table() -> RouteTable:
    return RouteTable.of(create_app(cast(DashboardServices, _UnboundServices())))


def _routes_table(table: RouteTable) -> str:
    lines: list[str] = []
    shown = sorted((route for route in table.routes if not route.page), key=lambda route: (route.tag, route.path))
    for tag in dict.fromkeys(route.tag for route in shown):
        lines += ["", f"### {tag}", "", "| route | who | what |", "| --- | --- | --- |"]
        for route in shown:
            if route.tag == tag:
                methods = "WS" if route.websocket else ", ".join(route.methods)
                lines.append(f"| `{methods} {route.path}` | {_who(route)} | {route.summary}. |")
    return "\n".join([*lines, "", ""])


def _who(route: Route) -> str:
    match route.access.kind:
        case "public":
            return "anybody"
        case "dashboard":
            return "signed in"
        case "metrics":
            return "metrics token"
        case "page":
            return "ticket of a plugin's page"
        case "key":
            return f"key, `{route.access.scope}`"
        case "dashboard_or_key":
            return f"signed in, or key, `{route.access.scope}`"

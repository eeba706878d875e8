"""The contract without a running house: routes are declared on stand-ins that are never called."""

from __future__ import annotations

from typing import Any, NoReturn, cast

from astrbot_like.dashboard.app import create_app
from astrbot_like.dashboard.openapi import render
from astrbot_like.dashboard.routing import RouteTable
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


def contract() -> str:
    """The contents of ``openapi.json``."""
    app = create_app(cast(DashboardServices, _UnboundServices()))
    return render(RouteTable.of(app).document())

"""Whether the server is alive, and whether it is ready."""

from __future__ import annotations

import msgspec
from quart import Quart

from astrbot_like import __version__
from astrbot_like.dashboard.routing import PUBLIC, RouteTable
from astrbot_like.dashboard.services import DashboardServices
from astrbot_like.domain import errors


class Health(msgspec.Struct, frozen=True):
    """The server answers."""

    version: str


def register(app: Quart, services: DashboardServices) -> None:
    """Declare the routes."""
    routes = RouteTable.of(app).group("Health")

    @routes.get("/healthz", access=PUBLIC)
    async def healthz() -> Health:
        """Say that the process is alive."""
        return Health(__version__)

    @routes.get("/readyz", access=PUBLIC, errors=(errors.Unavailable,))
    async def readyz() -> Health:
        """Say that the server is ready to serve, or why not (503)."""
        await services.ready()
        return Health(__version__)

"""Bots: where people reach the bot besides the web chat."""

from __future__ import annotations

import msgspec
from quart import Quart

from astrbot_like.dashboard.admin.views import ChangedConfig, Done, NewConfig
from astrbot_like.dashboard.routing import DASHBOARD, RouteTable
from astrbot_like.dashboard.services import DashboardServices
from astrbot_like.domain import errors
from astrbot_like.operations.platforms import PlatformTypeView, PlatformView


class PlatformList(msgspec.Struct, frozen=True):
    """All bots."""

    platforms: list[PlatformView]


class PlatformTypeList(msgspec.Struct, frozen=True):
    """All types of bots that can be added."""

    types: list[PlatformTypeView]


class PlatformId(msgspec.Struct, frozen=True):
    """A bot by its id."""

    id: str


def register(app: Quart, services: DashboardServices) -> None:
    """Declare the routes."""
    routes = RouteTable.of(app).group("Bots")
    platforms = services.platforms
    refused = (errors.NotFound, errors.Conflict)

    @routes.get("/api/platform/list", access=DASHBOARD)
    async def list_platforms() -> PlatformList:
        """List the bots and how they fare."""
        return PlatformList(await platforms.list())

    @routes.get("/api/platform/catalogue", access=DASHBOARD)
    async def platform_catalogue() -> PlatformTypeList:
        """List the types of bots that can be added, with the form of each."""
        return PlatformTypeList(platforms.catalogue())

    @routes.get("/api/platform/state", access=DASHBOARD, errors=(errors.NotFound,))
    async def platform_state(query: PlatformId) -> PlatformView:
        """Say how one bot fares."""
        return await platforms.get(query.id)

    @routes.post("/api/platform/new", access=DASHBOARD, errors=(errors.Conflict,))
    async def new_platform(body: NewConfig) -> PlatformView:
        """Add a bot and start it; when it can't be started, ``last_error`` says why."""
        return await platforms.create(body.config)

    @routes.post("/api/platform/update", access=DASHBOARD, errors=refused)
    async def update_platform(body: ChangedConfig) -> PlatformView:
        """Change a bot and start it anew."""
        return await platforms.update(body.id, body.config)

    @routes.post("/api/platform/start", access=DASHBOARD, errors=refused)
    async def start_platform(body: PlatformId) -> PlatformView:
        """Start a bot."""
        return await platforms.set_enabled(body.id, True)

    @routes.post("/api/platform/stop", access=DASHBOARD, errors=refused)
    async def stop_platform(body: PlatformId) -> PlatformView:
        """Stop a bot."""
        return await platforms.set_enabled(body.id, False)

    @routes.post("/api/platform/delete", access=DASHBOARD, errors=refused)
    async def delete_platform(body: PlatformId) -> Done:
        """Stop a bot and forget it."""
        await platforms.delete(body.id)
        return Done()

"""MCP servers: tools from other programs."""

from __future__ import annotations

from typing import Any

import msgspec
from quart import Quart

from astrbot_like.dashboard.admin.views import Done
from astrbot_like.dashboard.routing import DASHBOARD, RouteTable
from astrbot_like.dashboard.services import DashboardServices
from astrbot_like.domain import errors
from astrbot_like.operations.mcp_servers import McpServerView, McpTestResult


class McpServerList(msgspec.Struct, frozen=True):
    """All MCP servers."""

    servers: list[McpServerView]


class McpServerInput(msgspec.Struct, frozen=True):
    """A server: ``config`` in the form MCP clients share (``command``, ``args``, ``env``, or ``url``, ``headers``,
    ``transport``), with ``enable``."""

    name: str
    config: dict[str, Any]


class McpServerName(msgspec.Struct, frozen=True):
    """A server by its name."""

    name: str


class McpProbe(msgspec.Struct, frozen=True):
    """A stored server (``name``), or a configuration to try without storing it (``config``)."""

    name: str | None = None
    config: dict[str, Any] | None = None


class McpToolSwitch(msgspec.Struct, frozen=True):
    """A server's tool to offer to models, or not."""

    server: str
    tool: str
    enabled: bool


def register(app: Quart, services: DashboardServices) -> None:
    """Declare the routes."""
    routes = RouteTable.of(app).group("MCP servers")
    servers = services.mcp
    refused = (errors.NotFound, errors.Conflict)

    @routes.get("/api/mcp/list", access=DASHBOARD)
    async def list_mcp_servers() -> McpServerList:
        """List the MCP servers with their tools and how their connections stand."""
        return McpServerList(await servers.list())

    @routes.post("/api/mcp/new", access=DASHBOARD, errors=(errors.Conflict,))
    async def new_mcp_server(body: McpServerInput) -> McpServerView:
        """Add a server; the connection comes up on its own."""
        return await servers.create(body.name, body.config)

    @routes.post("/api/mcp/update", access=DASHBOARD, errors=refused)
    async def update_mcp_server(body: McpServerInput) -> McpServerView:
        """Change a server and connect anew; masked secrets that come back stay as they are."""
        return await servers.update(body.name, body.config)

    @routes.post("/api/mcp/delete", access=DASHBOARD, errors=refused)
    async def delete_mcp_server(body: McpServerName) -> Done:
        """Disconnect a server and forget it."""
        await servers.delete(body.name)
        return Done()

    @routes.post("/api/mcp/test", access=DASHBOARD, errors=(errors.NotFound,))
    async def test_mcp_server(body: McpProbe) -> McpTestResult:
        """Connect to a server and list its tools; a failure is part of the result."""
        if body.name is None and body.config is None:
            raise errors.BadRequest("Missing key: name")
        return await servers.test(body.name, body.config)

    @routes.post("/api/mcp/tool", access=DASHBOARD, errors=refused)
    async def switch_mcp_tool(body: McpToolSwitch) -> McpServerView:
        """Offer a server's tool to models or not, for good."""
        return await servers.set_tool(body.server, body.tool, enabled=body.enabled)

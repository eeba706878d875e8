"""All MCP servers of a host: started, stopped and changed while it runs, their tools among the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from astrbot_like.api.func_tools import FunctionToolManager
from astrbot_like.domain.errors import ConfigError, NotFound
from astrbot_like.domain.profiles import McpServerConfig
from astrbot_like.engine.mcp_client import McpConnection, McpTool
from astrbot_like.engine.mcp_settings import McpSettings, McpStatus
from astrbot_like.runtime.clock import Clock
from astrbot_like.runtime.tasks import Supervisor

_TRANSPORTS = {
    "stdio": "stdio",
    "sse": "sse",
    "streamable_http": "streamable_http",
    "streamable-http": "streamable_http",
    "http": "streamable_http",
}


class McpServers:
    """The connections.

    Args:
        tools: Where tools are offered.
        supervisor: Owner of the connections' tasks.
        clock: For waits.
        settings: Deadlines.
    """

    def __init__(
        self, tools: FunctionToolManager, supervisor: Supervisor, clock: Clock, settings: McpSettings | None = None
    ) -> None:
        self._tools = tools
        self._supervisor = supervisor
        self._clock = clock
        self._settings = settings or McpSettings()
        self._connections: dict[str, McpConnection] = {}

    async def start(self, configs: Iterable[McpServerConfig]) -> None:
        """Connect to every enabled server; returns at once, the connections come up on their own."""
        for config in configs:
            await self.apply(config)

    async def apply(self, config: McpServerConfig) -> None:
        """Make a server as configured: new, changed, or switched off."""
        await self.remove(config.name)
        connection = McpConnection(config, self._clock, self._settings, self._offer)
        self._connections[config.name] = connection
        self._tools.mcp_client_dict[config.name] = connection
        if config.enable:
            self._supervisor.service(_service(config.name), connection.run)

    async def remove(self, name: str) -> None:
        """Disconnect a server and take its tools away; unknown names are ignored."""
        connection = self._connections.pop(name, None)
        if connection is None:
            return
        await self._supervisor.stop_service(_service(name))
        self._withdraw(connection)
        self._tools.mcp_client_dict.pop(name, None)

    def switch_tool(self, server: str, tool: str, on: bool) -> None:
        """Offer a server's tool to models, or stop offering it. The caller keeps the choice in the configuration.

        Raises:
            NotFound: There is no such server or tool.
        """
        connection = self._connections.get(server)
        found = (
            next((one for one in connection.tools if tool in (one.name, one.remote_name)), None) if connection else None
        )
        if found is None:
            raise NotFound(f"The MCP server {server} has no tool {tool}.")
        found.active = on
        self._tools.activate_llm_tool(found.name) if on else self._tools.deactivate_llm_tool(found.name)

    def status(self) -> list[McpStatus]:
        """How every server stands, by name."""
        return [connection.status() for _, connection in sorted(self._connections.items())]

    def tools_of(self, name: str) -> list[McpTool]:
        """The tools of a server."""
        connection = self._connections.get(name)
        return list(connection.tools) if connection is not None else []

    async def aclose(self) -> None:
        """Disconnect from all."""
        for name in list(self._connections):
            await self.remove(name)

    def _offer(self, connection: McpConnection, tools: list[McpTool]) -> None:
        """Put a server's tools in place of those it had; a name that is taken gets the server's name in front."""
        before = {tool.remote_name: tool.active for tool in self._offered(connection)}
        self._withdraw(connection)
        taken = set(self._tools.names())
        for tool in tools:
            tool.active = before.get(tool.remote_name, tool.active)
            if tool.name in taken:
                tool.name = f"{connection.name}_{tool.remote_name}"
            taken.add(tool.name)
            self._tools.add_tool(tool)

    def _withdraw(self, connection: McpConnection) -> None:
        for tool in self._offered(connection):
            self._tools.remove_tool(tool.name)

    def _offered(self, connection: McpConnection) -> list[McpTool]:
        """Tools offered for that server, also those of an earlier connection to it."""
        return [
            tool
            for tool in self._tools.func_list
            if isinstance(tool, McpTool) and tool.mcp_server_name == connection.name
        ]


def read_mcp_config(name: str, options: Mapping[str, Any]) -> McpServerConfig:
    """A server from the form that MCP clients share: ``command``, ``args``, ``env``, or ``url``, ``headers``, ``type``.

    Raises:
        ConfigError: It has neither a command nor a URL, or an unknown transport.
    """
    wanted = str(options.get("transport") or options.get("type") or "")
    transport = _TRANSPORTS.get(wanted) if wanted else ("stdio" if options.get("command") else "streamable_http")
    if transport is None:
        known = "stdio, sse or streamable_http"
        raise ConfigError(f"The MCP server {name} has the unknown transport {wanted!r}: use {known}.")
    needed = "command" if transport == "stdio" else "url"
    if not options.get(needed):
        raise ConfigError(f"The MCP server {name} needs a {needed}.")
    kept = ("command", "args", "env", "cwd") if transport == "stdio" else ("url", "headers")
    return McpServerConfig(
        name=name,
        transport=transport,
        config={key: options[key] for key in kept if key in options},
        enable=bool(options.get("enable", options.get("active", True))),
        disabled_tools=tuple(str(tool) for tool in options.get("disabled_tools") or ()),
    )


def _service(name: str) -> str:
    return f"mcp:{name}"

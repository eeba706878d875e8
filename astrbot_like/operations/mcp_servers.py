"""What an administrator does with MCP servers: add, change, remove, test, switch their tools."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from astrbot_like.domain.errors import BadRequest, ConfigError, Conflict, NotFound
from astrbot_like.domain.profiles import McpServerConfig
from astrbot_like.engine.mcp_servers import McpServers, read_mcp_config
from astrbot_like.operations.secrets import mask, unmask
from astrbot_like.runtime.clock import Clock
from astrbot_like.runtime.ids import new_id

log = logging.getLogger(__name__)

NAME_LENGTH = 64
TEST_DEADLINE = 25.0
"""Seconds a server may take to connect in a test."""
TEST_STEP = 0.05
"""Seconds between two looks at a server that is being tested."""


class McpToolView(msgspec.Struct, frozen=True):
    """A tool of an MCP server."""

    name: str
    desc: str
    enabled: bool


class McpServerView(msgspec.Struct, frozen=True):
    """An MCP server as people see it.

    Attributes:
        config: ``command``, ``args``, ``env`` or ``url``, ``headers``; secrets masked, a mask sent back keeps them.
        state: How the connection stands.
        last_error: Why it is not connected; empty when it is.
        read_only: It is declared in a file.
    """

    name: str
    transport: str
    enable: bool
    read_only: bool
    state: str
    last_error: str
    restarts: int
    config: dict[str, Any]
    tools: list[McpToolView]


class McpTestResult(msgspec.Struct, frozen=True):
    """What came of a test: the server's tools, or what to do."""

    ok: bool
    seconds: float
    tools: list[McpToolView]
    message: str


class McpConfigs(Protocol):
    """Where MCP servers are kept."""

    async def all(self) -> Sequence[McpServerConfig]:
        """All, oldest first."""
        ...

    async def get(self, name: str, /) -> McpServerConfig | None:
        """One, or None."""
        ...

    async def put(self, record: McpServerConfig, /) -> McpServerConfig:
        """Add or replace one."""
        ...

    async def delete(self, name: str, /) -> None:
        """Remove one; NotFound when there is none."""
        ...


class McpOperations:
    """Operations on MCP servers.

    Args:
        configs: Where they are kept.
        servers: The connections.
        scratch: Makes an empty set of connections, for tests.
        resolve: Puts the values of environment variables in place of ``env:NAME``, which is what is stored.
    """

    def __init__(
        self,
        *,
        configs: McpConfigs,
        servers: McpServers,
        scratch: Callable[[], McpServers],
        clock: Clock,
        resolve: Callable[[dict[str, Any]], dict[str, Any]] = dict,
    ) -> None:
        self._configs = configs
        self._servers = servers
        self._scratch = scratch
        self._clock = clock
        self._resolve = resolve

    async def list(self) -> list[McpServerView]:
        """All servers, by name."""
        stored = {config.name: config for config in await self._configs.all()}
        states = {status.name: status for status in self._servers.status()}
        views: list[McpServerView] = []
        for name in sorted(stored.keys() | states.keys()):
            config, status = stored.get(name), states.get(name)
            views.append(
                McpServerView(
                    name=name,
                    transport=config.transport if config is not None else "",
                    enable=config.enable if config is not None else True,
                    read_only=config is None,
                    state=status.state if status is not None else "off",
                    last_error=status.error if status is not None else "",
                    restarts=status.restarts if status is not None else 0,
                    config=mask(config.config) if config is not None else {},
                    tools=self._tools(self._servers, name),
                )
            )
        return views

    async def get(self, name: str) -> McpServerView:
        """One server.

        Raises:
            NotFound: There is none of that name.
        """
        found = next((view for view in await self.list() if view.name == name), None)
        if found is None:
            raise NotFound(f"There is no MCP server named {name!r}.")
        return found

    async def create(self, name: str, options: Mapping[str, Any]) -> McpServerView:
        """Add a server and connect to it.

        Raises:
            BadRequest: The name or the options don't fit.
            Conflict: The name is taken.
        """
        name = name.strip()
        if not name or len(name) > NAME_LENGTH or not name.isprintable():
            raise BadRequest(f"An MCP server needs a name of 1 to {NAME_LENGTH} printable characters.")
        if any(status.name == name for status in self._servers.status()) or await self._configs.get(name) is not None:
            raise Conflict(f"An MCP server named {name!r} exists already.")
        return await self._store(_read(name, options, {}))

    async def update(self, name: str, options: Mapping[str, Any]) -> McpServerView:
        """Change a server and connect anew; masked secrets stay as they are.

        Raises:
            NotFound, Conflict, BadRequest: As they say.
        """
        old = await self._stored(name)
        made = _read(name, {"disabled_tools": old.disabled_tools, "enable": old.enable, **options}, old.config)
        return await self._store(made)

    async def delete(self, name: str) -> None:
        """Disconnect a server and forget it.

        Raises:
            NotFound: There is none of that name.
            Conflict: It is declared in a file.
        """
        await self._stored(name)
        await self._configs.delete(name)
        await self._servers.remove(name)

    async def set_tool(self, server: str, tool: str, *, enabled: bool) -> McpServerView:
        """Offer a server's tool to models or not, for good.

        Raises:
            NotFound: There is no such server or tool.
            Conflict: The server is declared in a file.
        """
        config = await self._stored(server)
        self._servers.switch_tool(server, tool, enabled)
        off = set(config.disabled_tools) - {tool}
        disabled = tuple(sorted(off if enabled else off | {tool}))
        await self._configs.put(msgspec.structs.replace(config, disabled_tools=disabled))
        return await self.get(server)

    async def test(self, name: str | None, options: Mapping[str, Any] | None) -> McpTestResult:
        """Connect to a server and list its tools; a failure is a result, not an error.

        Args:
            name: A stored server, or the owner of masked secrets in ``options``.
            options: A server to try without storing it.

        Raises:
            NotFound: There is no stored server of that name.
            BadRequest: The options don't fit.
        """
        stored = await self._configs.get(name) if name else None
        if options is None:
            if stored is None:
                raise NotFound(f"There is no MCP server named {name!r}.")
            config = stored
        else:
            config = _read("test", options, stored.config if stored is not None else {})
        probe = msgspec.structs.replace(
            config, name=f"test-{new_id()}", enable=True, config=self._resolve(config.config)
        )
        scratch = self._scratch()
        started = self._clock.monotonic()
        try:
            await scratch.apply(probe)
            while True:
                status = scratch.status()[0]
                seconds = round(self._clock.monotonic() - started, 3)
                if status.state == "connected":
                    return McpTestResult(True, seconds, self._tools(scratch, probe.name), "")
                if status.error or seconds > TEST_DEADLINE:
                    return McpTestResult(False, seconds, [], status.error or "The server did not answer in time.")
                await self._clock.sleep(TEST_STEP)
        finally:
            await scratch.aclose()

    async def _store(self, config: McpServerConfig) -> McpServerView:
        saved = await self._configs.put(config)
        await self._servers.apply(msgspec.structs.replace(saved, config=self._resolve(saved.config)))
        log.info("MCP server saved", extra={"server": saved.name, "transport": saved.transport})
        return await self.get(saved.name)

    async def _stored(self, name: str) -> McpServerConfig:
        found = await self._configs.get(name)
        if found is not None:
            return found
        if any(status.name == name for status in self._servers.status()):
            raise Conflict(f"The MCP server {name!r} is declared in a file. Change it there.")
        raise NotFound(f"There is no MCP server named {name!r}.")

    @staticmethod
    def _tools(servers: McpServers, name: str) -> list[McpToolView]:
        return [McpToolView(tool.remote_name, tool.description, tool.active) for tool in servers.tools_of(name)]


def _read(name: str, options: Mapping[str, Any], old: Mapping[str, Any]) -> McpServerConfig:
    try:
        return read_mcp_config(name, unmask(options, old))
    except ConfigError as error:
        raise BadRequest(error.message) from error

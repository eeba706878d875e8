"""One MCP server: a connection that is kept up, and its tools.

Library ``mcp`` (protocol: https://modelcontextprotocol.io/specification), imported in a thread when the first server is
connected. A connection lives in one task, as the library's cancel scopes demand; calls may come from any task. A
cancelled call is cancelled at the server too (``notifications/cancelled``, sent by the library).
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import msgspec

from astrbot_like.api.kit.errors import redact
from astrbot_like.api.tools import ContextWrapper, MCPTool, check_schema
from astrbot_like.domain.errors import ConfigError
from astrbot_like.domain.profiles import McpServerConfig
from astrbot_like.engine.mcp_settings import McpSettings, McpStatus, State
from astrbot_like.engine.mcp_transport import WatchedStream, headers_of, import_client, streamable_http
from astrbot_like.runtime.clock import Clock

if TYPE_CHECKING:
    from mcp import Client


log = logging.getLogger(__name__)
_MOST_TOOLS = 500
_STDERR_TAIL = 400


@dataclass
class McpTool(MCPTool[Any]):
    """A tool of an MCP server.

    Attributes:
        connection: Its server.
        remote_name: Its name at the server; ``name`` differs where another tool has that name already.
        repeatable: The server says that a second call does no harm.
    """

    connection: McpConnection | None = None
    remote_name: str = ""
    repeatable: bool = False

    @property
    def mcp_server_name(self) -> str:
        """Name of the server."""
        return self.connection.name if self.connection is not None else ""

    async def call(self, context: ContextWrapper[Any], **kwargs: Any) -> str:
        """Call the tool at its server; failures come back as text for the model."""
        assert self.connection is not None
        return await self.connection.call(self, kwargs, deadline=float(context.tool_call_timeout))


class McpConnection:
    """Keeps one server connected until its task is cancelled.

    Args:
        config: The server; environment references are resolved already.
        clock: For waits.
        settings: Deadlines.
        on_tools: Called with the server's tools whenever they change.
    """

    def __init__(
        self,
        config: McpServerConfig,
        clock: Clock,
        settings: McpSettings,
        on_tools: Callable[[McpConnection, list[McpTool]], None],
    ) -> None:
        self.name = config.name
        self.config = config
        self.state: State = "off"
        self.error = ""
        self.restarts = -1
        self.tools: list[McpTool] = []
        self._clock = clock
        self._settings = settings
        self._on_tools = on_tools
        self._client: Client | None = None
        self._connected = asyncio.Event()
        self._wake = asyncio.Event()
        self._retry_now = asyncio.Event()
        self._lost = False

    def status(self) -> McpStatus:
        """How it stands."""
        return McpStatus(self.name, self.state, self.error, max(0, self.restarts), tuple(t.name for t in self.tools))

    async def run(self) -> None:
        """Connect, and connect again with back-off whenever the connection is lost; ends only when cancelled."""
        backoff = self._settings.first_backoff
        try:
            while True:
                self.state = "connecting"
                began = self._clock.monotonic()
                try:
                    await self._connect_and_stay()
                    self.error = "The server closed the connection."
                except asyncio.CancelledError:
                    raise
                except Exception as error:  # any failure of a server or of the library means: again, later
                    task = asyncio.current_task()
                    if task is not None and task.cancelling():
                        # A task group that fails while it is cancelled raises its failure and drops the cancellation.
                        raise asyncio.CancelledError from error
                    self.error = _reason(error) + self._stderr_tail()
                self._disconnected()
                log.warning("MCP server lost", extra={"server": self.name, "reason": self.error})
                if self._clock.monotonic() - began > self._settings.ping_interval:
                    backoff = self._settings.first_backoff
                await self._pause(backoff)
                backoff = min(self._settings.longest_backoff, backoff * 2)
        finally:
            self._disconnected()
            self.state = "off"

    async def call(self, tool: McpTool, arguments: Mapping[str, Any], *, deadline: float) -> str:
        """The text of a tool's result, or of what went wrong.

        Args:
            deadline: Seconds it may take, a reconnection included.
        """
        try:
            async with self._clock.timeout(deadline):
                return await self._call(tool, arguments, deadline)
        except TimeoutError:
            return f"The tool {tool.name} gave no answer within {deadline:g} seconds."

    async def _call(self, tool: McpTool, arguments: Mapping[str, Any], deadline: float) -> str:
        from mcp import MCPError
        from mcp_types import CONNECTION_CLOSED

        for last in (not tool.repeatable, True):
            if not await self._wait_until_connected():
                return f"The tool {tool.name} is not available: its server {self.name} is not connected. {self.error}"
            client = self._client
            assert client is not None
            try:
                result = await client.call_tool(tool.remote_name, dict(arguments), read_timeout_seconds=deadline)
                text = _text(result)
                return f"The tool {tool.name} reported an error: {text}" if result.is_error else text
            except MCPError as error:
                if error.code != CONNECTION_CLOSED:
                    return f"The tool {tool.name} failed: {redact(str(error))}"
                self._lose(client)
            except (OSError, RuntimeError, ValueError) as error:
                # A transport that broke, or a result that is not of the protocol.
                self._lose(client)
                log.warning("MCP call failed", extra={"server": self.name, "reason": _reason(error)})
            if last:
                break
        return f"The tool {tool.name} failed: the connection to its server {self.name} broke during the call."

    async def _wait_until_connected(self) -> bool:
        if not self._connected.is_set():
            self._retry_now.set()
            try:
                async with self._clock.timeout(self._settings.reconnect_wait):
                    await self._connected.wait()
            except TimeoutError:
                return False
        return True

    async def _connect_and_stay(self) -> None:
        mcp_client = await asyncio.to_thread(import_client)
        self._lost = False
        self._wake.clear()
        self._stderr: IO[str] | None = None

        async def heard(message: Any) -> None:
            if type(message).__name__ == "ToolListChangedNotification":
                self._wake.set()

        client: Client = mcp_client(self._transport(), message_handler=heard)
        # The stack hands a cancellation on to the client, which else would wait for its reader to end by itself.
        async with AsyncExitStack() as stack:
            async with self._clock.timeout(self._settings.connect_deadline):
                await stack.enter_async_context(client)
            try:
                await self._stay(client)
            finally:
                self._connected.clear()
                self._client = None

    async def _stay(self, client: Client) -> None:
        async with self._clock.timeout(self._settings.connect_deadline):
            await self._read_tools(client)
        self._client = client
        self.state, self.error = "connected", ""
        self.restarts += 1
        self._connected.set()
        while not self._lost:
            try:
                async with self._clock.timeout(self._settings.ping_interval):
                    await self._wake.wait()
            except TimeoutError:
                async with self._clock.timeout(self._settings.ping_deadline):
                    await client.list_tools(cache_mode="bypass")
                continue
            self._wake.clear()
            if not self._lost:
                async with self._clock.timeout(self._settings.ping_deadline):
                    await self._read_tools(client)

    async def _read_tools(self, client: Client) -> None:
        found: list[McpTool] = []
        cursor: str | None = None
        while len(found) < _MOST_TOOLS:
            page = await client.list_tools(cursor=cursor, cache_mode="bypass")
            found.extend(self._tool(one) for one in page.tools)
            cursor = page.next_cursor
            if not cursor:
                break
        self.tools = found
        self._on_tools(self, found)

    def _tool(self, described: Any) -> McpTool:
        schema: dict[str, Any] = described.input_schema or {"type": "object", "properties": {}}
        try:
            check_schema(schema)
        except ValueError:
            schema = {"type": "object", "properties": {}}  # the server still checks the arguments itself
        hints = described.annotations
        return McpTool(
            name=described.name,
            description=described.description or described.title or "",
            parameters=schema,
            active=described.name not in self.config.disabled_tools,
            connection=self,
            remote_name=described.name,
            repeatable=bool(hints and (hints.read_only_hint or hints.idempotent_hint)),
        )

    # --- transports ------------------------------------------------------------------------------

    @asynccontextmanager
    async def _transport(self) -> AsyncGenerator[Any, None]:
        """The streams of the configured transport; the end of the incoming one is noticed at once."""
        async with self._open() as (incoming, outgoing):
            yield WatchedStream(incoming, self._lose), outgoing

    def _open(self) -> AbstractAsyncContextManager[Any]:
        config = self.config.config
        match self.config.transport:
            case "stdio":
                from mcp import StdioServerParameters, stdio_client

                if not config.get("command"):
                    raise ConfigError(f"The MCP server {self.name} has no command.")
                self._stderr = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 - read after the end
                parameters = StdioServerParameters(
                    command=str(config["command"]),
                    args=[str(one) for one in config.get("args") or ()],
                    env={str(k): str(v) for k, v in (config.get("env") or {}).items()} or None,
                    cwd=config.get("cwd") or None,
                )
                return stdio_client(parameters, errlog=self._stderr)  # type: ignore[arg-type]
            case "sse":
                from mcp.client.sse import sse_client

                return sse_client(self._url(), headers=headers_of(config), timeout=self._settings.connect_deadline)
            case "streamable_http":
                return streamable_http(self._url(), headers_of(config))
            case other:
                raise ConfigError(f"The MCP server {self.name} has the unknown transport {other!r}.")

    def _url(self) -> str:
        url = str(self.config.config.get("url") or "")
        if not url.startswith(("http://", "https://")):
            raise ConfigError(f"The MCP server {self.name} needs a url that begins with http:// or https://.")
        return url

    # --- losing it -------------------------------------------------------------------------------

    def _lose(self, client: Any = None) -> None:
        """The connection is gone; of two callers that notice it, the second must not end the next connection."""
        if client is not None and client is not self._client:
            return
        self._lost = True
        self._connected.clear()
        self._wake.set()

    def _disconnected(self) -> None:
        self.state = "failed"
        self._client = None
        self._connected.clear()

    async def _pause(self, seconds: float) -> None:
        self._retry_now.clear()
        try:
            async with self._clock.timeout(seconds):
                await self._retry_now.wait()
        except TimeoutError:
            return
        # A call is waiting; still, a server that dies at once must not be started in a tight loop.
        await self._clock.sleep(min(seconds, self._settings.first_backoff))

    def _stderr_tail(self) -> str:
        file, self._stderr = getattr(self, "_stderr", None), None
        if file is None:
            return ""
        try:
            size = file.seek(0, 2)
            file.seek(max(0, size - 4 * _STDERR_TAIL))
            tail = file.read().strip()[-_STDERR_TAIL:]
        except (OSError, ValueError):
            return ""
        finally:
            file.close()
        return f" It printed: {redact(tail)}" if tail else ""


def _text(result: Any) -> str:
    """What a result says: texts as they are, embedded texts, and a word for anything else."""
    pieces: list[str] = []
    for part in result.content or ():
        resource = getattr(part, "resource", None)
        text = getattr(part, "text", None) or getattr(resource, "text", None)
        pieces.append(str(text) if text else f"[{getattr(part, 'type', 'content')}]")
    if not pieces and result.structured_content is not None:
        return msgspec.json.encode(result.structured_content).decode()
    return "\n".join(pieces)


def _reason(error: BaseException) -> str:
    """The innermost cause in a sentence; the library wraps failures in groups."""
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    if isinstance(error, TimeoutError):
        return "The server did not answer in time."
    if isinstance(error, FileNotFoundError):
        return f"The command {error.filename or ''} was not found."
    text = redact(" ".join(str(error).split()))[:200]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__

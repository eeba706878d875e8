"""MCP servers as processes of their own, over every transport."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from astrbot_like.api.func_tools import FunctionToolManager
from astrbot_like.api.tools import ContextWrapper, FunctionTool
from astrbot_like.domain.errors import ConfigError, NotFound
from astrbot_like.domain.profiles import McpServerConfig
from astrbot_like.engine.mcp_client import McpTool
from astrbot_like.engine.mcp_servers import McpServers, read_mcp_config
from astrbot_like.engine.mcp_settings import McpSettings
from astrbot_like.runtime.clock import SystemClock
from astrbot_like.runtime.tasks import Supervisor
from tests.support.census import settle
from tests.support.ports import free_port

SERVER = str(Path(__file__).parents[1] / "standins" / "mcp_server.py")
TOOLS = {"add", "slow", "crash", "whoami", "fail"}


@pytest.fixture
async def servers() -> AsyncIterator[McpServers]:
    clock = SystemClock()
    supervisor = Supervisor(clock)
    made = McpServers(FunctionToolManager(), supervisor, clock, McpSettings(first_backoff=0.05, reconnect_wait=60))
    yield made
    await made.aclose()
    await supervisor.aclose()


def stdio(name: str = "local", log: Path | None = None, **options: Any) -> McpServerConfig:
    env = {"MCP_LOG": str(log)} if log else {}
    return McpServerConfig(name, "stdio", {"command": sys.executable, "args": [SERVER, "stdio"], "env": env}, **options)


def connected(servers: McpServers) -> bool:
    return all(status.state == "connected" for status in servers.status())


def tool(servers: McpServers, name: str) -> McpTool:
    found = servers._tools.get_func(name)
    assert isinstance(found, McpTool)
    return found


async def call(servers: McpServers, name: str, *, deadline: int = 60, **arguments: Any) -> str:
    return await tool(servers, name).call(ContextWrapper(None, tool_call_timeout=deadline), **arguments)


async def test_stdio_tools_are_offered_called_and_taken_away(servers: McpServers) -> None:
    await servers.start([stdio()])
    assert await settle(lambda: connected(servers))
    assert set(servers._tools.names()) == TOOLS
    assert tool(servers, "add").description == "Add two numbers."
    assert tool(servers, "add").parameters["required"] == ["a", "b"]
    assert await call(servers, "add", a=2, b=40) == "42"
    assert "reported an error" in await call(servers, "fail")
    assert "add" in await call(servers, "add", a="x")  # the server refuses the arguments, in words
    await servers.remove("local")
    assert servers._tools.names() == []


async def test_a_cancelled_call_is_cancelled_at_the_server(servers: McpServers, tmp_path: Path) -> None:
    log = tmp_path / "log"
    await servers.start([stdio(log=log)])
    assert await settle(lambda: connected(servers))
    task = asyncio.create_task(call(servers, "slow", seconds=60))
    assert await settle(lambda: log.exists() and "slow began" in log.read_text())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await settle(lambda: "slow cancelled" in log.read_text())
    assert await call(servers, "add", a=1, b=1) == "2"  # the connection goes on


async def test_a_slow_tool_is_given_up_at_its_deadline(servers: McpServers) -> None:
    await servers.start([stdio()])
    assert await settle(lambda: connected(servers))
    told = await call(servers, "slow", deadline=1, seconds=60)
    assert "gave no answer within 1" in told or "timed out" in told.lower()


async def test_a_crash_is_survived(servers: McpServers) -> None:
    await servers.start([stdio()])
    assert await settle(lambda: connected(servers))
    first = await call(servers, "whoami")
    assert "broke during the call" in await call(servers, "crash")
    second = await call(servers, "whoami")  # waits for the new process
    assert second != first
    assert servers.status()[0].restarts == 1
    os.kill(int(second), signal.SIGKILL)
    assert await settle(lambda: servers.status()[0].restarts == 2)
    assert await call(servers, "add", a=1, b=2) == "3"
    assert len(servers._tools.names()) == len(TOOLS)


@pytest.mark.parametrize(("transport", "path"), [("sse", "/sse"), ("streamable_http", "/mcp")])
async def test_http_transports_and_a_restarted_server(servers: McpServers, transport: str, path: str) -> None:
    port = free_port()

    def begin() -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, SERVER, transport, str(port)], stderr=subprocess.DEVNULL)

    process = begin()
    try:
        await servers.start([McpServerConfig("remote", transport, {"url": f"http://127.0.0.1:{port}{path}"})])
        assert await settle(lambda: connected(servers))
        first = await call(servers, "whoami")
        assert int(first) == process.pid
        process.kill()
        process.wait()
        process = begin()
        told = ""
        async with asyncio.timeout(60):
            while told != str(process.pid):
                told = await call(servers, "whoami")
    finally:
        process.kill()
        process.wait()


async def test_tools_are_switched_and_stay_so_after_a_crash(servers: McpServers) -> None:
    await servers.start([stdio(disabled_tools=("fail",))])
    assert await settle(lambda: connected(servers))
    assert not tool(servers, "fail").active
    servers.switch_tool("local", "add", False)
    assert "add" not in servers._tools.get_full_tool_set().names()
    await call(servers, "crash")
    assert await settle(lambda: servers.status()[0].restarts == 1)
    assert not tool(servers, "add").active
    with pytest.raises(NotFound):
        servers.switch_tool("local", "nothing", True)


async def test_a_name_that_is_taken_gets_the_servers_name_in_front(servers: McpServers) -> None:
    servers._tools.add_tool(FunctionTool("add", "a plugin's own", {"type": "object", "properties": {}}))
    await servers.start([stdio()])
    assert await settle(lambda: connected(servers))
    assert await call(servers, "local_add", a=1, b=2) == "3"
    assert servers._tools.get_func("add").description == "a plugin's own"


async def test_a_server_that_can_not_start_says_why(servers: McpServers) -> None:
    broken = McpServerConfig(
        "broken", "stdio", {"command": sys.executable, "args": ["-c", "import sys; sys.exit('no luck')"]}
    )
    absent = McpServerConfig("absent", "stdio", {"command": "/no/such/command"})
    await servers.start([broken, absent])
    assert await settle(lambda: all(status.state == "failed" and status.error for status in servers.status()))
    assert await settle(lambda: "no luck" in servers.status()[1].error)
    assert "not found" in servers.status()[0].error
    assert servers._tools.names() == []


async def test_a_server_that_is_switched_off_is_not_started(servers: McpServers) -> None:
    await servers.start([stdio(enable=False)])
    assert servers.status()[0].state == "off"


def test_the_form_that_clients_share() -> None:
    local = read_mcp_config("a", {"command": "npx", "args": ["x"], "env": {"A": "1"}, "other": 1})
    assert (local.transport, local.config) == ("stdio", {"command": "npx", "args": ["x"], "env": {"A": "1"}})
    assert read_mcp_config("b", {"url": "http://x/mcp"}).transport == "streamable_http"
    assert read_mcp_config("c", {"url": "http://x/sse", "type": "sse", "active": False}).enable is False
    for wrong in ({}, {"transport": "pigeon", "url": "x"}, {"transport": "sse"}):
        with pytest.raises(ConfigError):
            read_mcp_config("d", wrong)

"""An MCP server within spoken turns of the real server: used, cancelled by an interruption, back after its crash."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.applications import sign_in
from tests.support.census import settle
from tests.support.live_client import CheckedSocket, connect, kinds
from tests.support.ports import free_port
from tests.support.server_process import ServerProcess

SERVER = str(Path(__file__).parents[1] / "standins" / "mcp_server.py")


class McpService:
    """The stand-in over one transport; over HTTP it is a process that has to be started again after its crash.

    Attributes:
        config: Its entry in ``mcp_server.json``.
    """

    def __init__(self, transport: str, log: Path) -> None:
        self._environment = {**os.environ, "MCP_LOG": str(log)}
        self._process: subprocess.Popen[bytes] | None = None
        if transport == "stdio":
            command: list[str] = []
            config: dict[str, Any] = {"command": sys.executable, "args": [SERVER, "stdio"]}
            self.config = {**config, "env": {"MCP_LOG": str(log)}}
        else:
            port = free_port()
            command = [sys.executable, SERVER, transport, str(port)]
            path = "sse" if transport == "sse" else "mcp"
            self.config = {"url": f"http://127.0.0.1:{port}/{path}", "transport": transport}
        self._command = command

    def start(self) -> None:
        """Start it where the host does not do that itself."""
        self.stop()
        if self._command:
            self._process = subprocess.Popen(self._command, env=self._environment, stderr=subprocess.DEVNULL)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@pytest.fixture(params=["stdio", "sse", "streamable_http"])
async def talking(request: Any, tmp_path: Path) -> AsyncIterator[tuple[CheckedSocket, Path, McpService]]:
    """A live connection to a server with the stand-in configured, whose tools are there; and the stand-in's log."""
    data, log = tmp_path / "data", tmp_path / "log"
    data.mkdir()
    service = McpService(request.param, log)
    service.start()
    (data / "mcp_server.json").write_text(json.dumps({"mcpServers": {"local": service.config}}))
    try:
        async with ServerProcess(data) as server, aiohttp.ClientSession(server.url) as http:
            token = await sign_in(http)
            headers = {"Authorization": f"Bearer {token}"}
            async with asyncio.timeout(60):
                while "whoami" not in await (await http.get("/api/persona/tools", headers=headers)).text():
                    await asyncio.sleep(0.1)
            address = server.url.replace("http", "ws", 1) + f"/api/live_chat/ws?token={token}"
            async with connect(address) as connection:
                yield connection, log, service
    finally:
        service.stop()


async def say(connection: CheckedSocket, text: str) -> str:
    """A whole spoken turn; the reply's text."""
    await connection.send({"t": "text_input", "text": text})
    frames = await connection.until("end")
    assert "response" in kinds(frames), "the reply was spoken"
    return "".join(frame["data"]["text"] for frame in frames if frame.get("t") == "bot_delta_chunk")


async def test_a_tool_of_an_mcp_server_in_spoken_turns(talking: tuple[CheckedSocket, Path, McpService]) -> None:
    connection, log, service = talking
    assert await say(connection, "use the tool add with a=2 b=40") == "42"

    await connection.send({"t": "text_input", "text": "use the tool slow with seconds=60"})
    assert await settle(lambda: log.exists() and "slow began" in log.read_text())
    await connection.send({"t": "interrupt"})
    await connection.until("stop_play")
    assert await settle(lambda: "slow cancelled" in log.read_text())
    await connection.until("end")

    first = await say(connection, "use the tool whoami")
    assert first.isdigit()
    assert "broke during the call" in await say(connection, "use the tool crash")
    service.start()
    async with asyncio.timeout(60):
        while not (second := await say(connection, "use the tool whoami")).isdigit():
            pass  # said to be on its way back
    assert second != first

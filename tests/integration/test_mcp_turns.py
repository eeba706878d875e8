"""An MCP server within spoken turns of the real server: used, cancelled by an interruption, back after its crash."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.support.live_client import CheckedSocket, connect, kinds
from tests.support.server_process import PASSWORD, USERNAME, ServerProcess

SERVER = str(Path(__file__).parents[1] / "standins" / "mcp_server.py")


@pytest.fixture
async def talking(tmp_path: Path) -> AsyncIterator[tuple[CheckedSocket, Path]]:
    """A live connection to a server with the stand-in configured, whose tools are there; and the stand-in's log."""
    data, log = tmp_path / "data", tmp_path / "log"
    data.mkdir()
    command = {"command": sys.executable, "args": [SERVER, "stdio"], "env": {"MCP_LOG": str(log)}}
    (data / "mcp_server.json").write_text(json.dumps({"mcpServers": {"local": command}}))
    async with ServerProcess(data) as server, aiohttp.ClientSession(server.url) as http:
        login = {"username": USERNAME, "password": PASSWORD}
        token = (await (await http.post("/api/auth/login", json=login)).json())["data"]["token"]
        headers = {"Authorization": f"Bearer {token}"}
        async with asyncio.timeout(30):
            while "whoami" not in await (await http.get("/api/persona/tools", headers=headers)).text():
                await asyncio.sleep(0.1)
        address = server.url.replace("http", "ws", 1) + f"/api/live_chat/ws?token={token}"
        async with connect(address) as socket:
            yield socket, log


async def say(socket: CheckedSocket, text: str) -> str:
    """A whole spoken turn; the reply's text."""
    await socket.send({"t": "text_input", "text": text})
    frames = await socket.until("end")
    assert "response" in kinds(frames), "the reply was spoken"
    return "".join(frame["data"]["text"] for frame in frames if frame.get("t") == "bot_delta_chunk")


async def test_a_tool_of_an_mcp_server_in_spoken_turns(talking: tuple[CheckedSocket, Path]) -> None:
    socket, log = talking
    assert await say(socket, "use the tool add with a=2 b=40") == "42"

    await socket.send({"t": "text_input", "text": "use the tool slow with seconds=60"})
    async with asyncio.timeout(10):
        while not log.exists() or "slow began" not in log.read_text():
            await asyncio.sleep(0.01)
    await socket.send({"t": "interrupt"})
    await socket.until("stop_play")
    async with asyncio.timeout(10):
        while "slow cancelled" not in log.read_text():
            await asyncio.sleep(0.01)
    await socket.until("end")

    first = await say(socket, "use the tool whoami")
    assert first.isdigit()
    assert "broke during the call" in await say(socket, "use the tool crash")
    second = await say(socket, "use the tool whoami")
    assert second.isdigit()
    assert second != first

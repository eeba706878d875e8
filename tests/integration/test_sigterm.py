"""SIGTERM in mid-turn: what does not end within the grace time is stored as interrupted, and shown so."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.houses import FAKES
from tests.support.live_client import CheckedSocket, connect
from tests.support.server_process import PASSWORD, USERNAME, ServerProcess

STORY = " ".join(f"word{number}" for number in range(20_000))
"""Takes minutes to be told: no machine comes to its end within the grace time."""

SETTINGS = f"""
[[providers]]
id = "chat"
type = "fake_chat"
reply = "{STORY}"
gap = 0.02
[[providers]]
id = "mouth"
type = "fake_tts"
[profiles.default]
llm = ["chat"]
tts = ["mouth"]
"""


async def close_code(client: CheckedSocket) -> int:
    return (await client.closed())[0]


async def token_of(http: aiohttp.ClientSession) -> str:
    async with http.post("/api/auth/login", json={"username": USERNAME, "password": PASSWORD}) as answer:
        return (await answer.json())["data"]["token"]


async def get(http: aiohttp.ClientSession, token: str, path: str, **query: str) -> Any:
    async with http.get(path, params=query, headers={"Authorization": f"Bearer {token}"}) as answer:
        assert answer.status == 200, await answer.text()
        return (await answer.json())["data"]


async def test_a_turn_that_outlasts_the_grace_time_is_stored_as_interrupted_and_shown_so(tmp_path: Path):
    data = tmp_path / "data"
    shutil.copytree(FAKES, data / "plugins" / "fake_providers")
    settings = tmp_path / "settings.toml"
    settings.write_text(SETTINGS)
    async with ServerProcess(data, config=str(settings), shutdown_grace="0.5") as server:
        async with aiohttp.ClientSession(server.url) as http:
            token = await token_of(http)
            sessions = [(await get(http, token, "/api/chat/new_session"))["session_id"] for _ in range(2)]
        base = server.url.replace("http", "ws", 1)
        async with (
            connect(f"{base}/api/live_chat/ws?token={token}") as spoken,
            connect(f"{base}/api/unified_chat/ws?token={token}", protocol="chat") as written,
        ):
            await spoken.send({"t": "session_update", "data": {"session_id": sessions[0]}})
            await spoken.send({"t": "text_input", "text": "tell me"})
            await spoken.until("bot_delta_chunk")
            part = {"type": "plain", "text": "write me"}
            await written.send({"ct": "chat", "t": "send", "session_id": sessions[1], "message": [part]})
            await written.until("plain")
            reading = asyncio.gather(close_code(spoken), close_code(written))
            assert await server.stop() == 0, server.output
            assert await reading == [1001, 1001]
        assert "Traceback" not in server.output
        await server.start()
        async with aiohttp.ClientSession(server.url) as http:
            token = await token_of(http)
            for session_id in sessions:
                shown = await get(http, token, "/api/chat/get_session", session_id=session_id)
                user, bot = shown["history"]
                assert (user["role"], user["interrupted"], shown["is_running"]) == ("user", False, False)
                assert (bot["role"], bot["interrupted"]) == ("bot", True)
                assert STORY.startswith(bot["text"].strip())

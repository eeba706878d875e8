"""What is said, written or chosen while the server still loads its plugins waits until the providers are there."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import aiohttp
from msgspec import convert

from astrbot_like.config import Settings
from astrbot_like.runtime.logging import start_logging, stop_logging
from tests.support.applications import PASSWORD, USERNAME, Running, make_key
from tests.support.frames import read_sse
from tests.support.houses import FAKES
from tests.support.talking import LiveClient, texts

SLOW = """
import asyncio
from pathlib import Path

from astrbot.api.star import Context, Star


class Slow(Star):
    async def initialize(self):
        while not Path({go!r}).exists():
            await asyncio.sleep(0.01)
"""


async def test_it_waits_for_providers(tmp_path: Path) -> None:
    go = tmp_path / "go"
    slow = tmp_path / "plugins" / "slow"
    slow.mkdir(parents=True)
    (slow / "main.py").write_text(SLOW.format(go=str(go)))
    (slow / "metadata.yaml").write_text("name: slow\ndesc: x\nversion: 1.0.0\nauthor: x\n")
    shutil.copytree(FAKES, tmp_path / "plugins" / "fake_providers")
    tree = {
        "server": {"port": 0, "data_dir": str(tmp_path), "shutdown_grace": 1.0},
        "admin": {"username": USERNAME, "password": PASSWORD},
        "plugins": {"start_patience": 600.0},
        "providers": [
            {"id": "chat", "type": "fake_chat"},
            {"id": "ears", "type": "fake_stt", "text": "good morning"},
            {"id": "mouth", "type": "fake_tts"},
        ],
        "profiles": {"default": {"llm": ["chat"], "stt": ["ears"], "tts": ["mouth"]}},
    }
    logs = start_logging(stream=io.StringIO())
    running = Running(convert(tree, Settings), logs)
    try:
        await running.start()
        async with aiohttp.ClientSession(running.server.url) as http:
            headers = {"X-API-Key": await make_key(http, "chat")}
            async with http.get("/readyz") as answer:
                assert answer.status == 503
            live = "/api/v1/live/ws?username=ann"
            async with (
                http.ws_connect(live, headers=headers) as one,
                http.ws_connect(live, headers=headers) as two,
                http.ws_connect(live, headers=headers) as three,
            ):
                speaking, choosing, leaving = LiveClient(one), LiveClient(two), LiveClient(three)
                await speaking.speak()
                await choosing.send("session_update", data={"stt_provider": "ears"})
                await leaving.send("text_input", text="hello")
                await leaving.send("interrupt")
                # An interrupted turn does not wait for anything.
                assert [frame["t"] for frame in await leaving.until("end")].count("stop_play") == 1
                for client in (speaking, choosing):
                    await client.send("ping")
                    await client.until("pong")
                body = {"message": "hello", "username": "ann"}
                async with http.post("/api/v1/chat", json=body, headers=headers) as answer:
                    frames = []
                    async for frame in read_sse(answer.content):
                        frames.append(frame)
                        go.touch()  # everything is under way
                assert (await choosing.until("session_updated"))[-1]["data"]["stt_provider"] == "ears"
                spoken = await speaking.until("end")
    finally:
        await running.stop()
        stop_logging(logs)
    assert [frame["data"] for frame in frames if frame["type"] == "complete"] == ["You said: hello"]
    assert not [frame for frame in speaking.frames + choosing.frames if frame["t"] == "error"]
    assert texts(spoken, "bot_delta_chunk") == "You said: good morning"
    assert "response" in {frame["t"] for frame in spoken}

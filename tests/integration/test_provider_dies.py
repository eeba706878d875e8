"""A model service that is killed in mid-conversation: the next provider answers, and people see which one it was."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.applications import sign_in
from tests.support.live_client import CheckedSocket, connect
from tests.support.server_process import ROOT, ServerProcess

CONFIG = """
[[providers]]
id = "first"
type = "openai_chat_completion"
api_base = "{first}"
model = "{model}"

[[providers]]
id = "second"
type = "openai_chat_completion"
api_base = "{second}"
model = "mock:echo"

[profiles.default]
llm = ["first", "second"]
"""


class Upstream:
    """A model service as a process of its own."""

    async def __aenter__(self) -> Upstream:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "astrbot_like.bench.mock_upstream", cwd=ROOT, stdout=asyncio.subprocess.PIPE
        )
        assert self._process.stdout is not None
        async with asyncio.timeout(60):
            self.url = (await self._process.stdout.readline()).decode().strip()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()

    async def kill(self) -> None:
        """``kill -9``."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()


class Talk(CheckedSocket):
    """A live connection, and the dashboard beside it."""

    http: aiohttp.ClientSession

    async def say(self, text: str) -> list[dict[str, Any]]:
        await self.send({"t": "text_input", "text": text})
        frames = await self.until("end")
        return [frame for frame in frames if isinstance(frame, dict)]

    async def health(self) -> dict[str, tuple[str, str]]:
        async with self.http.get("/api/provider/list") as answer:
            listed = (await answer.json())["data"]
        rows = listed["providers"] if isinstance(listed, dict) else listed
        return {row["id"]: (row["health"], row["last_error"]) for row in rows if row["id"] in ("first", "second")}


@asynccontextmanager
async def conversation(data: Path, first: Upstream, second: Upstream, model: str) -> AsyncIterator[Talk]:
    settings = data / "settings.toml"
    settings.write_text(CONFIG.format(first=first.url, second=second.url, model=model))
    async with ServerProcess(data / "data", config=str(settings)) as server, aiohttp.ClientSession(server.url) as http:
        token = await sign_in(http)
        headers = {"Authorization": f"Bearer {token}"}
        address = f"{server.url.replace('http', 'ws', 1)}/api/live_chat/ws?token={token}"
        async with aiohttp.ClientSession(server.url, headers=headers) as dashboard, connect(address) as socket:
            talk = Talk(socket.socket, "live")
            talk.http = dashboard
            yield talk


@pytest.fixture
async def services() -> AsyncIterator[tuple[Upstream, Upstream]]:
    async with Upstream() as first, Upstream() as second:
        yield first, second


def answered_by(frames: list[dict[str, Any]]) -> list[str]:
    """Who answered, as the frames of a turn say it."""
    return [frame["data"]["llm_provider"] for frame in frames if "llm_provider" in (frame.get("data") or {})]


def reply(frames: list[dict[str, Any]]) -> str:
    return "".join(frame["data"]["text"] for frame in frames if frame["t"] == "bot_delta_chunk")


def errors(frames: list[dict[str, Any]]) -> list[str]:
    return [frame["code"] for frame in frames if frame["t"] == "error"]


async def test_the_next_turn_is_answered_by_the_second(tmp_path: Path, services: tuple[Upstream, Upstream]) -> None:
    first, second = services
    async with conversation(tmp_path, first, second, "mock:echo") as talk:
        frames = await talk.say("one")
        assert (reply(frames), answered_by(frames)) == ("You said: one", ["first"])
        assert (await talk.health())["first"] == ("ok", "")
        await first.kill()
        for text in ("two", "three", "four"):
            frames = await talk.say(text)
            assert (reply(frames), answered_by(frames), errors(frames)) == (f"You said: {text}", ["second"], [])
        health = await talk.health()
        assert health["second"] == ("ok", "")
        assert health["first"][0] == "open"
        assert "the connection was refused" in health["first"][1]


async def test_a_turn_without_output_goes_on_with_the_second(
    tmp_path: Path, services: tuple[Upstream, Upstream]
) -> None:
    first, second = services
    async with conversation(tmp_path, first, second, "mock:delay=600") as talk:
        turn = asyncio.create_task(talk.say("one"))
        async with asyncio.timeout(60), aiohttp.ClientSession() as http:
            while True:
                async with http.get(first.url.removesuffix("/v1") + "/mock/stats") as answer:
                    if (await answer.json())["requests"]:
                        break
                await asyncio.sleep(0.01)
        await first.kill()
        frames = await turn
        assert (reply(frames), answered_by(frames), errors(frames)) == ("You said: one", ["second"], [])
        assert (await talk.health())["first"][0] == "failing"


async def test_a_turn_cut_in_its_output_says_so_and_the_next_goes_on(
    tmp_path: Path, services: tuple[Upstream, Upstream]
) -> None:
    first, second = services
    async with conversation(tmp_path, first, second, "mock:tokens=100000,rate=50") as talk:
        await talk.send({"t": "text_input", "text": "one"})
        await talk.until("bot_delta_chunk")
        await first.kill()
        frames = await talk.until("end")
        assert errors([frame for frame in frames if isinstance(frame, dict)]) == ["PROVIDER_ERROR"]
        frames = await talk.say("two")
        assert (reply(frames), answered_by(frames), errors(frames)) == ("You said: two", ["second"], [])

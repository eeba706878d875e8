"""A user, key or session whose tokens are used up is told so, and every turn still ends."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import aiohttp

from astrbot_like.domain.statistics import TurnRecord, UsageLimit
from tests.support.applications import application, make_key
from tests.support.talking import texts
from tests.unit.test_application import _sse
from tests.unit.test_live_turns import house, live


async def test_a_turn_over_the_limit_is_refused_and_ends(tmp_path: Path):
    async with application(tmp_path) as running, aiohttp.ClientSession(running.url) as http:
        assert running.app._stores is not None
        statistics = running.app._stores.statistics
        key = await make_key(http, "chat")
        assert (await _sse(http, key, message="hello"))[-1]["type"] == "end"
        await statistics.set_limit(UsageLimit("user", "alice", "day", 100))
        assert not [f for f in await _sse(http, key, message="still allowed") if f["type"] == "error"]
        statistics.record(
            TurnRecord(turn_id="t", session_id="s", username="alice", at=time.time(), input_tokens=90, output_tokens=10)
        )
        frames = await _sse(http, key, message="one too many")
        [error] = [frame for frame in frames if frame["type"] == "error"]
        assert "100 tokens a day" in error["data"]
        assert frames[-1]["type"] == "end"
        assert any(frame["type"] == "user_message_saved" for frame in frames), "what was said is kept all the same"
        other = await _sse(http, key, message="hello", username="bob")
        assert not [frame for frame in other if frame["type"] == "error"]


async def test_a_provider_over_its_limit_is_passed_over_and_said_when_it_was_the_only_one(tmp_path: Path):
    spare = {"id": "spare", "type": "fake_chat", "reply": "the spare one answers"}
    parts = {"providers": [spare], "profile": {"llm": ["chat", "spare"], "tts": ["nobody"]}}
    async with house(tmp_path, chat={"reply": "the first one answers"}, **parts) as (app, http), live(http) as client:
        statistics = app.app._stores.statistics

        async def ask() -> tuple[str, list[str]]:
            await client.send("text_input", text="hi")
            frames = await client.until("end")
            return texts(frames, "bot_delta_chunk"), [f["data"] for f in frames if f["t"] == "error"]

        await statistics.set_limit(UsageLimit("provider", "chat", "day", 1))
        assert await ask() == ("the first one answers", [])
        async with asyncio.timeout(60):
            while not await statistics._tokens("provider", "chat", "day"):
                await asyncio.sleep(0.01)
        assert await ask() == ("the spare one answers", [])
        await statistics.set_limit(UsageLimit("provider", "*", "day", 1))
        async with asyncio.timeout(60):
            while not await statistics._tokens("provider", "spare", "day"):
                await asyncio.sleep(0.01)
        said, [error] = await ask()
        assert said == ""
        assert error == "The limit of 1 tokens a day for the provider chat is used up."

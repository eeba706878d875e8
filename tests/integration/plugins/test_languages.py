"""The language of the house's texts, and commands that are spoken: in the running application."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from astrbot_like.client import BotClient
from astrbot_like.dashboard.chat.frames import ChatEnd, Plain
from tests.integration.plugins.test_plugins_in_the_house import house, live, said
from tests.support.applications import application, make_key, sign_in
from tests.support.talking import LiveClient, texts


async def ask(client: LiveClient, text: str) -> str:
    await client.send("text_input", text=text)
    return said(await client.until("end"))


async def test_a_user_chooses_a_language_for_all_their_sessions(tmp_path: Path) -> None:
    async with house(tmp_path) as (_, http):
        async with live(http) as client:
            assert "可用指令" in await ask(client, "/help")
            assert "The language is English" in await ask(client, "/language en")
        async with live(http) as client:
            shown = await ask(client, "/help")
            assert "/new - starts a new conversation" in shown
            assert "可用" not in shown
            assert "There are zh" in await ask(client, "/language klingon")
            assert "default one again" in await ask(client, "/language auto")
            assert "可用指令" in await ask(client, "/help")


async def test_a_profile_has_a_language_and_a_client_may_ask_for_another(tmp_path: Path) -> None:
    async with application(tmp_path) as app, aiohttp.ClientSession(app.url) as http, live(http) as client:
        headers = {"Authorization": f"Bearer {await sign_in(http)}"}
        await write_profile(http, headers, {"host": {"language": "en"}})
        assert "Nothing is running" in await ask(client, "/stop")
        await client.send("session_update", data={"language": "zh-CN"})
        assert "没有正在运行" in await ask(client, "/stop")
        await client.send("session_update", data={"language": None})
        assert "Nothing is running" in await ask(client, "/stop")
        await write_profile(http, headers, {"host": {"language": ""}, "voice": {"language": "en-US"}})
        assert "Nothing is running" in await ask(client, "/stop")
        await write_profile(http, headers, {"voice": {}})
        assert "没有正在运行" in await ask(client, "/stop")


async def test_commands_answer_in_the_language_of_the_clients_screen(tmp_path: Path) -> None:
    async with house(tmp_path) as (_, http), live(http) as client:
        await client.send("session_update", data={"locale": "en"})
        assert "Nothing is running" in await ask(client, "/stop")
        # What is spoken wins over what the screen shows, and what the user asked for over both.
        await client.send("session_update", data={"language": "zh-CN"})
        assert "没有正在运行" in await ask(client, "/stop")
        await client.send("session_update", data={"language": None, "locale": "zh-CN"})
        assert "没有正在运行" in await ask(client, "/stop")
        assert "The language is English" in await ask(client, "/language en")
        assert "Nothing is running" in await ask(client, "/stop")


async def test_a_program_names_the_language_of_its_screen(tmp_path: Path) -> None:
    async with (
        house(tmp_path) as (app, http),
        BotClient(app.url, api_key=await make_key(http, "chat"), username="ann") as bot,
    ):
        assert "没有正在运行" in await bot.chat.ask("/stop")
        assert "Nothing is running" in await bot.chat.ask("/stop", locale="en")
        async with bot.chat.connect() as socket:
            await socket.send("/stop", locale="en")
            told: list[str] = []
            async with asyncio.timeout(60):
                while not isinstance(frame := await socket.next(), ChatEnd):
                    told += [frame.data] if isinstance(frame, Plain) else []
            assert "Nothing is running" in "".join(told)


async def test_a_long_answer_of_a_command_is_shown_and_only_announced(tmp_path: Path) -> None:
    async with house(tmp_path) as (_, http), live(http) as client:
        await client.send("session_update", data={"locale": "en"})
        await client.send("text_input", text="/help")
        frames = await client.until("end")
        shown = texts(frames, "bot_delta_chunk")
        assert "/new - starts a new conversation" in shown and len(shown) > 300
        assert texts(frames, "bot_text_chunk") == "The answer is on the screen."
        assert any(frame["t"] == "response" for frame in frames)
        # A short one is read aloud, and so is whatever the model says, however long.
        await client.send("text_input", text="/stop")
        frames = await client.until("end")
        assert "Nothing is running" in texts(frames, "bot_text_chunk")
        await client.send("text_input", text="hear " + "this and " * 40 + "that")
        frames = await client.until("end")
        spoken, told = texts(frames, "bot_text_chunk"), texts(frames, "bot_delta_chunk")
        assert len(told) > 300 and "".join(spoken.split()) == "".join(told.split())


async def write_profile(http: aiohttp.ClientSession, headers: dict[str, str], profile: dict[str, Any]) -> None:
    body = {"id": "default", "profile": profile}
    async with http.post("/api/config/write", json=body, headers=headers) as answer:
        assert answer.status == 200, await answer.text()


@pytest.mark.parametrize(
    ("heard", "expected"),
    [
        ("stop", "没有正在运行"),
        ("Stop.", "没有正在运行"),
        ("stop, what day is it", "You said: stop, what day is it"),
        ("Stop what day is it?", "You said: Stop what day is it?"),
        ("new shoes are expensive", "You said: new shoes are expensive"),
        ("Add 2 5.", "7"),
        ("add 2 5", "7"),
    ],
)
async def test_what_is_said_runs_a_command_only_when_it_is_meant(tmp_path: Path, heard: str, expected: str) -> None:
    async with house(tmp_path, "sample_commands", heard=heard) as (_, http), live(http) as client:
        await client.speak()
        reply = said(await client.until("end"))
    assert expected in reply


async def test_what_is_written_runs_a_command_as_ever(tmp_path: Path) -> None:
    async with house(tmp_path) as (_, http), live(http) as client:
        assert "没有正在运行" in await ask(client, "stop what day is it")

"""The whole house starts, answers on the embedded default, and stops without leaving anything behind."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp

from astrbot_like.host.stores import open_stores
from astrbot_like.runtime.clock import SystemClock
from astrbot_like.storage.settings import StorageSettings
from tests.support.applications import application, make_key, sign_in
from tests.support.frames import check_frame, read_sse


async def _sse(http: aiohttp.ClientSession, key: str, **body: object) -> list[dict]:
    headers = {"X-API-Key": key}
    async with http.post("/api/v1/chat", json={"username": "alice", **body}, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        return [frame async for frame in read_sse(answer.content)]


async def test_a_message_is_answered_streamed_and_kept(tmp_path: Path):
    async with application(tmp_path) as app, aiohttp.ClientSession(app.url) as http:
        key = await make_key(http, "chat")
        frames = await _sse(http, key, message="what is two plus three")
        kinds = [frame["type"] for frame in frames]
        assert kinds[:2] == ["session_id", "user_message_saved"]
        assert kinds[-2:] == ["message_saved", "end"]
        text = "".join(frame["data"] for frame in frames if frame["type"] == "plain")
        assert "5" in text
        assert next(frame["data"] for frame in frames if frame["type"] == "complete") == text
    stores = await open_stores(tmp_path, StorageSettings(), SystemClock(), exclusive=False)
    try:
        kept = await stores.history.after(frames[0]["session_id"], 0)
    finally:
        await stores.aclose()
    assert [(row.role, row.text) for row in kept] == [("user", "what is two plus three"), ("bot", text)]


async def test_live_text_turn_ends_once(tmp_path: Path):
    async with application(tmp_path) as app, aiohttp.ClientSession(app.url) as http:
        token = await sign_in(http)
        async with http.ws_connect(f"/api/live_chat/ws?token={token}") as socket:
            await socket.send_json({"t": "text_input", "text": "hello"})
            frames: list[dict] = []
            while not frames or frames[-1]["t"] != "end":
                frames.append(check_frame(await asyncio.wait_for(socket.receive_str(), 20), "live"))
        assert [frame["t"] for frame in frames].count("end") == 1
        assert any(frame["t"] == "user_msg" and frame["data"]["text"] == "hello" for frame in frames)
        assert any(frame["t"] == "bot_delta_chunk" for frame in frames)


async def test_stopping_leaves_no_task_behind(tmp_path: Path):
    before = asyncio.all_tasks()
    async with application(tmp_path):
        pass
    assert asyncio.all_tasks() - before == set()


async def test_an_engine_that_no_profile_uses_is_not_started(tmp_path: Path):
    # The recogniser alone takes some 250 MB; it comes with its first use.
    providers = [{"id": "other", "type": "espeak_tts", "warm_up": False}]
    async with application(tmp_path, providers=providers, profiles={"default": {"tts": ["other"]}}) as running:
        assert running.app._plugins is not None
        entries = running.app._plugins.directory.entries()
    warmed = {entry.id: entry.config.config.get("warm_up") for entry in entries}
    assert warmed == {"offline": None, "pocketsphinx": True, "espeak": False, "other": False}


async def test_a_quotation_of_no_message_is_answered_or_refused(tmp_path: Path):
    async with application(tmp_path) as app, aiohttp.ClientSession(app.url) as http:
        key = await make_key(http, "chat")
        hello = {"type": "plain", "text": "hello"}
        for name in ("\u00b2", "9" * 100, "0", "mine", 2**53):
            frames = await _sse(http, key, message=[{"type": "reply", "message_id": name}, hello])
            assert [frame["type"] for frame in frames][-2:] == ["message_saved", "end"], name
        for name in (10**30, -1, "9" * 300, True, "", None):
            body = {"username": "alice", "message": [{"type": "reply", "message_id": name}, hello]}
            async with http.post("/api/v1/chat", json=body, headers={"X-API-Key": key}) as answer:
                assert (answer.status, (await answer.json())["data"]["code"]) == (400, "INVALID_MESSAGE_FORMAT"), name

"""Third-party plugins in the running application: commands, tools and hooks by voice and text, web routes."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.applications import RunningApplication, application, sign_in
from tests.support.census import settle
from tests.support.talking import LiveClient, texts

TESTS = Path(__file__).parents[2]
SAMPLES = TESTS / "plugins_on_disk"


@asynccontextmanager
async def house(
    data: Path, *plugins: str, chat: dict[str, Any] | None = None, heard: str = ""
) -> AsyncIterator[tuple[RunningApplication, aiohttp.ClientSession]]:
    shutil.copytree(TESTS / "support" / "fake_providers", data / "plugins" / "fake_providers")
    for name in plugins:
        shutil.copytree(SAMPLES / name, data / "plugins" / name)
    providers = [
        {"id": "chat", "type": "fake_chat", **(chat or {})},
        {"id": "ears", "type": "fake_stt", "text": heard},
        {"id": "mouth", "type": "fake_tts"},
    ]
    profiles = {"default": {"llm": ["chat"], "stt": ["ears"], "tts": ["mouth"]}}
    async with (
        application(data, providers=providers, profiles=profiles) as app,
        aiohttp.ClientSession(app.url) as http,
    ):
        yield app, http


@asynccontextmanager
async def live(http: aiohttp.ClientSession) -> AsyncIterator[LiveClient]:
    token = await sign_in(http)
    async with http.ws_connect(f"/api/live_chat/ws?token={token}", max_msg_size=0) as socket:
        yield LiveClient(socket)


def said(frames: list[dict[str, Any]]) -> str:
    """What was said, streamed or whole."""
    return texts(frames, "bot_delta_chunk") or texts(frames, "bot_msg")


@pytest.mark.parametrize("by_voice", [False, True])
async def test_a_command_by_text_and_by_voice(tmp_path: Path, by_voice: bool) -> None:
    async with house(tmp_path, "sample_commands", heard="add 2 5") as (_, http), live(http) as client:
        if by_voice:
            await client.speak()
        else:
            await client.send("text_input", text="/add 2 5")
        frames = await client.until("end")
    assert "7" in said(frames)
    assert any(frame["t"] == "response" for frame in frames) or not by_voice


async def test_a_tool_is_called_in_a_voice_turn_and_a_hook_changes_the_reply(tmp_path: Path) -> None:
    chat = {"tool": "weather", "tool_args": {"city": "Ulm", "days": ["today"]}, "reply": "Fine weather, pirate"}
    plugins = ("sample_llm", "sample_hooks")
    async with house(tmp_path, *plugins, chat=chat, heard="the weather") as (_, http), live(http) as client:
        await client.speak()
        frames = await client.until("end")
    spoken = said(frames) + texts(frames, "bot_text_chunk") + texts(frames, "bot_msg")
    assert "Fine weather" in spoken
    assert "Arr!" in spoken
    assert any(frame["t"] == "response" for frame in frames)


async def test_a_service_calls_a_bot_at_its_webhook(tmp_path: Path) -> None:
    async with house(tmp_path, "sample_providers") as (app, http):
        headers = {"Authorization": f"Bearer {await sign_in(http)}"}
        config = {"id": "wire-1", "type": "sample_wire", "enable": True, "webhook_uuid": "5a1e"}
        async with http.post("/api/platform/new", json={"config": config}, headers=headers) as made:
            assert (await made.json())["status"] == "ok"

        async def call(method: str, path: str, signature: str = "right", **options: Any) -> tuple[int, str]:
            signed = {"X-Signature": signature}
            async with http.request(method, f"/api/platform/webhook/{path}", headers=signed, **options) as answer:
                return answer.status, await answer.text()

        assert await call("GET", "5a1e?challenge=abc") == (200, "abc")
        assert await call("POST", "5a1e", signature="wrong", json={"text": "hello"}) == (400, "invalid signature")
        status, told = await call("POST", "5a1e", json={"text": "hello"})
        assert (status, json.loads(told)) == (200, {"heard": "hello", "bytes": 17})
        parts = app.app._plugins
        assert parts is not None
        wire = parts.host.context.get_platform_inst("wire-1")
        assert await settle(lambda: wire.out)
        assert (await call("GET", "no-such-bot"))[0] == 404
        status, told = await call("POST", "5a1e", json={})
        assert (status, json.loads(told)["message"]) == (409, "The plugin sample_providers failed to answer: KeyError.")


async def test_web_routes(tmp_path: Path) -> None:
    async with house(tmp_path, "sample_web") as (_, http):
        headers = {"Authorization": f"Bearer {await sign_in(http)}"}

        async def call(method: str, path: str, prefix: str = "/api/plug", **options: Any) -> tuple[int, Any]:
            async with http.request(method, f"{prefix}/sample_web{path}", headers=headers, **options) as answer:
                is_json = answer.content_type == "application/json"
                return answer.status, await (answer.json() if is_json else answer.text())

        assert await call("GET", "/hello?page=4") == (200, {"status": "ok", "data": {"page": 4, "user": "admin"}})
        assert await call("GET", "/items/five") == (200, {"item": "five", "params": {"item": "five"}})
        assert await call("POST", "/items/five", json={"a": 1}) == (
            201,
            {"item": "five", "body": {"a": 1}, "plugin": "sample_web"},
        )
        status, refused = await call("GET", "/items/absent", prefix="/api/v1/plugins/extensions")
        assert (status, refused["status"], refused["message"]) == (404, "error", "no such item")
        assert await call("POST", "/quart", json={"x": 2}) == (200, {"echo": {"x": 2}})
        assert await call("GET", "/tuple") == (418, {"status": "error"})
        for streamed in ("/stream", "/starlette/stream"):
            assert await call("GET", streamed) == (200, "data: 0\n\ndata: 1\n\ndata: 2\n\n")
        assert await call("GET", "/starlette/json") == (202, {"form": "json"})
        assert "SampleWeb" in (await call("GET", "/starlette/file"))[1]
        status, source = await call("GET", "/files/deep/name.txt")
        assert status == 200
        assert "SampleWeb" in source
        assert (await call("GET", "/nothing"))[0] == 404
        async with http.get("/api/plug/sample_web/hello") as answer:
            assert answer.status == 401


async def test_built_in_commands_answer_in_the_web_chat(tmp_path: Path) -> None:
    async with house(tmp_path) as (_, http), live(http) as client:
        for text, part in (("/help", "/new - "), ("/sid", "UMO: 「webchat:FriendMessage:"), ("/provider", "chat")):
            await client.send("text_input", text=text)
            assert part in said(await client.until("end")), text

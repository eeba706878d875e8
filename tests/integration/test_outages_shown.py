"""What people are shown when the service behind the bot fails, and that no secret is shown to anyone."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from astrbot_like.bench.mock_upstream import MockUpstream, start
from tests.integration.test_kills import make_key
from tests.support.applications import application
from tests.support.applications import make_key as key_of
from tests.support.frames import read_sse
from tests.support.live_client import connect
from tests.support.server_process import PASSWORD, USERNAME, ServerProcess

SECRET = "sk-topsecret0123456789abcdef"

OUTAGES = {
    "refused": ("refused", "", "connection was refused"),
    "no such name": ("dns", "", "name is not known"),
    "TLS": ("tls", "", "TLS certificate was not accepted"),
    "401": ("gpt", "mock:error=401", "refused the API key"),
    "429": ("gpt", "mock:error=429", "rate limit"),
    "500": ("gpt", "mock:error=500", "fault of its own"),
    "cut": ("gpt", "mock:cut=2", "broke off"),
    "hangs": ("gpt", "mock:hang=2", "no further output"),
    "silent": ("gpt", "mock:delay=30", "no answer"),
    "garbage": ("gpt", "mock:garbage", "not of its protocol"),
    "drops": ("gpt", "mock:drop", "closed the connection"),
}


@pytest.fixture
async def upstream() -> AsyncIterator[str]:
    runner, url = await start(MockUpstream())
    yield url
    await runner.cleanup()


async def test_every_outage_is_told_and_ends_the_turn(tmp_path: Path, upstream: str):
    def provider(name: str, base: str) -> dict:
        options = {"type": "openai_chat_completion", "key": [SECRET], "model": "mock", "timeout": 1.0}
        return {"id": name, "api_base": base, **options}

    bases = {"gpt": upstream, "refused": "http://127.0.0.1:9/v1", "dns": "http://nowhere.invalid/v1"}
    bases["tls"] = upstream.replace("http", "https", 1)
    providers = [provider(name, base) for name, base in bases.items()]
    profiles = {name: {"llm": [name], "name": name} for name in bases} | {"default": {"llm": ["gpt"]}}
    told: dict[str, str] = {}
    async with (
        application(tmp_path, providers=providers, profiles=profiles) as running,
        aiohttp.ClientSession(running.url) as http,
    ):
        headers = {"X-API-Key": await key_of(http, "chat")}
        for name, (provider_id, model, _) in OUTAGES.items():
            body = {"message": "hello", "username": "ann", "config_id": provider_id, "selected_model": model or None}
            body["session_id"] = f"s-{provider_id}"
            async with http.post("/api/v1/chat", json=body, headers=headers) as answer:
                frames = [frame async for frame in read_sse(answer.content)]
            assert frames[-1]["type"] == "end"
            errors = [frame for frame in frames if "code" in frame]
            told[name] = f"{errors[0]['code']}: {errors[0]['data']}" if errors else f"nothing: {frames}"
    print("\n".join(f"{name}: {text}" for name, text in told.items()))
    for name, (provider_id, _, words) in OUTAGES.items():
        assert re.match(r"PROVIDER_ERROR|TIMEOUT", told[name]), (name, told[name])
        assert re.search(words, told[name]), (name, told[name])
        assert provider_id in told[name], (name, told[name])
        assert SECRET not in told[name]


async def test_no_secret_is_in_what_a_whole_run_prints_or_logs(tmp_path: Path, upstream: str):
    """Passwords, tokens, keys of ours and of services, used in every place where they may stand."""
    settings = tmp_path / "settings.toml"
    settings.write_text(
        f'[[providers]]\nid = "gpt"\ntype = "openai_chat_completion"\nkey = ["{SECRET}"]\napi_base = "{upstream}"\n'
        'model = "mock:error=401"\n[profiles.default]\nllm = ["gpt"]\n'
    )
    data = tmp_path / "data"
    async with ServerProcess(data, config=str(settings), log_level="debug") as server:
        key = await make_key(server.url)
        async with aiohttp.ClientSession(server.url) as http:
            wrong = "not-the-password-7"
            await http.post("/api/auth/login", json={"username": USERNAME, "password": wrong})
            login = {"username": USERNAME, "password": PASSWORD}
            token = (await (await http.post("/api/auth/login", json=login)).json())["data"]["token"]
            for place in ({"api_key": key}, {"key": key}):
                body = {"message": "hello", "username": "ann"}
                async with http.post("/api/v1/chat", params=place, json=body) as answer:
                    frames = [frame async for frame in read_sse(answer.content)]
                assert "error" in [frame.get("t") or frame["type"] for frame in frames]
            for path in (f"/api/live_chat/ws?token={token}", f"/api/v1/live/ws?api_key={key}&username=ann"):
                async with connect(server.url.replace("http", "ws", 1) + path) as client:
                    await client.send(f'{{"t":"text_input","text":"hi","api_key":"{key}"')
                    await client.until("error")
            await http.get("/api/v1/configs", headers={"Authorization": f"Bearer {key[:-1]}"})
            await http.get(f"/api/nowhere?token={token}&api_key={key}")
            new = {"name": "n", "config": {"id": "x", "type": "openai_chat_completion", "key": [SECRET]}}
            await http.post("/api/provider/new", json=new, headers={"Authorization": f"Bearer {token}"})
            async with http.get("/api/log/history", headers={"Authorization": f"Bearer {token}"}) as answer:
                shown = await answer.text()
            assert answer.status == 200
        assert await server.stop() == 0
        output = server.output
    assert "sign-in failed" in output, "the log was read"
    secrets = {"password": PASSWORD, "wrong": wrong, "token": token, "api key": key, "service key": SECRET}
    written = {"output": output, "log page": shown} | {
        str(path.relative_to(data)): path.read_text("utf-8", "replace")
        for folder, _, names in os.walk(data)
        for path in (Path(folder) / name for name in names)
    }
    for name, secret in secrets.items():
        for place, text in written.items():
            assert secret not in text, f"the {name} is in {place}"

"""Keys in the environment and a local Ollama are offered at the first start, and used only when somebody says so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from astrbot_like.operations.provider_detection import ProviderDetection
from tests.standins.ollama import Ollama
from tests.support.applications import application, sign_in
from tests.support.talking import LiveClient, texts

ROOT = Path(__file__).parents[2]
LIBRARIES = (
    "anthropic", "google.genai", "openai", "edge_tts", "miniaudio", "faster_whisper", "ctranslate2", "sherpa_onnx",
    "piper", "onnxruntime", "tokenizers", "dashscope",
)  # fmt: skip
KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY")


async def test_what_is_found_is_offered_and_not_used_before_somebody_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Ollama().running() as ollama:
        monkeypatch.setenv("OLLAMA_HOST", ollama.url)
        monkeypatch.setenv("OPENAI_BASE_URL", f"{ollama.url}/v1")
        for name in KEYS:
            monkeypatch.setenv(name, f"sk-secret-of-{name}")
        async with application(tmp_path) as app, aiohttp.ClientSession(app.url) as http:
            headers = {"Authorization": f"Bearer {await sign_in(http)}"}

            async def ask(path: str, body: dict[str, Any] | None = None) -> Any:
                method = "GET" if body is None else "POST"
                async with http.request(method, f"/api/{path}", json=body, headers=headers) as answer:
                    assert answer.status == 200, await answer.text()
                    return (await answer.json())["data"]

            async def said(client: LiveClient) -> str:
                await client.send("text_input", text="hello")
                return texts(await client.until("end"), "bot_delta_chunk")

            token = headers["Authorization"].removeprefix("Bearer ")
            async with http.ws_connect(f"/api/live_chat/ws?token={token}", max_msg_size=0) as socket:
                client = LiveClient(socket)
                assert "offline assistant" in await said(client)
                assert ollama.requests == [], "nobody was asked before anybody said so"
                found = (await ask("provider/detected"))["found"]
                assert [one["name"] for one in found] == ["OpenAI", "Anthropic", "Google Gemini", "Ollama"]
                assert "sk-secret" not in str(found)
                assert found[0]["config"]["key"] == ["env:OPENAI_API_KEY"]
                assert found[0]["config"]["api_base"] == f"{ollama.url}/v1"
                assert found[-1]["models"] == ["qwen3:latest"]
                assert "offline assistant" in await said(client)
                assert [request.path for request in ollama.requests] == ["/api/tags"]

                await ask("provider/new", {"config": found[-1]["config"]})
                await ask("config/write", {"id": "default", "profile": {"llm": ["ollama"]}})
                assert await said(client) == ollama.reply
                assert ollama.last.body["model"] == "qwen3:latest"
                assert "Ollama" not in [one["name"] for one in (await ask("provider/detected"))["found"]]


async def test_an_address_without_a_key_and_nothing_at_all() -> None:
    nowhere = "http://127.0.0.1:9"
    detection = ProviderDetection({"OPENAI_BASE_URL": "http://127.0.0.1:8000/v1"}, nowhere)
    [found] = await detection.find()
    assert (found.name, found.config["api_base"], found.config["key"]) == (
        "OpenAI compatible", "http://127.0.0.1:8000/v1", [],
    )  # fmt: skip
    assert await ProviderDetection({"OPENAI_API_KEY": " "}, nowhere).find() == []
    assert await ProviderDetection({}, "not an address at all://").find() == []


def test_a_host_whose_profiles_name_none_of_them_loads_no_provider_library(tmp_path: Path) -> None:
    program = f"""
import asyncio, sys
from pathlib import Path
from tests.support.applications import application

async def main():
    async with application(Path({str(tmp_path)!r})):
        print(*(name for name in {LIBRARIES!r} if name in sys.modules))

asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "", f"loaded: {done.stdout}"

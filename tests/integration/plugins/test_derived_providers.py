"""A third party's chat provider that derives from AstrBot's own class, against a service of the test's."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from aiohttp import web

from tests.integration.plugins.test_plugins_in_the_house import live, said
from tests.support.applications import application

PLUGIN = """
from astrbot.api.star import Context, Star
from astrbot.core.provider.register import register_provider_adapter
from astrbot.core.provider.sources.openai_source import ProviderOpenAIOfficial
from astrbot.core.provider.sources.request_retry import retry_provider_request


class Main(Star):
    def __init__(self, context: Context):
        super().__init__(context)


@register_provider_adapter("fixed_base_chat", "OpenAI's protocol at one address", default_config_tmpl={"address": ""})
class FixedBase(ProviderOpenAIOfficial):
    def __init__(self, provider_config, provider_settings):
        super().__init__({**provider_config, "api_base": provider_config["address"]}, provider_settings)

    async def get_models(self):
        return [name.upper() for name in await retry_provider_request("x", super().get_models)]
"""


@asynccontextmanager
async def service() -> AsyncIterator[str]:
    """Says which model was asked and what the user said, as OpenAI's Chat Completions would."""

    async def chat(request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        text = f"{asked['model']} heard {asked['messages'][-1]['content']}"
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        piece = {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": "stop"}]}
        await response.write(f"data: {json.dumps(piece)}\n\ndata: [DONE]\n\n".encode())
        return response

    app = web.Application()
    app.router.add_post("/chat/completions", chat)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_it_answers_through_the_bundled_plugin(tmp_path: Path) -> None:
    folder = tmp_path / "plugins" / "fixed_base"
    folder.mkdir(parents=True)
    (folder / "main.py").write_text(PLUGIN, "utf-8")
    (folder / "metadata.yaml").write_text("name: fixed_base\nauthor: a\nversion: '1'\ndesc: d\n", "utf-8")
    async with service() as address:
        provider = {"id": "mine", "type": "fixed_base_chat", "address": address, "key": ["k"], "model": "small"}
        parts = {"providers": [provider], "profiles": {"default": {"llm": ["mine"], "tts": []}}}
        async with application(tmp_path, **parts) as app, aiohttp.ClientSession(app.url) as http, live(http) as client:
            await client.send("text_input", text="hello there")
            assert said(await client.until("end")) == "small heard hello there"

"""Plugins that misbehave in the running application: each is contained, named and shown, and a conversation goes on."""

from __future__ import annotations

import asyncio
import shutil
import threading
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.applications import application, sign_in
from tests.support.census import settle
from tests.support.plugin_hosts import write_plugin
from tests.support.talking import LiveClient, texts

FAKES = Path(__file__).parents[2] / "support" / "fake_providers"

BLOCKS = """
import time
class Main(Star):
    @filter.command("block")
    async def block(self, event):
        time.sleep(0.6)
        yield event.plain_result("blocked")
"""
SPAWNS = """
import asyncio, threading
class Main(Star):
    def __init__(self, context):
        super().__init__(context)
        self.stop = threading.Event()
    async def initialize(self):
        for _ in range(50):
            asyncio.create_task(self.forever())
        threading.Thread(target=self.work, name="spawned-by-plugin", daemon=True).start()
    async def forever(self):
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                await asyncio.sleep(0)
                raise
    def work(self):
        self.stop.wait(60)
    async def terminate(self):
        threading.Timer(0.2, self.stop.set).start()
"""
RAISES = """
class Main(Star):
    @filter.command("raise")
    async def fails(self, event):
        raise RuntimeError("on purpose")
    @filter.on_llm_request()
    async def hook(self, event, req):
        raise RuntimeError("in a hook")
    @filter.on_decorating_result()
    async def hangs(self, event):
        import asyncio
        await asyncio.sleep(3600)
"""


async def plugins_of(http: aiohttp.ClientSession, token: str) -> dict[str, Any]:
    async with http.get("/api/plugin/get", headers={"Authorization": f"Bearer {token}"}) as answer:
        found = (await answer.json())["data"]["plugins"]
    return {plugin["name"]: plugin for plugin in found}


async def test_each_is_contained_named_and_shown(tmp_path: Path) -> None:
    folder = tmp_path / "plugins"
    shutil.copytree(FAKES, folder / "fake_providers")
    write_plugin(folder, "a_syntax", "class Main(Star:\n    pass\n")
    write_plugin(folder, "b_lacks", "import zz_not_there\nclass Main(Star): pass\n", requirements__txt="zz-not-there\n")
    write_plugin(
        folder, "c_init", "class Main(Star):\n    async def initialize(self):\n        raise ValueError('no')\n"
    )
    write_plugin(folder, "d_blocks", BLOCKS)
    write_plugin(folder, "e_spawns", SPAWNS)
    write_plugin(folder, "f_raises", RAISES)
    parts = {
        "providers": [{"id": "chat", "type": "fake_chat"}],
        "profiles": {"default": {"llm": ["chat"]}},
        "plugins": {"hook_timeout": 0.2, "loop_lag_limit": 0.1, "pip_arguments": ["--no-index"]},
    }
    async with application(tmp_path, **parts) as running, aiohttp.ClientSession(running.url) as http:
        token = await sign_in(http)
        async with http.ws_connect(f"/api/live_chat/ws?token={token}", max_msg_size=0) as socket:
            client = LiveClient(socket)

            async def talk(text: str) -> str:
                await client.send("text_input", text=text)
                frames = await client.until("end")
                return texts(frames, "bot_delta_chunk") or texts(frames, "bot_msg")

            assert await talk("hello")
            assert "在调用插件 f_raises 的处理函数 fails 时出现异常：on purpose" in await talk("/raise")
            assert await talk("/block") == "blocked"
            assert await talk("and on it goes")
            async with asyncio.timeout(60):
                shown = await plugins_of(http, token)
                while not shown["d_blocks"]["blocked"] or shown["b_lacks"]["failure"]["stage"] != "requirements":
                    await asyncio.sleep(0.05)
                    shown = await plugins_of(http, token)
        assert (shown["a_syntax"]["state"], shown["a_syntax"]["failure"]["where"]) == ("failed", "main.py:5")
        assert "zz_not_there is missing" in shown["b_lacks"]["failure"]["reason"]
        assert shown["c_init"]["failure"]["reason"] == "ValueError: no"
        assert shown["c_init"]["failure"]["stage"] == "initialize"
        assert shown["d_blocks"]["blocked"][0]["where"] == "main.py:10 in block"
        stages = {problem["stage"] for problem in shown["f_raises"]["problems"]}
        assert {"handler fails", "hook hook", "hook hangs"} <= stages

        before = len(asyncio.all_tasks())
        async with http.post(
            "/api/plugin/off", json={"name": "e_spawns"}, headers={"Authorization": f"Bearer {token}"}
        ) as answer:
            assert answer.status == 200
        assert len(asyncio.all_tasks()) <= before - 50
        assert (await plugins_of(http, token))["e_spawns"]["left_threads"] == ["spawned-by-plugin"]
    assert await settle(lambda: "spawned-by-plugin" not in {thread.name for thread in threading.enumerate()})

"""The built-in commands, on the real host and engine."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from astrbot_like.api.testing import Answer, FakeChatProvider, FakeTTSProvider, PluginTester
from astrbot_like.plugin_host import discovery
from tests.support.census import settle

FOLDER = Path(__file__).parents[3] / "plugins" / "builtin_commands"
ADMIN = {"sender": "1"}


@pytest_asyncio.fixture
async def tester() -> AsyncIterator[PluginTester]:
    providers = [FakeChatProvider("first"), FakeChatProvider("second", provider_id="other"), FakeTTSProvider()]
    async with PluginTester(FOLDER, providers=providers, config={"admins_id": ["1"]}) as made:
        made.plugin("builtin_commands")
        yield made


async def said(tester: PluginTester, text: str, **options: str) -> str:
    return (await tester.say(text, **options)).text


async def test_help_shows_what_the_sender_may_use(tester: PluginTester) -> None:
    shown = await said(tester, "/help")
    assert "/new - 新建对话" in shown
    assert "/provider" not in shown
    assert "/provider - 查看或切换提供商" in await said(tester, "/help", **ADMIN)
    assert "keep_silent" not in shown


async def test_sid(tester: PluginTester) -> None:
    assert "UMO: 「test:FriendMessage:10001」\nUID: 「10001」" in await said(tester, "/sid")
    assert "群组 ID: 「77」" in await said(tester, "/sid", group="77")


async def test_conversations(tester: PluginTester) -> None:
    assert await said(tester, "hello") == "first"
    assert "User: hello" in await said(tester, "/history")
    assert await said(tester, "/rename my title") == "✅ 对话已重命名为: my title"
    assert re.fullmatch(r"✅ 已切换到新对话: \w{4}。", await said(tester, "/new second"))
    assert await said(tester, "/history") == "当前对话还没有内容。"
    listed = await said(tester, "/ls")
    assert "my title" in listed
    number = re.search(r"(\d)\. my title", listed)
    assert number is not None
    assert "已切换到对话: my title" in await said(tester, f"/switch {number[1]}")
    assert "Assistant: first" in await said(tester, "/history")
    assert await said(tester, "/reset") == "✅ 对话已重置。"
    assert await said(tester, "/history") == "当前对话还没有内容。"
    assert "已删除对话" in await said(tester, "/del")
    assert await said(tester, "/switch 99") == "没有找到: 99"
    assert "必要参数缺失" in await said(tester, "/switch")


async def test_groups_ask_an_administrator(tester: PluginTester) -> None:
    assert "没有权限" in await said(tester, "/reset", group="5")
    assert "没有权限" not in await said(tester, "/reset", group="5", **ADMIN)


async def test_providers_and_models(tester: PluginTester) -> None:
    assert "权限不足" in await said(tester, "/provider")
    listed = await said(tester, "/provider", **ADMIN)
    assert "1. fake-chat (fake) ← 使用中" in listed
    assert "3. fake-tts" in listed
    assert await said(tester, "/provider 2", **ADMIN) == "✅ 本会话的对话模型已切换为 other。"
    assert await said(tester, "hello", **ADMIN) == "second"
    assert await said(tester, "hello") == "first"
    assert await said(tester, "/provider fake-chat", **ADMIN) == "✅ 本会话的对话模型已切换为 fake-chat。"
    assert await said(tester, "/provider absent", **ADMIN) == "没有找到: absent"
    assert "1. fake" in await said(tester, "/model", **ADMIN)
    assert await said(tester, "/model big-one", **ADMIN) == "✅ 模型已切换为 big-one。"
    assert "当前: big-one" in await said(tester, "/model", **ADMIN)


async def test_personas(tester: PluginTester) -> None:
    await tester.context.persona_manager.create_persona("cat", "You are a cat.")
    assert "- cat" in await said(tester, "/persona")
    assert await said(tester, "/persona cat") == "✅ 人格已设置为 cat。"
    await said(tester, "hello")
    chat = tester.context.get_provider_by_id("fake-chat")
    assert "You are a cat." in chat.calls[-1]["system_prompt"]
    assert "已取消人格" in await said(tester, "/persona unset")
    await said(tester, "hello")
    assert "You are a cat." not in (chat.calls[-1]["system_prompt"] or "")
    assert await said(tester, "/persona dog") == "没有找到: dog"


async def test_silence(tester: PluginTester) -> None:
    assert await said(tester, "/llm", **ADMIN) == "✅ 本会话的模型回复已关闭。"
    assert await said(tester, "hello", **ADMIN) == ""
    assert await said(tester, "hello") == "first"
    assert await said(tester, "/llm", **ADMIN) == "✅ 本会话的模型回复已开启。"
    assert await said(tester, "hello", **ADMIN) == "first"


async def test_administration(tester: PluginTester) -> None:
    assert await said(tester, "/op 10001", **ADMIN) == "✅ 10001 已成为管理员。"
    assert "fake-chat" in await said(tester, "/provider")
    assert await said(tester, "/deop 10001", **ADMIN) == "✅ 10001 不再是管理员。"
    assert "权限不足" in await said(tester, "/provider")
    assert await said(tester, "/wl 10001", **ADMIN) == "✅ 10001 已加入白名单。"
    assert await said(tester, "hello", sender="9") == ""
    assert await said(tester, "hello") == "first"
    assert await said(tester, "/dwl 10001", **ADMIN) == "✅ 10001 已移出白名单。"
    assert await said(tester, "/set color deep red") == "✅ 会话变量 color 已设置。"
    assert await said(tester, "/unset color") == "✅ 会话变量 color 已删除。"
    assert await said(tester, "/unset color") == "没有找到: color"
    assert "builtin_commands 1.0.0" in await said(tester, "/plugin", **ADMIN)
    assert "/help - " in await said(tester, "/plugin builtin_commands", **ADMIN)
    assert "失败" in await said(tester, "/plugin on absent", **ADMIN)
    assert await said(tester, "/plugin off", **ADMIN) == "用法: /plugin on|off|reload 名称"
    assert "📊" in await said(tester, "/stats")


async def test_stop_ends_what_is_running(tester: PluginTester) -> None:
    chat = tester.context.get_provider_by_id("fake-chat")
    chat.script = [Answer(hang=True)]
    running = asyncio.create_task(tester.say("tell me everything"))
    assert await settle(lambda: chat.calls)
    assert await said(tester, "/stop") == "✅ 已请求停止 1 个正在运行的任务。"
    assert (await running).texts == []
    assert chat.cancelled == 1
    assert await said(tester, "/stop") == "✅ 当前会话没有正在运行的任务。"


async def test_switched_off_by_configuration() -> None:
    async with PluginTester(FOLDER, config={"disable_builtin_commands": True}) as tester:
        assert await said(tester, "/help") == "fake answer"


def test_it_is_bundled() -> None:
    assert discovery.bundled_folder() is not None
    found = discovery.discover(None, bundled=discovery.bundled_folder(), entry_points=False)
    assert "builtin_commands" in [source.directory for source in found]

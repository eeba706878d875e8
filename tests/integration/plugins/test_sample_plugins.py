"""Plugins on disk, written as third parties write them (importing only ``astrbot…``), on the real host and engine."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from astrbot_like.api.message_components import At, Plain, Record
from astrbot_like.api.testing import (
    Answer,
    FakeChatProvider,
    FakeEmbeddingProvider,
    FakeTTSProvider,
    PluginTester,
    Reply,
    ToolRequest,
)
from tests.support.census import settle

ROOT = Path(__file__).parents[2] / "plugins_on_disk"
SAMPLES = sorted(folder.name for folder in ROOT.iterdir() if folder.name.startswith("sample_"))


def samples(*names: str, **options: Any) -> PluginTester:
    return PluginTester(*(ROOT / name for name in names), **options)


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_import_only_astrbot(name: str) -> None:
    for file in (ROOT / name).rglob("*.py"):
        assert not re.search(r"astrbot_like", file.read_text()), file


async def test_all_samples_load_side_by_side() -> None:
    async with samples(*SAMPLES) as tester:
        for name in SAMPLES:
            assert tester.plugin(name).active, name


# --- commands --------------------------------------------------------------------------------------


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def commands() -> AsyncIterator[PluginTester]:
    async with samples(
        "sample_commands", providers=[FakeChatProvider("from the model")], config={"admins_id": ["1"]}
    ) as tester:
        tester.plugin("sample_commands")
        yield tester


MODEL = ["from the model"]
SAID: list[tuple[str, dict[str, str], list[str]]] = [
    ("/add 2", {}, ["3"]),
    ("add 2 5 surplus", {}, ["7"]),
    ("/加 2", {}, ["3"]),
    ("/plus one 2", {}, ["3"]),
    ("/add", {}, ["插件 sample_commands: 必要参数缺失。该指令完整参数: a(int),b(int)=1"]),
    ("/add x", {}, ["插件 sample_commands: 参数 a 类型错误。完整参数: a(int),b(int)=1"]),
    ("/two   words  the   rest of it", {}, ["<the rest of it>"]),
    ("/maybe", {}, ["(None, False, 0.5)"]),
    ("/maybe 12 yes 2", {}, ["(12, True, 2.0)"]),
    ("/maybe x maybe", {}, ["插件 sample_commands: 参数 flag 类型错误。完整参数: *"]),
    ("/echo  two  spaces ", {}, ["two  spaces"]),
    ("/many", {}, ["one", "two"]),
    ("/returned", {}, ["returned"]),
    ("/resultset", {}, ["set"]),
    ("/strresult", {}, ["as text more"]),
    ("/sent", {}, ["at once", "and again"]),
    ("/chain", {}, ["[At] hi", "made"]),
    ("/quiet", {}, []),
    ("/cleared", {}, ["seen"]),
    ("/stopped", {}, ["after stop"]),
    ("/stopresult", {}, ["last words"]),
    ("/broken", {}, [":(\n\n在调用插件 sample_commands 的处理函数 broken 时出现异常：as planned"]),
    ("/secret", {"sender": "1"}, ["for admins"]),
    ("/secret", {}, ["您(ID: 10001)的权限不足以使用此指令。通过 /sid 获取 ID 并请管理员添加。"]),
    ("/hidden", {"sender": "1"}, ["hidden from others"]),
    ("/hidden", {}, MODEL),
    ("2d6", {"group": "5"}, ["dice 2d6"]),
    ("/vip", {"nickname": "vip"}, ["welcome"]),
    ("/vip", {}, MODEL),
    ("HELLO", {"nickname": "vip", "group": "5"}, ["no need to shout"]),
    ("hello", {"nickname": "vip", "group": "5"}, []),
    ("both?", {"group": "5"}, ["both"]),
    ("group?", {"group": "5"}, ["group"]),
    ("group?", {}, ["private"]),
    ("/math mul 6 7", {}, ["42"]),
    ("/m x 6 7", {}, ["42"]),
    ("/m deep er", {}, ["deeper"]),
    ("/m reset", {"sender": "1"}, ["reset"]),
    ("/m reset", {}, ["您(ID: 10001)的权限不足以使用此指令。*"]),
    ("/m unknown", {}, MODEL),
    (
        "/math",
        {},
        [
            "插件 sample_commands: 参数不足。math 指令组下有如下指令，请参考：\nmath\n"
            "├── mul (a(int),b(int)): multiplies\n├── reset (无参数指令)\n├── deep\n│   ├── er (无参数指令)\n"
        ],
    ),
    ("/menu", {}, ["add ['plus one', '加'] ['a', 'b'] adds two numbers\nmath 3"]),
    ("/unknown", {}, MODEL),
    ("add 2", {"group": "5"}, []),
    ("unheard", {"group": "5"}, []),
]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("text", "options", "expected"), SAID)
async def test_commands(commands: PluginTester, text: str, options: dict[str, str], expected: list[str]) -> None:
    reply = await commands.say(text, **options)  # type: ignore[arg-type]
    assert len(reply.texts) == len(expected), reply.texts
    for said, wanted in zip(reply.texts, expected, strict=True):
        assert said.startswith(wanted[:-1]) if wanted.endswith("*") else said.rstrip("\n") == wanted.rstrip("\n")


@pytest.mark.asyncio(loop_scope="module")
async def test_facts_of_an_event(commands: PluginTester) -> None:
    [text] = (await commands.say([At(qq="bot"), Plain("/who")], group="5")).texts
    assert text.split("|") == [
        "10001", "tester", "5", "bot", "test", "test", "test:GroupMessage:5", "5", "test:GroupMessage:5", "5", "who",
        "[At:bot] /who", "GroupMessage", "False", "False", "True", "member", "test", "test", "10001", "tester", "5",
        "bot", "True", "None", "True", "/who", "GroupMessage", "2", "2", str(Group5), "default",
    ]  # fmt: skip
    assert commands.star("sample_commands").seen[-1] == "[At:bot] /who"


class _Group5:
    def __str__(self) -> str:
        from astrbot_like.api.platform import Group

        return str(Group(group_id="5"))


Group5 = _Group5()


@pytest.mark.asyncio(loop_scope="module")
async def test_a_mention_of_somebody_else_does_not_wake(commands: PluginTester) -> None:
    assert (await commands.say([At(qq="other"), Plain("/add 2")], group="5")).texts == []
    assert (await commands.say([At(qq="bot"), Plain("add 2")], group="5")).texts == ["3"]


# --- hooks -----------------------------------------------------------------------------------------


async def test_hooks_around_the_model() -> None:
    chat = FakeChatProvider(Answer(tools=[ToolRequest("weather", {"city": "Ulm", "days": ["today"]})]), "Ahoy pirate")
    async with samples("sample_hooks", "sample_llm", providers=[chat]) as tester:
        trail = tester.star("sample_hooks").trail
        assert trail[0] == "initialize"
        assert trail[-2:] == ["platform_loaded", "astrbot_loaded"]
        assert "plugin_loaded sample_llm" in trail
        trail.clear()
        reply = await tester.say("a secret wish")
        assert reply.chains[0].get_plain_text() == "Ahoy sailor Arr!"
        assert reply.texts == ["Ahoy sailor Arr! [Face]"]
        trail.remove("plugin_error sample_hooks.fails_and_is_skipped: a broken decorator disturbs nobody")
        assert trail == [
            "waiting_llm_request",
            "llm_request a secret wish",
            "agent_begin True",
            "using_llm_tool weather {'city': 'Ulm', 'days': ['today']}",
            "llm_tool_respond weather",
            "llm_response assistant Ahoy pirate",
            "agent_done Ahoy pirate Arr!",
            "decorating_result True Ahoy pirate Arr!",
            "after_message_sent",
        ]
        assert "Speak like a pirate." in chat.calls[0]["system_prompt"]
        assert "***" in str(chat.calls[0]["prompt"]) + str(chat.calls[0].get("contexts"))
        assert "sunny in Ulm on today" in str(chat.calls[1])


async def test_hooks_cancel_and_suppress() -> None:
    chat = FakeChatProvider("never")
    async with samples("sample_hooks", providers=[chat]) as tester:
        assert (await tester.say("please cancel")).texts == []
        assert (await tester.say("please refuse")).texts == ["not today [Face]"]
        assert (await tester.say("are you too busy?")).texts == ["come back later [Face]"]
        assert chat.calls == []
        assert (await tester.say("suppress this")).texts == []
        assert len(chat.calls) == 1
        trail = tester.star("sample_hooks").trail
        assert (await tester.say("/fail loud")).texts[0].startswith(":(")
        assert trail.count("plugin_error sample_hooks.fail: loud") == 1
        await tester.say("/fail swallow")
        assert "plugin_error sample_hooks.fail: swallow" in trail
        await tester.host.reload("sample_hooks")
        assert "terminate" in trail


# --- models and tools ------------------------------------------------------------------------------


async def llm(text: str, *script: Any, providers: tuple[Any, ...] = ()) -> tuple[Reply, FakeChatProvider]:
    chat = FakeChatProvider(*script)
    async with samples("sample_llm", providers=[chat, *providers]) as tester:
        tester.plugin("sample_llm")
        return await tester.say(text), chat


CALLS: list[tuple[str, tuple[Any, ...], list[str]]] = [
    ("/ask how is it", ("fine",), ["fine"]),
    ("/talk", ("continued",), ["continued"]),
    ("/generate", ("made",), ["assistant: made"]),
    (
        "/direct",
        (Answer("one two", reasoning="hm"),),
        ["one two fake fake-chat fake-chat 4 True None hm [] {}"],
    ),
    ("/agent", (Answer(tools=[ToolRequest("lookup", {"word": "x"})]), "looked up"), ["agent: looked up"]),
    ("/all_tools", (Answer(tools=[ToolRequest("lookup", {"word": "x"})]), "looked up"), ["agent: looked up"]),
    ("/voices", ("x",), ["True 1 embedding"]),
    ("/tools", ("x",), ["late lookup silent weather 4"]),
    ("/history", ("x",), ["1 2 True True"]),
    ("/knowledge", ("x",), ["1 1 Tomato soup needs tomatoes."]),
    ("/persona", ("x",), ["default True ['default'] True 1"]),
    ("show me", (Answer(tools=[ToolRequest("picture")]), "never"), ["[the picture itself]"]),
    ("hush", (Answer(tools=[ToolRequest("silent")]), "and more"), ["done silently", "and more"]),
    ("what is x", (Answer(tools=[ToolRequest("lookup", {"word": "x"})]), "an x"), ["an x"]),
]


@pytest.mark.parametrize(("text", "script", "expected"), CALLS)
async def test_models_and_tools(text: str, script: tuple[Any, ...], expected: list[str]) -> None:
    reply, _chat = await llm(text, *script, providers=(FakeTTSProvider(), FakeEmbeddingProvider()))
    assert reply.texts == expected


async def test_what_the_model_sees() -> None:
    _reply, chat = await llm("/ask how is it", "fine")
    call = chat.calls[0]
    assert "Be brief." in call["system_prompt"]
    assert call["func_tool"].names() == ["weather"]
    assert "earlier" in str(call["contexts"])
    _reply, chat = await llm("with parts please", "fine")
    assert "an extra part" in str(chat.calls[0])
    assert "slipped in" in str(chat.calls[0])
    _reply, chat = await llm("what is x", Answer(tools=[ToolRequest("lookup", {"word": "x"})]), "an x")
    assert "x for 10001 within 120 s" in str(chat.calls[1])


async def test_a_temporary_part_is_for_one_request_only() -> None:
    chat = FakeChatProvider("fine", "well")
    async with samples("sample_llm", providers=[chat]) as tester:
        await tester.say("with parts please")
        await tester.say("and now")
    remembered = str(chat.calls[1]["contexts"])
    assert "with parts please" in remembered
    assert "an extra part" not in remembered


# --- waiting ---------------------------------------------------------------------------------------


async def begin(tester: PluginTester, text: str, **options: Any) -> asyncio.Task[Reply]:
    task = asyncio.create_task(tester.say(text, **options))
    assert await settle(lambda: len(tester.host.waiters))
    return task


async def test_waiting_for_the_next_message() -> None:
    async with samples("sample_waiter", providers=[FakeChatProvider("from the model")]) as tester:
        task = await begin(tester, "/guess")
        assert (await tester.say("other session", sender="2")).texts == ["from the model"]
        assert (await tester.say("5")).texts == ["no"]
        assert (await tester.say("/guess")).texts == ["no"]
        assert (await tester.say("7")).texts == ["yes, after 3"]
        assert (await task).texts == ["guess a number", "over"]
        assert (await tester.say("7")).texts == ["from the model"]
        task = await begin(tester, "/guess")
        assert (await tester.say("explode")).texts == []
        assert (await task).texts == ["guess a number", "error 'asked for'"]
        assert (await tester.say("/soon")).texts == ["timed out"]
        task = await begin(tester, "/vote", group="9")
        await tester.say("me", group="9", sender="a")
        await tester.say("me", group="9", sender="b")
        assert (await task).texts == ["votes: a, b"]
        assert len(tester.host.waiters) == 0


# --- configuration, values, files ------------------------------------------------------------------


async def test_configuration_values_and_files(tmp_path: Path) -> None:
    saved = {"sample_storage": {"word": "y", "unknown": 1, "ratio": None, "nested": {"limit": 7}}}
    config = {"admins_id": ["1"]}
    async with samples("sample_storage", plugin_config=saved, config=config, root=tmp_path) as tester:
        assert (await tester.say("/config")).texts == ["3 0.0 True y ['a'] green None [] []"]
        assert (await tester.say("/configure 8")).texts == ["saved"]
        assert (await tester.say("/values")).texts == ["0 1 none {'a': 1} sample_author/sample_storage"]
        assert (await tester.say("/values")).texts == ["1 2 none {'a': 1} sample_author/sample_storage"]
        assert (await tester.say("/where")).texts[0].split("\n") == [
            "data/config",
            "data/plugins",
            "data/plugin_data",
            "data/temp",
            "data/skills",
            "data/plugin_data/sample_storage",
            "data/plugins/sample_storage",
        ]
        assert (await tester.say("/host")).texts == [
            "sample_storage v2.1 Sample/Author 存储示例 4 stall True ['1'] "
            "astrbot.plugin.sample_storage astrbot.plugin.sample_storage astrbot.plugin.sample_storage True"
        ]
    text = (tmp_path / "data" / "config" / "sample_storage_config.json").read_bytes()
    assert text.startswith(b"\xef\xbb\xbf")
    async with samples("sample_storage", root=tmp_path) as tester:
        assert (await tester.say("/config")).texts == ["8 0.25 True y ['a', 'b'] green None [] []"]
        assert (await tester.say("/values")).texts[0].startswith("2 3 ")


# --- messages --------------------------------------------------------------------------------------


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def messages() -> AsyncIterator[PluginTester]:
    async with samples("sample_messages", providers=[FakeChatProvider("from the model")]) as tester:
        tester.plugin("sample_messages")
        yield tester


@pytest.mark.asyncio(loop_scope="module")
async def test_messages_without_an_event(messages: PluginTester) -> None:
    reply = await messages.say("/push")
    assert reply.texts == ["False"]
    shown = [(umo, chain.get_plain_text(with_other_comps_mark=True)) for umo, chain in reply.proactive]
    assert shown == [("test:FriendMessage:10001", "pushed"), ("test:FriendMessage:10001", "again [At]")]
    runs = messages.star("sample_messages").runs
    assert (await messages.say("/inject")).texts == ["injected one"]
    assert await settle(lambda: "injected True test:FriendMessage:made-up" in runs)
    assert (await messages.say("/again")).texts == ["queued"]
    assert await settle(lambda: "noted test:GroupMessage:900 nine hundred" in runs)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/job", ["tick 1 0"]),
        ("/kept", ["1 tester"]),
        ("/busy", ["0 others"]),
        ("/built", ["built [Image] [Image] [AtAll]"]),
        ("/drawn", ["[Image]"]),
        ("/picture", ["[Image]", "[Image] caption"]),
    ],
)
async def test_services(messages: PluginTester, text: str, expected: list[str]) -> None:
    assert (await messages.say(text)).texts == expected


@pytest.mark.asyncio(loop_scope="module")
async def test_html_is_rendered_or_refused(messages: PluginTester) -> None:
    assert (await messages.say("/html")).texts[0] in ("[Image]", "not rendered")


@pytest.mark.asyncio(loop_scope="module")
async def test_voice_goes_first_and_blank_texts_go_nowhere(messages: PluginTester) -> None:
    chains = (await messages.say("/records")).chains
    assert [type(chain.chain[0]) for chain in chains] == [Record, Plain]
    assert chains[1].chain == [Plain("text before")]
    parts = (await messages.say("/parts")).chains
    assert [type(part).__name__ for chain in parts for part in chain.chain].count("Record") == 1
    assert isinstance(parts[0].chain[0], Record)
    assert len(parts[1].chain) == 13


# --- providers and platforms -----------------------------------------------------------------------


async def test_providers_of_every_kind_and_a_platform() -> None:
    from astrbot_like.domain.profiles import PlatformConfig, ProviderConfig

    async with samples("sample_providers", providers=[]) as tester:
        types, wired = tester.star("sample_providers").registered()
        assert types == ["sample_ear", "sample_order", "sample_parrot", "sample_vectors", "sample_voice"]
        assert wired
        parts = tester.parts
        for name, kind in (
            ("sample_parrot", "chat_completion"),
            ("sample_ear", "speech_to_text"),
            ("sample_voice", "text_to_speech"),
            ("sample_vectors", "embedding"),
            ("sample_order", "rerank"),
        ):
            entry = await parts.directory.put(ProviderConfig(f"my-{name}", name, kind, {"key": ["k"]}))
            assert entry.error == ""
        parrot = tester.context.get_provider_by_id("my-sample_parrot")
        assert (await parrot.text_chat(prompt="hi")).completion_text == "parrot: hi"
        assert parrot.meta().model == "polly"
        assert tester.context.get_all_embedding_providers()[0].get_dim() == 1
        assert await tester.context.get_all_stt_providers()[0].get_text("x") == "heard x"
        await tester.context.provider_manager.set_provider("my-sample_parrot", parrot.meta().provider_type)
        await parts.platforms.start(PlatformConfig("wire-1", "sample_wire", {}))
        wire: Any = tester.context.get_platform_inst("wire-1")
        assert wire.config["tone"] == "high"
        wire.hear("hello over the wire")
        assert await settle(lambda: wire.out)
        assert wire.out == [("wire-1:FriendMessage:w1", "parrot: hello over the wire")]
        await tester.star("sample_providers").let_go()
        assert tester.context.get_platform_inst("wire-1") is None
        assert tester.context.get_provider_by_id("my-sample_parrot") is None
        await tester.host.disable("sample_providers")
        assert "sample_parrot" not in tester.host.provider_types


# --- the rest --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("sample_old_style", "/old", ["old 6"]),
        ("sample_old_style", "reg5", ["matched"]),
        ("sample_old_style", "/oldgroup sub", ["sub"]),
        ("sample_old_style", "/st template", ["st template", "template"]),
        ("sample_plain_class", "/plain", ["from a package-relative import"]),
        ("sample_imports", "/kinds", ["any messenger 4.27.4 None"]),
    ],
)
async def test_styles(name: str, text: str, expected: list[str]) -> None:
    async with samples(name) as tester:
        tester.plugin(name)
        assert (await tester.say(text)).texts == expected


async def test_odd_components_are_sent() -> None:
    async with samples("sample_old_style") as tester:
        [chain] = (await tester.say("odds")).chains
        assert len(chain.chain) == 9


async def test_two_plugins_with_the_same_command_both_answer() -> None:
    async with samples("sample_commands", "sample_messages") as tester:
        assert (await tester.say("/add 1 1")).texts == ["2"]
        await tester.host.disable("sample_commands")
        assert (await tester.say("/add 1 1")).texts == ["fake answer"]
        await tester.host.enable("sample_commands")
        assert (await tester.say("/add 1 1")).texts == ["2"]


async def test_what_people_are_told_when_the_model_can_not_answer() -> None:
    async with samples("sample_plain_class", providers=[]) as tester:
        [told] = (await tester.say("hello")).texts
        assert told.startswith("LLM 请求失败：未找到任何可用的对话模型（提供商）。")
    broken = FakeChatProvider(Answer(fail=RuntimeError("out of credit")))
    async with samples("sample_plain_class", providers=[broken]) as tester:
        [told] = (await tester.say("hello")).texts
        assert told.startswith("LLM 请求失败：")
        assert "out of credit" in told

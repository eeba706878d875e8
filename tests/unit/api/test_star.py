"""Plugins' base class, context, managers, StarTools, values that last, host-dependent names."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from pathlib import Path
from typing import Any

import pytest

from astrbot_like.api import AstrBotConfig, current, logger, sp
from astrbot_like.api.conversations import Persona
from astrbot_like.api.event import MessageChain
from astrbot_like.api.exceptions import ProviderNotFoundError
from astrbot_like.api.host_tables import SessionServiceManager, astrbot_config, star_handlers_registry
from astrbot_like.api.incoming import AstrBotMessage, MessageMember, PlatformMetadata
from astrbot_like.api.message_components import Plain
from astrbot_like.api.message_event import AstrMessageEvent
from astrbot_like.api.paths import get_astrbot_data_path, get_astrbot_plugin_data_path, get_astrbot_temp_path
from astrbot_like.api.platform import Platform, PlatformStatus, register_platform_adapter
from astrbot_like.api.platform.register import (
    platform_cls_map,
    platform_registry,
    unregister_platform_adapters_by_module,
)
from astrbot_like.api.provider import ProviderType
from astrbot_like.api.registration import (
    STAR_ATTRIBUTE,
    EventType,
    HandlerRegistration,
    collecting,
)
from astrbot_like.api.star import Context, Star, StarMetadata, StarTools, register
from astrbot_like.api.star.metadata import star_map, star_registry
from astrbot_like.api.testing import FakeChatProvider, FakeHost, FakeTTSProvider, fake_services
from astrbot_like.api.testing.fake_stores import FakePersonas, FakePlatforms
from astrbot_like.api.tools import FunctionTool

UMO = "test:FriendMessage:10001"


class Demo(Star):
    """A plugin as the loader would prepare it."""

    name = "demo"
    author = "Some/One"
    plugin_id = "some_one/demo"


@pytest.fixture
def host(tmp_path: Path) -> Any:
    services = fake_services(FakeChatProvider("answer"), FakeTTSProvider(), admins_id=["1"])
    star = StarMetadata(name="demo", author="Some/One", module_path=__name__, star_cls_type=Demo, activated=True)
    made = FakeHost(tmp_path, services, [star])
    current.announce_host(made)
    yield made
    current.retire_host(made)


def test_subclasses_and_register_are_collected() -> None:
    with collecting() as collector:

        @register("n", "a", "d", "1.0", "http://repo")
        class First(Star): ...

        class Second(Star): ...

        @register(name="old", author="a", desc="d", version="1")
        class Main: ...

    assert collector.stars == [First, Second, Main]
    info = getattr(First, STAR_ATTRIBUTE)
    assert (info.name, info.author, info.desc, info.version, info.repo) == ("n", "a", "d", "1.0", "http://repo")


def test_name_is_there_inside_init(host: FakeHost) -> None:
    class Plugin(Demo):
        def __init__(self, context: Context) -> None:
            super().__init__(context)
            self.folder = StarTools.get_data_dir(self.name)

    plugin = Plugin(host.context)
    assert plugin.context is host.context
    assert plugin.logger.name == "astrbot.plugin.demo"
    assert plugin.folder == host.root / "data" / "plugin_data" / "demo"
    assert plugin.folder.is_dir()


def test_read_only_logger_of_the_plugin_is_kept(host: FakeHost) -> None:
    class Plugin(Demo):
        @property
        def logger(self) -> Any:  # type: ignore[override]
            return "own"

    assert Plugin(host.context).logger == "own"


def test_plugin_id() -> None:
    assert StarMetadata(name="My/Plugin", author=" Some One ").plugin_id == "some one/my_plugin"


async def test_values_last_by_plugin(host: FakeHost) -> None:
    plugin = Demo(host.context)
    assert await plugin.get_kv_data("k", "default") == "default"
    await plugin.put_kv_data("k", {"a": [1]})
    assert await plugin.get_kv_data("k", None) == {"a": [1]}
    assert await sp.get_async("plugin", "some_one/demo", "k") == {"a": [1]}
    await plugin.delete_kv_data("k")
    assert await plugin.get_kv_data("k", 0) == 0


async def test_preferences(host: FakeHost) -> None:
    await sp.put_async("umo", UMO, "k", 1)
    await sp.session_put("other", "k", 2)
    await sp.global_put("g", 3)
    sp.put("old", 4)
    assert await sp.session_get(UMO, "k") == 1
    assert sp.get("old") == 4
    assert await sp.global_get("g") == 3
    rows = await sp.range_get_async("umo", None, "k")
    assert {(row.scope_id, row.value["val"]) for row in rows} == {(UMO, 1), ("other", 2)}
    assert len(await sp.session_get(None, "k")) == 2
    assert len(await sp.global_get(None)) == 2
    await sp.session_remove(UMO, "k")
    await sp.clear_async("umo", "other")
    sp.remove("old")
    assert await sp.session_get(UMO, "k", "d") == "d"
    assert sp.get("old") is None


def test_data_dir_of_the_caller(host: FakeHost) -> None:
    assert StarTools.get_data_dir().name == "demo"
    for wrong in ("..", "../../x", "/etc"):
        with pytest.raises(ValueError):
            StarTools.get_data_dir(wrong)
    host.stars.clear()
    with pytest.raises(RuntimeError):
        StarTools.get_data_dir()


def test_names_of_the_current_host(host: FakeHost) -> None:
    assert get_astrbot_data_path() == str(host.root / "data")
    assert get_astrbot_temp_path() == str(host.root / "data" / "temp")
    assert star_map[__name__].name == "demo"
    assert star_map.get("absent") is None
    assert [star.name for star in star_registry] == ["demo"]
    assert astrbot_config["admins_id"] == ["1"]
    assert astrbot_config.wake_prefix == ["/"]
    assert astrbot_config.get("nothing") is None
    record = HandlerRegistration(EventType.AdapterMessageEvent, print, "h", __name__)
    host.handlers.append(record)
    assert list(star_handlers_registry) == [record]
    assert star_handlers_registry.get_handlers_by_event_type(EventType.AdapterMessageEvent) == [record]
    assert star_handlers_registry.get_handlers_by_event_type(EventType.AdapterMessageEvent, True, ["other"]) == []
    assert star_handlers_registry.get_handler_by_full_name(f"{__name__}_h") is record
    assert star_handlers_registry._handlers == [record]
    assert star_handlers_registry.star_handlers_map == {f"{__name__}_h": record}
    host.stars[0].activated = False
    assert star_handlers_registry.get_handlers_by_event_type(EventType.AdapterMessageEvent) == []


def test_logger_goes_to_the_plugin(host: FakeHost) -> None:
    assert logger.name == "astrbot.plugin.demo"
    assert isinstance(logger.filters, list)
    logger.addFilter(keep := logging.Filter())
    logger.removeFilter(keep)
    host.stars.clear()
    assert logger.name == "astrbot"


def test_two_hosts_each_with_its_own(host: FakeHost, tmp_path: Path) -> None:
    other = FakeHost(tmp_path / "other", fake_services())
    current.announce_host(other)
    try:
        with current.bind_host(other):
            assert get_astrbot_plugin_data_path() == str(other.root / "data" / "plugin_data")
        assert current.find_host("nobody's") is None
        assert current.find_host(__name__) is host
        seen: list[Any] = []
        thread = threading.Thread(target=lambda: seen.append(current.current_host(__name__)))
        thread.start()
        thread.join()
        assert seen == [host]
    finally:
        current.retire_host(other)


def test_without_any_host() -> None:
    with pytest.raises(current.NoCurrentHost):
        astrbot_config["x"]


class Spoken(Platform):
    """A platform that keeps what is sent."""

    def __init__(self, config: Any = None, queue: Any = None) -> None:
        super().__init__(config, queue)
        self.sent: list[tuple[str, str]] = []

    async def run(self) -> None: ...

    def meta(self) -> PlatformMetadata:
        return PlatformMetadata("kind", "d", "inst")

    async def send_by_session(self, session: Any, message_chain: MessageChain) -> None:
        self.sent.append((str(session), message_chain.get_plain_text()))


async def test_sending_without_an_event(host: FakeHost) -> None:
    platform = Spoken({}, asyncio.Queue())
    assert isinstance(host.services.platforms, FakePlatforms)
    host.services.platforms.instances.append(platform)
    chain = MessageChain().message("hi")
    assert await host.context.send_message("inst:GroupMessage:5", chain)
    assert await StarTools.send_message("inst:GroupMessage:6", chain)
    assert not await host.context.send_message("absent:GroupMessage:5", chain)
    with pytest.raises(ValueError):
        await host.context.send_message("nonsense", chain)
    await StarTools.send_message_by_id("PrivateMessage", "7", chain, platform="kind")
    assert [umo for umo, _ in platform.sent] == ["inst:GroupMessage:5", "inst:GroupMessage:6", "inst:FriendMessage:7"]
    assert host.context.get_platform_inst("inst") is platform
    assert host.context.get_platform("kind") is platform
    assert host.context.platform_manager.get_insts() == host.context.platform_manager.platform_insts == [platform]


async def test_events_made_by_plugins(host: FakeHost) -> None:
    queue: asyncio.Queue[AstrMessageEvent] = asyncio.Queue()
    host.services.platforms.instances.append(Spoken({}, queue))
    message = await StarTools.create_message(
        type="GroupMessage",
        self_id="bot",
        session_id="5",
        sender=MessageMember("1", "n"),
        message=[Plain("x")],
        message_str="x",
        group_id="5",
    )
    assert isinstance(message, AstrBotMessage)
    await StarTools.create_event(message, platform="kind")
    event = queue.get_nowait()
    assert event.is_at_or_wake_command
    assert event.unified_msg_origin == "inst:GroupMessage:5"
    with pytest.raises(ValueError):
        await StarTools.create_event(message, platform="absent")


async def test_providers(host: FakeHost) -> None:
    context = host.context
    [chat] = context.get_all_providers()
    assert context.get_using_provider() is chat is await context.get_using_provider_async(UMO)
    assert context.get_provider_by_id("fake-chat") is chat
    assert context.get_provider_by_id("absent") is None
    assert await context.provider_manager.get_provider_by_id("fake-chat") is chat
    assert context.get_using_tts_provider() in context.get_all_tts_providers()
    assert context.get_using_stt_provider() is None
    assert context.get_all_embedding_providers() == []
    assert await context.get_current_chat_provider_id(UMO) == "fake-chat"
    assert (await context.llm_generate(chat_provider_id="fake-chat", prompt="p")).completion_text == "answer"
    assert chat.calls[0]["prompt"] == "p"
    with pytest.raises(ProviderNotFoundError):
        await context.llm_generate(chat_provider_id="fake-tts", prompt="p")
    manager = context.provider_manager
    assert manager.inst_map.keys() == {"fake-chat", "fake-tts"}
    assert manager.provider_insts == manager.get_insts() == [chat]
    assert manager.curr_provider_inst is chat
    with pytest.raises(ValueError):
        await manager.set_provider("absent", ProviderType.CHAT_COMPLETION)
    await manager.terminate_provider("fake-chat")
    with pytest.raises(ProviderNotFoundError):
        await context.get_current_chat_provider_id(UMO)


async def test_conversations(host: FakeHost) -> None:
    manager = host.context.conversation_manager
    assert await manager.get_curr_conversation_id(UMO) is None
    cid = await manager.new_conversation(UMO, title="t", content=[{"role": "user", "content": "a"}])
    assert await manager.get_curr_conversation_id(UMO) == cid
    found = await manager.get_conversation(UMO, cid)
    assert found is not None
    assert json.loads(found.history) == [{"role": "user", "content": "a"}]
    assert (found.title, found.user_id, found.platform_id) == ("t", UMO, "test")
    await manager.update_conversation(UMO, history=[{"role": "user", "content": "b"}], title="new")
    await manager.add_message_pair(cid, {"role": "user", "content": "c"}, {"role": "assistant", "content": "d"})
    lines, pages = await manager.get_human_readable_context(UMO, cid, page_size=2)
    assert (lines, pages) == (["Assistant: d", "User: c"], 2)
    other = await manager.new_conversation(UMO)
    await manager.switch_conversation(UMO, cid)
    assert await manager.get_curr_conversation_id(UMO) == cid
    page, total = await manager.get_filtered_conversations(search_query="NEW")
    assert ([one.cid for one in page], total) == ([cid], 1)
    assert len(json.loads(page[0].history)) == 3
    await manager.delete_conversation(UMO)
    assert [one.cid for one in await manager.get_conversations(UMO)] == [other]
    assert await manager.get_conversation(UMO, "absent") is None
    assert await manager.get_conversation(UMO, "absent", create_if_not_exists=True) is not None
    gone: list[str] = []

    async def deleted(umo: str) -> None:
        gone.append(umo)

    manager.register_on_session_deleted(deleted)
    await manager.delete_conversations_by_user_id(UMO)
    assert (await manager.get_conversations(UMO), gone) == ([], [UMO])


async def test_personas(tmp_path: Path) -> None:
    services = fake_services()
    services.personas = FakePersonas(Persona("cat", "Meow", ["hi", "meow"]))
    manager = Context(services).persona_manager
    assert (await manager.get_default_persona_v3(UMO))["prompt"] == "Meow"
    assert manager.selected_default_persona_v3["name"] == "cat"
    await manager.create_persona("dog", "Woof", tools=["a"])
    assert [one["name"] for one in manager.personas_v3] == ["cat", "dog"]
    changed = await manager.update_persona("dog", tools=None)
    assert (changed.system_prompt, changed.tools) == ("Woof", None)
    assert manager.get_persona_v3_by_id("absent") is None
    for chosen, settings, name in [
        ("dog", {}, "dog"),
        (None, {"default_personality": "dog"}, "dog"),
        (None, None, "cat"),
        ("absent", {}, "cat"),
    ]:
        found = await manager.resolve_selected_persona(
            umo=UMO, conversation_persona_id=chosen, platform_name="webchat", provider_settings=settings
        )
        assert (found[0], found[1] and found[1]["name"], *found[2:]) == (name, name, None, False)
    nobody = await manager.resolve_selected_persona(umo=UMO, conversation_persona_id="[%None]", platform_name="x")
    assert nobody == ("[%None]", None, None, False)
    await manager.delete_persona("dog")
    for refused in (manager.get_persona("dog"), manager.create_persona("cat", "x"), manager.delete_persona("dog")):
        with pytest.raises(ValueError):
            await refused


def test_tools_and_web_routes(host: FakeHost) -> None:
    context = host.context
    tool: FunctionTool[Any] = FunctionTool("t", "d", {"type": "object", "properties": {}})
    context.add_llm_tools(tool)
    assert context.get_llm_tool_manager().get_func("t") is tool
    assert tool.handler_module_path == FunctionTool.__module__
    assert context.deactivate_llm_tool("t")
    assert StarTools.activate_llm_tool("t")
    context.unregister_llm_tool("t")
    assert context.provider_manager.llm_tools.get_func("t") is None

    async def first() -> None: ...
    async def second() -> None: ...

    context.register_web_api("/demo/x", first, ["GET"], "d")
    context.register_web_api("/demo/x", first, ["POST"], "d")
    context.register_web_api("/demo/x", second, ["GET"], "d")
    assert [(entry[1], entry[2]) for entry in context.registered_web_apis] == [(second, ["GET"]), (first, ["POST"])]


async def test_switches_of_a_session(host: FakeHost) -> None:
    assert await SessionServiceManager.is_llm_enabled_for_session(UMO)
    await SessionServiceManager.set_llm_status_for_session(UMO, False)
    assert not await SessionServiceManager.is_llm_enabled_for_session(UMO)
    assert await SessionServiceManager.is_tts_enabled_for_session(UMO)


def test_platform_base_and_registration(host: FakeHost) -> None:
    queue: asyncio.Queue[Any] = asyncio.Queue()
    old = Spoken(queue)
    assert old._event_queue is queue
    assert old.config == {}
    platform = Spoken({"id": "x"}, queue)
    platform.status = PlatformStatus.RUNNING
    platform.record_error("broke", "trace")
    stats = platform.get_stats()
    assert (stats["status"], stats["error_count"], stats["last_error"]["message"]) == ("error", 1, "broke")
    platform.clear_errors()
    assert platform.status == PlatformStatus.RUNNING
    template: dict[str, Any] = {}
    with collecting() as collector:
        register_platform_adapter("kind", "d", template)(Spoken)
    assert template == {"type": "kind", "enable": False, "id": "kind"}
    assert collector.platforms[0].cls is Spoken
    assert platform_cls_map["kind"] is Spoken
    with pytest.raises(ValueError, match="kind"):
        register_platform_adapter("kind", "d")(Spoken)
    assert unregister_platform_adapters_by_module(__name__) == ["kind"]
    assert len(platform_registry) == 0


async def test_drawing_goes_to_the_hosts_renderer(host: FakeHost) -> None:
    plugin = Demo(host.context)
    assert (await plugin.html_render("<p>{{a}}</p>", {"a": 1})).endswith(".png")
    assert (await plugin.text_to_image("x")).endswith(".png")
    assert host.renderer.rendered == [("<p>{{a}}</p>", {"a": 1}, None), "x"]  # type: ignore[attr-defined]


def test_config_of_the_host(host: FakeHost) -> None:
    config = host.context.get_config(UMO)
    assert isinstance(config, AstrBotConfig)
    assert host.context._config is config
    assert config["platform_settings"]["rate_limit"]["strategy"] == "stall"
    assert [star.name for star in host.context.get_all_stars()] == []

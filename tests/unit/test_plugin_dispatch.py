"""Handlers, hooks, tools and waits of plugins, as the engine runs them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from astrbot_like.api.chain import MessageEventResult
from astrbot_like.api.filters.command import for_admins_only
from astrbot_like.api.provider.entities import ProviderRequest
from astrbot_like.api.tools import AstrAgentContext, ContextWrapper
from astrbot_like.domain.errors import PluginError
from astrbot_like.plugin_host.manager import PluginHost
from tests.support.census import settle
from tests.support.plugin_hosts import TestEvent, plugin_host, say, write_plugin

PLUGIN = """
import asyncio, sys
from astrbot.core.star.filter.command import GreedyStr
from astrbot.core.utils.session_waiter import session_waiter, SessionController

class Even(filter.CustomFilter):
    def filter(self, event, cfg):
        if event.message_str == "explode":
            raise ValueError("boom")
        return len(event.message_str) % 2 == 0

class Main(Star):
    def __init__(self, context):
        super().__init__(context)
        self.log = []

    @filter.command("add", alias={"plus", "sum up"})
    async def add(self, event: AstrMessageEvent, a: int, b: int = 10):
        '''adds'''
        yield event.plain_result(str(a + b))

    @filter.command("echo")
    async def echo(self, event: AstrMessageEvent, words: GreedyStr):
        return event.plain_result(words)

    @filter.command("many")
    async def many(self, event):
        yield event.plain_result("one")
        yield "nothing"
        yield None
        yield event.plain_result("two")

    @filter.command("set")
    async def set(self, event):
        event.set_result("by set_result")

    @filter.command("text")
    async def text(self, event):
        return "a str is not sent"

    @filter.command("stopped", priority=5)
    async def stopped(self, event):
        event.stop_event()
        yield event.plain_result("still sent")

    @filter.command("stopped")
    async def not_reached(self, event):
        yield event.plain_result("not sent")

    @filter.command("ask")
    async def ask(self, event):
        yield event.request_llm(prompt="what?")
        yield event.plain_result("after")

    @filter.command("fail")
    async def fail(self, event):
        yield event.plain_result("before")
        raise RuntimeError("broken")

    @filter.command("odd")
    async def odd(self):
        pass

    @filter.command("leave")
    async def leave(self, event):
        sys.exit(1)

    @filter.command("secret")
    @filter.permission_type(filter.PermissionType.ADMIN)
    async def secret(self, event):
        yield event.plain_result("for admins")

    @filter.permission_type(filter.PermissionType.ADMIN, raise_error=False)
    @filter.command("quiet")
    async def quiet(self, event):
        yield event.plain_result("for admins")

    @filter.command_group("vault")
    @filter.permission_type(filter.PermissionType.ADMIN)
    def vault(self):
        pass

    @vault.command("open")
    async def open_vault(self, event):
        yield event.plain_result("open")

    @filter.permission_type(filter.PermissionType.ADMIN, raise_error=False)
    @vault.group("deep")
    def deep_vault(self):
        pass

    @filter.permission_type(filter.PermissionType.MEMBER)
    @deep_vault.command("open")
    async def open_deep_vault(self, event):
        yield event.plain_result("deep open")

    @filter.permission_type(filter.PermissionType.ADMIN, raise_error=False)
    @filter.command_group("hush")
    def hush(self):
        pass

    @hush.command("now")
    async def hush_now(self, event):
        yield event.plain_result("hushed")

    @filter.regex(r"\\bxyz(\\d+)")
    async def pattern(self, event):
        yield event.plain_result("pattern")

    @filter.event_message_type(filter.EventMessageType.GROUP_MESSAGE, priority=-1)
    async def group_listener(self, event):
        yield event.plain_result("listened")

    @filter.custom_filter(Even)
    @filter.regex("^ev")
    async def even(self, event):
        yield event.plain_result("even")

    @filter.custom_filter(Even)
    @filter.regex("^expl")
    async def explodes(self, event):
        pass

    @filter.command_group("math", alias={"m"})
    def math(self):
        pass

    @math.command("double", alias={"d"})
    async def double(self, event, n: int):
        '''twice as much'''
        yield event.plain_result(str(2 * n))

    @math.group("deep")
    def deep():
        pass

    @deep.command("down")
    async def down(self, event):
        yield event.plain_result("deep down")

    @filter.command("wait")
    async def wait(self, event):
        await event.send(event.plain_result("name?"))
        @session_waiter(timeout=5)
        async def waiter(controller: SessionController, event: AstrMessageEvent):
            await event.send(event.plain_result("hello " + event.message_str))
            controller.stop()
        await waiter(event)
        yield event.plain_result("done")

    @filter.command("hang")
    async def hang(self, event):
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                self.log.append("refused to die")
                if len(self.log) > 1:
                    raise

    @filter.on_llm_request(priority=1)
    async def first(self, event, req):
        req.system_prompt += "first "

    @filter.on_llm_request()
    async def second(self, event, req):
        req.system_prompt += "second "
        if req.prompt == "stop":
            event.stop_event()

    @filter.on_llm_request(priority=-1)
    async def third(self, event, req):
        req.system_prompt += "third"

    @filter.on_decorating_result()
    async def generator(self, event):
        yield

    @filter.on_plugin_error()
    async def on_error(self, event, plugin, handler, error, trace):
        self.log.append((plugin, handler, str(error)))

    @filter.llm_tool(name="weather")
    async def weather(self, event, city: str):
        '''Weather of a city.

        Args:
            city(string): which
        '''
        if city == "nowhere":
            raise KeyError(city)
        if city == "yield":
            yield event.plain_result("for the user")
        else:
            yield f"sunny in {city}"
"""


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[PluginHost]:
    write_plugin(tmp_path / "data" / "plugins", "p", PLUGIN)
    async with plugin_host(tmp_path) as made:
        assert made.find("p").active, made.find("p").failure
        yield made


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        ("add 1 2", ["3"]),
        ("add  1", ["11"]),
        ("plus 5 5 surplus", ["10"]),
        ("sum up 1 1", ["2"]),
        ("adder", []),
        ("add", ["插件 p: 必要参数缺失。该指令完整参数: a(int),b(int)=10"]),
        ("add x", ["插件 p: 参数 a 类型错误。完整参数: a(int),b(int)=10"]),
        ("echo a  b c", ["a b c"]),
        ("many", ["one", "two"]),
        ("set", ["by set_result"]),
        ("text", []),
        ("stopped", ["still sent"]),
        ("ask", ["LLM:what?", "after"]),
        ("fail", ["before", ":(\n\n在调用插件 p 的处理函数 fail 时出现异常：broken"]),
        ("odd", []),
        ("secret", ["您(ID: 1)的权限不足以使用此指令。通过 /sid 获取 ID 并请管理员添加。"]),
        ("quiet", []),
        ("say xyz12", ["pattern"]),
        ("ev", ["even"]),
        ("eve", []),
        ("explode", ["插件 p: boom"]),
        ("m double 4", ["8"]),
        ("math d 4", ["8"]),
        ("m deep down", ["deep down"]),
        ("math unknown", []),
        ("unknown", []),
    ],
)
async def test_commands_and_filters(host: PluginHost, text: str, answers: list[str]) -> None:
    assert await say(host, text) == answers


async def test_a_group_alone_shows_its_commands(host: PluginHost) -> None:
    (answer,) = await say(host, "m")
    assert answer.startswith("插件 p: 参数不足。math 指令组下有如下指令，请参考：")
    assert "├── double (n(int)): twice as much" in answer
    assert "│   ├── down (无参数指令)" in answer


async def test_an_attempt_to_end_the_program_is_an_error(host: PluginHost) -> None:
    (answer,) = await say(host, "leave")
    assert "SystemExit" in answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [("secret", "for admins"), ("vault open", "open"), ("vault deep open", "deep open"), ("hush now", "hushed")],
)
async def test_admins_may(host: PluginHost, text: str, answer: str) -> None:
    event = TestEvent(text)
    event.role = "admin"
    assert await say(host, event) == [answer]


async def test_the_permission_of_a_group_holds_for_its_commands(host: PluginHost) -> None:
    denied = ["您(ID: 1)的权限不足以使用此指令。通过 /sid 获取 ID 并请管理员添加。"]
    assert [await say(host, f"vault{rest}") for rest in ("", " open", " deep open")] == [denied] * 3
    assert await say(host, "hush now") == []
    commands = {record.handler_name: record for record in host.handlers}
    assert [for_admins_only(commands[name]) for name in ("open_deep_vault", "double")] == [True, False]


async def test_commands_need_waking_and_listeners_do_not(host: PluginHost) -> None:
    assert await say(host, TestEvent("add 1 2", group=True, woken=False)) == ["listened"]
    assert await say(host, TestEvent("add 1 2", group=True)) == ["3", "listened"]
    event = TestEvent("x", group=True, woken=False)
    await host.dispatch.match(event)
    assert event.is_wake
    assert not event.is_at_or_wake_command


async def test_errors_are_kept_and_told_to_hooks_and_not_to_bystanders(host: PluginHost) -> None:
    event = TestEvent("fail")
    event.is_at_or_wake_command = True
    await say(host, event)
    assert event.is_stopped()
    plugin = host.find("p")
    assert plugin.problems[-1].where.startswith("main.py:")
    assert plugin.instance.log == [("p", "fail", "broken")]


async def test_hooks_run_in_order_until_one_stops_the_event(host: PluginHost) -> None:
    request = ProviderRequest(prompt="go")
    assert not await host.dispatch.hook("llm_request", TestEvent("x"), request)
    assert request.system_prompt == "first second third"
    request = ProviderRequest(prompt="stop")
    assert await host.dispatch.hook("llm_request", TestEvent("x"), request)
    assert request.system_prompt == "first second "
    assert host.dispatch.has_hook("llm_request")
    assert not host.dispatch.has_hook("agent_done")


async def test_a_generator_is_no_hook(host: PluginHost) -> None:
    assert not await host.dispatch.hook("decorating_result", TestEvent("x"))
    assert "must be a plain coroutine" in host.find("p").problems[-1].reason


async def test_a_session_waiter_gets_every_message(host: PluginHost) -> None:
    first = TestEvent("wait")
    running = asyncio.create_task(say(host, first))
    assert await settle(lambda: first.sent)
    answer = TestEvent("add 1 2")
    assert await say(host, answer) == ["hello add 1 2"]
    assert answer.is_stopped()
    assert await running == ["name?", "done"]
    assert await say(host, "add 1 2") == ["3"]


async def test_a_handler_that_ignores_its_time_limit_is_given_up(tmp_path: Path) -> None:
    write_plugin(tmp_path / "data" / "plugins", "p", PLUGIN)
    async with plugin_host(tmp_path, handler_timeout=0.05) as host:
        (answer,) = await say(host, "hang")
        assert "longer than 0.05 s" in answer


async def test_interrupting_a_handler_ends_it(host: PluginHost) -> None:
    event = TestEvent("wait")
    (matched,) = (await host.dispatch.match(event)).handlers
    steps = host.dispatch.run(matched, event)
    reading = asyncio.ensure_future(anext(steps))  # type: ignore[arg-type]
    assert await settle(lambda: event.sent)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await steps.aclose()  # type: ignore[attr-defined]
    assert not host.find("p").scope.tasks()
    assert len(host.waiters) == 0


async def test_session_and_profile_choose_plugins(tmp_path: Path) -> None:
    write_plugin(tmp_path / "data" / "plugins", "p", PLUGIN)
    async with plugin_host(tmp_path) as host:
        umo = TestEvent("x").unified_msg_origin
        value = {umo: {"disabled_plugins": ["p"]}}
        await host.preferences.put_async("umo", umo, "session_plugin_config", value)
        assert await say(host, "add 1 2") == []
        assert host.dispatch.tool_set(TestEvent("x")).names() == []
        await host.preferences.remove_async("umo", umo, "session_plugin_config")
        assert await say(host, "add 1 2") == ["3"]
    async with plugin_host(tmp_path, config={"plugin_set": ["others"]}) as host:
        assert await say(host, "add 1 2") == []


async def call(host: PluginHost, name: str, timeout: int = 5, **args: Any) -> list[Any]:
    tool = host.dispatch.tool_set(TestEvent("x")).get_tool(name)
    assert tool is not None
    context = ContextWrapper(AstrAgentContext(host.context, TestEvent("x")), tool_call_timeout=timeout)
    return [item async for item in host.dispatch.call(tool, context, args)]


async def test_tools(host: PluginHost) -> None:
    assert await call(host, "weather", city="Rome") == ["sunny in Rome"]
    (result,) = await call(host, "weather", city="yield")
    assert isinstance(result, MessageEventResult)
    with pytest.raises(PluginError, match=r"weather of p failed: KeyError"):
        await call(host, "weather", city="nowhere")
    with pytest.raises(PluginError):
        await call(host, "weather", town="x")


async def test_class_tools_and_runtime_registration(tmp_path: Path) -> None:
    body = """
    from dataclasses import dataclass, field
    from astrbot.core.agent.tool import FunctionTool
    from astrbot.core.agent.run_context import ContextWrapper
    from astrbot.core.astr_agent_context import AstrAgentContext
    from .tools import Elsewhere
    @dataclass
    class Clock(FunctionTool[AstrAgentContext]):
        name: str = "clock"
        description: str = "tells"
        parameters: dict = field(default_factory=lambda: {"type": "object", "properties": {}})
        async def call(self, context: ContextWrapper[AstrAgentContext], **kwargs):
            return "from " + context.context.event.get_sender_id()
    class Main(Star):
        def __init__(self, context):
            super().__init__(context)
            context.add_llm_tools(Clock(), Elsewhere())
            context.get_llm_tool_manager().add_func("old", [], "d", self.old)
        async def old(self, event):
            return {"a": 1}
    """
    folder = write_plugin(tmp_path / "data" / "plugins", "p", body)
    (folder / "tools.py").write_text(
        "import asyncio\nfrom dataclasses import dataclass, field\nfrom astrbot.api import FunctionTool\n"
        "@dataclass\nclass Elsewhere(FunctionTool):\n    name: str = 'elsewhere'\n    description: str = 'd'\n"
        "    parameters: dict = field(default_factory=dict)\n"
        "    async def call(self, context, **kwargs):\n        await asyncio.sleep(60)\n"
    )
    async with plugin_host(tmp_path) as host:
        assert sorted(host.dispatch.tool_set().names()) == ["clock", "elsewhere", "old"]
        assert await call(host, "clock") == ["from 1"]
        assert await call(host, "old") == ['{"a": 1}']
        with pytest.raises(TimeoutError):
            await call(host, "elsewhere", timeout=0)
        await host.disable("p")
        assert host.tools.func_list == []


async def test_a_thousand_handlers_cost_no_more_than_ten(tmp_path: Path) -> None:
    def body(count: int) -> str:
        lines = ["class Main(Star):\n    pass\n"]
        lines += [
            f"    @filter.command('c{number}')\n    async def h{number}(self, event):\n"
            f"        yield event.plain_result('{number}')\n"
            for number in range(count)
        ]
        return "".join(lines)

    looked_at: dict[int, int] = {}
    for count in (10, 1000):
        root = tmp_path / str(count)
        write_plugin(root / "data" / "plugins", "p", body(count))
        async with plugin_host(root) as host:
            assert await say(host, "c5") == ["5"]
            looked_at[count] = len(host.tables.index.candidates(TestEvent("c5"), "c5"))
    assert looked_at == {10: 1, 1000: 1}


async def test_the_oldest_forms_of_registration(tmp_path: Path) -> None:
    body = """
    import asyncio
    class Main(Star):
        def __init__(self, context):
            super().__init__(context)
            context.register_commands("p", "old", "d", 1, self.old)
            context.register_commands("p", "^ab+", "d", 1, self.pattern, use_regex=True)
            context.register_commands("p", "hey you", "d", 1, self.pattern, ignore_prefix=True)
            context.register_task(asyncio.sleep(3600), "sleeps")
        async def old(self, event, n: int):
            yield event.plain_result(str(n + 1))
        async def pattern(self, event):
            yield event.plain_result("matched")
        async def initialize(self):
            self.context.register_commands("p", "later", "d", 1, self.pattern)
        @filter.command("more")
        async def more(self, event):
            self.context.register_commands("p", "latest", "d", 1, self.pattern)
    """
    write_plugin(tmp_path / "data" / "plugins", "p", body)
    async with plugin_host(tmp_path) as host:
        assert await say(host, "old 4") == ["5"]
        assert await say(host, "abbb") == ["matched"]
        assert await say(host, "later") == ["matched"]
        unaddressed = TestEvent("hey you there", group=True, woken=False)
        assert await say(host, unaddressed) == ["matched"]
        assert await say(host, "more") == []
        assert await say(host, "latest") == ["matched"]
        assert [task.get_name() for task in host.find("p").scope.tasks()] == ["sleeps"]
        await host.disable("p")
        assert await say(host, "old 4") == []
        assert not host.find("p").scope.tasks()


async def test_web_routes_go_with_their_plugin(tmp_path: Path) -> None:
    body = """
    class Main(Star):
        def __init__(self, context):
            super().__init__(context)
            context.register_web_api("/p/item/<name>", self.item, ["GET"], "one item")
            context.register_web_api("p/files/<path:rest>", self.files, ["GET", "POST"], "files")
        async def item(self, name):
            return {"name": name}
        async def files(self, rest):
            return {"rest": rest}
    """
    write_plugin(tmp_path / "data" / "plugins", "p", body)
    async with plugin_host(tmp_path) as host:
        found = host.web_routes.match("p/item/a%20b", "get")
        assert found is not None
        assert found.plugin is host.find("p")
        assert await found.handler(**found.variables) == {"name": "a b"}
        deep = host.web_routes.match("/p/files/a/b.txt", "POST")
        assert deep is not None
        assert deep.variables == {"rest": "a/b.txt"}
        assert host.web_routes.match("/p/item/a/b", "GET") is None
        assert host.web_routes.match("/p/item/a", "DELETE") is None
        assert host.web_routes.methods("/p/files/x") == ["GET", "POST"]
        await host.disable("p")
        assert host.context.registered_web_apis == []

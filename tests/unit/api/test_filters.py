"""Commands, groups, arguments and the other filters."""

from __future__ import annotations

from typing import Any, Optional

import pytest

from astrbot_like.api.config import AstrBotConfig
from astrbot_like.api.event import AstrMessageEvent, filter
from astrbot_like.api.filters.arguments import CommandArgumentError, GreedyStr
from astrbot_like.api.filters.command import CommandFilter, CommandGroupFilter
from astrbot_like.api.registration import EventType, HandlerRegistration, collecting, handlers_of
from astrbot_like.api.testing import make_event
from astrbot_like.api.texts import language

CFG = AstrBotConfig()


def command_of(handler: Any, name: str = "c", **options: Any) -> CommandFilter:
    filter.command(name, **options)(handler)
    found = handlers_of(handler)[0].event_filters[0]
    assert isinstance(found, CommandFilter)
    return found


def parsed(command: CommandFilter, message: str) -> Any:
    event = make_event(message, awake=True)
    return event.get_extra("parsed_params") if command.filter(event, CFG) else None


async def typed(self, event, a: int, b: str = "d"): ...
async def optional(self, event, a: str | None = None): ...
async def flags(self, event, on: bool = False, ratio: float = 1.5, count: int = 3): ...
async def greedy(self, event, first: str, rest: GreedyStr): ...
async def greedy_default(self, event, rest: GreedyStr = ""): ...  # type: ignore[assignment]
async def union(self, event, a: int | str): ...
async def older(self, event, a: Optional[int]): ...  # noqa: UP045
async def either(self, event, a: int | None): ...
async def bare(self, event, a, *rest): ...
async def boolean(self, event, on: bool): ...
async def nothing(self, event): ...


MISSING = "必要参数缺失。该指令完整参数: "
WRONG = "类型错误。完整参数: "

PARSES: list[tuple[Any, str, Any]] = [
    (typed, "c 1", {"a": 1, "b": "d"}),
    (typed, "c   1 \n x  y", {"a": 1, "b": "x"}),
    (typed, "c", MISSING + "a(int),b(str)=d"),
    (typed, "c x", "参数 a " + WRONG + "a(int),b(str)=d"),
    (optional, "c", {"a": None}),
    (optional, "c 12", {"a": 12}),
    (optional, "c 12x", {"a": "12x"}),
    (flags, "c YES 2 7", {"on": True, "ratio": 2.0, "count": 7}),
    (flags, "c", {"on": False, "ratio": 1.5, "count": 3}),
    (flags, "c maybe", "参数 on " + WRONG + "on(bool)=False,ratio(float)=1.5,count(int)=3"),
    (greedy, "c a b  c d", {"first": "a", "rest": "b c d"}),
    (greedy, "c a", {"first": "a", "rest": ""}),
    (greedy, "c", MISSING + "first(str),rest(GreedyStr)"),
    (greedy_default, "c a b", {"rest": "a"}),
    (union, "c 5", {"a": "5"}),
    (older, "c 5", {"a": 5}),
    (either, "c", MISSING + "a(int | None)"),
    (either, "c x", "参数 a " + WRONG + "a(int | None)"),
    (bare, "c 5 6", {"a": "5"}),
    (boolean, "c false", {"on": False}),
    (nothing, "c surplus words", {}),
    (nothing, "cx", None),
    (nothing, "x c", None),
]


@pytest.mark.parametrize(("handler", "message", "expected"), PARSES)
def test_arguments(handler: Any, message: str, expected: Any) -> None:
    command = CommandFilter("c", None, record(handler))
    if isinstance(expected, str):
        with pytest.raises(CommandArgumentError) as raised:
            parsed(command, message)
        assert str(raised.value) == expected
    else:
        assert parsed(command, message) == expected


def record(handler: Any) -> HandlerRegistration:
    return HandlerRegistration(EventType.AdapterMessageEvent, handler, handler.__name__, handler.__module__)


def test_greedy_must_be_last() -> None:
    async def wrong(self, event, rest: GreedyStr, last: str): ...

    with pytest.raises(ValueError, match="必须是最后一个参数"):
        parsed(CommandFilter("c", None, record(wrong)), "c a b")


def test_errors_speak_english_on_request() -> None:
    token = language.set("en")
    try:
        with pytest.raises(ValueError, match=r"A required argument is missing\. Arguments"):
            parsed(CommandFilter("c", None, record(typed)), "c")
    finally:
        language.reset(token)


def test_names_may_have_spaces_and_aliases() -> None:
    command = CommandFilter("two words", {"别名"}, record(typed))
    assert parsed(command, "two   words 4") == {"a": 4, "b": "d"}
    assert parsed(command, "别名 4 x") == {"a": 4, "b": "x"}
    assert parsed(command, "two 4") is None
    # Another name of the command in the arguments is an argument.
    assert parsed(CommandFilter("aa", {"bb"}, record(bare)), "aa bb 2") == {"a": "bb"}


def test_asleep_commands_do_not_match() -> None:
    assert not CommandFilter("c", None, record(nothing)).filter(make_event("c"), CFG)


def test_annotations_for_type_checkers_only() -> None:
    async def handler(self, event: "Absent", a: "int" = 3): ...  # type: ignore[name-defined]  # noqa: F821, UP037

    assert parsed(CommandFilter("c", None, record(handler)), "c 4") == {"a": 4}


def make_group() -> Any:
    class Plugin:
        @filter.command_group("m", alias={"math"})
        def m(self): ...

        @m.command("plus", alias={"+"})
        async def plus(self, event, a: int, b: int):
            """adds"""

        @m.command("now")
        async def now(self, event): ...

        @m.group("deep", alias={"d"})
        def deep(self): ...

        @deep.command("x")
        async def x(self, event, *args):
            """deepest"""

    return Plugin


def test_group_tree() -> None:
    plugin = make_group()
    group = plugin.m.parent_group
    assert isinstance(group, CommandGroupFilter)
    with pytest.raises(ValueError) as raised:
        group.filter(make_event("m", awake=True), CFG)
    assert str(raised.value) == (
        "参数不足。m 指令组下有如下指令，请参考：\nm\n"
        "├── plus (a(int),b(int)): adds\n"
        "├── now (无参数指令)\n"
        "├── deep\n"
        "│   ├── x (无参数指令): deepest\n"
    )
    with pytest.raises(ValueError):
        group.filter(make_event("math", awake=True), CFG)
    with pytest.raises(ValueError, match="├── x"):
        plugin.deep.parent_group.filter(make_event("math d", awake=True), CFG)
    assert not group.filter(make_event("mx", awake=True), CFG)
    assert not group.filter(make_event("m"), CFG)


@pytest.mark.parametrize(
    ("message", "name", "arguments"),
    [
        ("m plus 3 4", "plus", {"a": 3, "b": 4}),
        ("math + 3 4", "plus", {"a": 3, "b": 4}),
        ("m deep x", "x", {}),
        ("math d x 1", "x", {}),
        ("plus 3 4", "plus", None),
        ("m minus", "plus", None),
    ],
)
def test_sub_commands(message: str, name: str, arguments: Any) -> None:
    handler = getattr(make_group(), name)
    [command] = handlers_of(handler)[0].event_filters
    assert isinstance(command, CommandFilter)
    assert parsed(command, message) == arguments


class Yes(filter.CustomFilter):
    def filter(self, event: AstrMessageEvent, cfg: AstrBotConfig) -> bool:
        return True


class No(filter.CustomFilter):
    def filter(self, event: AstrMessageEvent, cfg: AstrBotConfig) -> bool:
        return False


@pytest.mark.parametrize(
    ("combined", "expected"),
    [(Yes & No, False), (Yes | No, True), (Yes() & Yes(), True), (No() | No, False), ((Yes & Yes) | No(), True)],
)
def test_custom_filters_combine(combined: Any, expected: bool) -> None:
    @filter.custom_filter(combined)
    async def handler(self, event): ...

    [found] = handlers_of(handler)[0].event_filters
    assert found.filter(make_event("x"), CFG) is expected


def test_custom_filter_of_a_class_of_a_group_and_of_a_sub_command() -> None:
    @filter.custom_filter(No, False)
    async def handler(self, event): ...

    [found] = handlers_of(handler)[0].event_filters
    assert isinstance(found, No)
    assert found.raise_error is False

    class Plugin:
        @filter.custom_filter(No)
        @filter.command_group("g")
        def g(self): ...

        @g.command("a")
        async def a(self, event): ...

    [command] = handlers_of(Plugin.a)[0].event_filters
    assert not command.filter(make_event("g a", awake=True), CFG)
    assert not Plugin.g.parent_group.filter(make_event("g", awake=True), CFG)

    class Other:
        @filter.command_group("g")
        def g(self): ...

        @g.custom_filter(No)
        @g.command("a")
        async def a(self, event): ...

        @g.command("b")
        async def b(self, event): ...

    with pytest.raises(ValueError) as raised:
        Other.g.parent_group.filter(make_event("g", awake=True), CFG)
    assert "── b" in str(raised.value)
    assert "── a" not in str(raised.value)
    with pytest.raises(ValueError):
        filter.custom_filter(str)


KINDS: list[tuple[Any, dict[str, Any], bool]] = [
    (filter.EventMessageTypeFilter(filter.EventMessageType.ALL), {}, True),
    (filter.EventMessageTypeFilter(filter.EventMessageType.GROUP_MESSAGE), {}, False),
    (filter.EventMessageTypeFilter(filter.EventMessageType.GROUP_MESSAGE), {"group": "1"}, True),
    (
        filter.EventMessageTypeFilter(filter.EventMessageType.GROUP_MESSAGE | filter.EventMessageType.PRIVATE_MESSAGE),
        {},
        True,
    ),
    (filter.PermissionTypeFilter(filter.PermissionType.ADMIN), {}, False),
    (filter.PermissionTypeFilter(filter.PermissionType.ADMIN), {"admin": True}, True),
    (filter.PermissionTypeFilter(filter.PermissionType.MEMBER), {}, True),
    (filter.RegexFilter(r"h.llo$"), {}, True),
    (filter.RegexFilter(r"^x"), {}, False),
    (filter.PlatformAdapterTypeFilter(filter.PlatformAdapterType.ALL), {}, True),
    (filter.PlatformAdapterTypeFilter(filter.PlatformAdapterType.TELEGRAM), {}, False),
    (filter.PlatformAdapterTypeFilter("webchat"), {}, False),
]


@pytest.mark.parametrize(("one", "options", "expected"), KINDS)
def test_kinds(one: Any, options: dict[str, Any], expected: bool) -> None:
    assert one.filter(make_event("  hello ", **options), CFG) is expected


def test_permission_denied_text() -> None:
    denied = filter.PermissionTypeFilter(filter.PermissionType.ADMIN).denial(make_event("x"))
    assert denied == "您(ID: 10001)的权限不足以使用此指令。通过 /sid 获取 ID 并请管理员添加。"


def test_decorators_gather_in_one_record_in_any_order() -> None:
    with collecting() as collector:

        @filter.permission_type(filter.PermissionType.ADMIN)
        @filter.command("a", "a description that is ignored", alias={"b"}, priority=5, is_admin=True, aliases=["x"])
        async def first(self, event):
            """what it does"""

        @filter.command("c", desc="from the keyword")
        @filter.regex("x", flags=2)
        async def second(self, event): ...

        @filter.on_llm_request(priority=-1)
        @filter.event_message_type(filter.EventMessageType.ALL)
        async def both(self, event, req=None): ...

    assert [one.handler_name for one in collector.handlers] == ["first", "second", "both", "both"]
    one = collector.handlers[0]
    assert [type(item).__name__ for item in one.event_filters] == ["CommandFilter", "PermissionTypeFilter"]
    assert (one.priority, one.desc, one.extras_configs["is_admin"]) == (5, "what it does", True)
    assert collector.handlers[1].desc == "from the keyword"
    assert {item.event_type for item in handlers_of(both)} == {
        EventType.AdapterMessageEvent,
        EventType.OnLLMRequestEvent,
    }
    assert sorted(collector.handlers)[0] is one
    assert one.handler_full_name == f"{__name__}_first"


HOOKS = {
    "on_astrbot_loaded": EventType.OnAstrBotLoadedEvent,
    "on_platform_loaded": EventType.OnPlatformLoadedEvent,
    "on_plugin_error": EventType.OnPluginErrorEvent,
    "on_plugin_loaded": EventType.OnPluginLoadedEvent,
    "on_plugin_unloaded": EventType.OnPluginUnloadedEvent,
    "on_waiting_llm_request": EventType.OnWaitingLLMRequestEvent,
    "on_llm_request": EventType.OnLLMRequestEvent,
    "on_llm_response": EventType.OnLLMResponseEvent,
    "on_agent_begin": EventType.OnAgentBeginEvent,
    "on_agent_done": EventType.OnAgentDoneEvent,
    "on_using_llm_tool": EventType.OnUsingLLMToolEvent,
    "on_llm_tool_respond": EventType.OnLLMToolRespondEvent,
    "on_decorating_result": EventType.OnDecoratingResultEvent,
    "after_message_sent": EventType.OnAfterMessageSentEvent,
}


@pytest.mark.parametrize("name", sorted(HOOKS))
def test_hooks(name: str) -> None:
    async def handler(self, *args): ...

    assert getattr(filter, name)(priority=3)(handler) is handler
    [found] = handlers_of(handler)
    assert (found.event_type, found.priority) == (HOOKS[name], 3)


def test_same_name_twice_gives_two_records() -> None:
    with collecting() as collector:

        class Plugin:
            @filter.command("st")
            async def st(self, event, what: str): ...

            @filter.command_group("st")
            def st(self): ...  # noqa: F811

            @st.command("template")
            async def template(self, event): ...

    assert [one.handler_name for one in collector.handlers] == ["st", "st", "template"]
    assert Plugin

"""Tools, docstrings, schemas, requests and responses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

import astrbot_like.api.message_components as Comp
from astrbot_like.api.agent_messages import ContentPart, ImageURLPart, Message, TextPart, ToolCall
from astrbot_like.api.event import MessageChain, filter
from astrbot_like.api.func_tools import FunctionToolManager
from astrbot_like.api.provider import LLMResponse, ProviderRequest, TokenUsage, ToolCallsResult
from astrbot_like.api.provider.entities import AssistantMessageSegment, ToolCallMessageSegment
from astrbot_like.api.registration import TOOL_ATTRIBUTE, collecting
from astrbot_like.api.tools import AstrAgentContext, ContextWrapper, FunctionTool, ToolSet

EMPTY: dict[str, Any] = {"type": "object", "properties": {}}


def tool(name: str, *, active: bool = True, description: str = "d", **properties: str) -> FunctionTool[Any]:
    schema = {"type": "object", "properties": {key: {"type": kind} for key, kind in properties.items()}}
    return FunctionTool(name, description, schema, active=active)


def test_tool_from_a_docstring() -> None:
    with collecting() as collector:

        @filter.llm_tool(name="get_weather")
        async def weather(self, event, city: str, days: int, tags: list):
            """Tells the weather.

            More about it.

            Args:
                city(string): the city,
                    spelled out
                days(int): how many days
                tags(array[str]): tags
                deep(list[number]): numbers
                flag(bool): a flag
                more(dict): an object
            """

    [made] = collector.tools
    assert made is getattr(weather, TOOL_ATTRIBUTE)
    assert made.name == "get_weather"
    assert made.description == "Tells the weather.\n\nMore about it."
    assert made.handler is weather
    assert made.handler_module_path == __name__
    assert "required" not in made.parameters
    assert made.parameters["properties"] == {
        "city": {"type": "string", "description": "the city,\nspelled out"},
        "days": {"type": "number", "description": "how many days"},
        "tags": {"type": "array", "items": {"type": "string"}, "description": "tags"},
        "deep": {"type": "array", "items": {"type": "number"}, "description": "numbers"},
        "flag": {"type": "boolean", "description": "a flag"},
        "more": {"type": "object", "description": "an object"},
    }


@pytest.mark.parametrize(
    ("docstring", "message"),
    [
        ("d\n\nArgs:\n    a: no type\n", "的参数 a 缺少类型注释。"),
        ("d\n\nArgs:\n    a(image): unknown\n", "不支持的参数类型：image"),
        ("d\n\nArgs:\n    a(array[image]): unknown\n", "不支持的参数类型"),
    ],
)
def test_bad_docstrings_are_refused_at_import(docstring: str, message: str) -> None:
    async def handler(self, event, a): ...

    handler.__doc__ = docstring
    with pytest.raises(ValueError, match=message):
        filter.llm_tool()(handler)


def test_tool_without_docstring_has_its_functions_name() -> None:
    @filter.llm_tool()
    async def ping(self, event): ...

    made = getattr(ping, TOOL_ATTRIBUTE)
    assert (made.name, made.description, made.parameters) == ("ping", "", EMPTY)


async def test_tool_classes() -> None:
    @dataclass
    class Adder(FunctionTool[AstrAgentContext]):
        name: str = "add"
        description: str = "adds"
        parameters: dict = field(default_factory=lambda: dict(EMPTY))

        async def call(self, context: ContextWrapper[AstrAgentContext], **kwargs: Any) -> str:
            return str(kwargs["a"] + 1)

    assert await Adder().call(ContextWrapper(context=None), a=1) == "2"  # type: ignore[arg-type]
    assert "add" in repr(Adder())
    with pytest.raises(NotImplementedError):
        await FunctionTool("x", "d", EMPTY).call(ContextWrapper(context=None))


async def test_tool_classes_by_pydantic_dataclasses() -> None:
    from pydantic import Field
    from pydantic.dataclasses import dataclass as pydantic_dataclass

    @pydantic_dataclass
    class Adder(FunctionTool[AstrAgentContext]):
        name: str = "add"
        description: str = "adds"
        parameters: dict = Field(default_factory=lambda: {"type": "object", "properties": {"a": {"type": "number"}}})

        async def call(self, context: Any, **kwargs: Any) -> str:
            return "called"

    made = Adder()
    assert made.parameters["properties"]["a"] == {"type": "number"}
    assert await made.call(None) == "called"
    assert made.active


@pytest.mark.parametrize(
    "schema",
    [
        [],
        {"type": "objekt"},
        {"type": "object", "properties": []},
        {"type": "object", "required": "a"},
        {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "x"}}}},
    ],
)
def test_parameters_must_be_a_schema(schema: Any) -> None:
    with pytest.raises(ValueError, match="parameters"):
        FunctionTool("x", "d", schema)


def test_tool_sets() -> None:
    tools = ToolSet([tool("a"), tool("b", active=False)])
    tools.add_tool(tool("a", active=False, description="ignored: the present one is active"))
    tools.add_tool(tool("b", description="new"))
    assert [one.description for one in tools] == ["d", "new"]
    tools.merge(ToolSet([tool("c")]))
    assert tools.names() == ["a", "b", "c"]
    tools.remove_tool("a")
    assert tools.get_tool("a") is None
    assert len(tools) == 2
    assert tools
    assert not ToolSet()
    assert ToolSet().empty()
    tools.add_func("f", [{"type": "string", "name": "x", "description": "y"}], "d", lambda: None)
    made = tools.get_func("f")
    assert made is not None
    assert made.parameters["properties"] == {"x": {"type": "string", "description": "y"}}
    assert [one.parameters for one in tools.get_light_tool_set()] == [EMPTY] * 3
    assert {one.description for one in tools.get_param_only_tool_set()} == {""}


def test_schemas_of_services() -> None:
    tools = ToolSet([tool("a", x="string"), tool("b", description="")])
    assert tools.openai_schema(omit_empty_parameter_field=True) == [
        {
            "type": "function",
            "function": {
                "name": "a",
                "description": "d",
                "parameters": {"type": "object", "properties": {"x": {"type": "string"}}},
            },
        },
        {"type": "function", "function": {"name": "b"}},
    ]
    assert tools.openai_schema()[1]["function"]["parameters"] == EMPTY
    assert tools.anthropic_schema()[0] == {
        "name": "a",
        "description": "d",
        "input_schema": {"type": "object", "properties": {"x": {"type": "string"}}, "required": []},
    }
    assert ToolSet().google_schema() == {}


GEMINI: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"type": ["string", "null"]}, {"type": "string"}),
    ({"type": "string", "format": "uri"}, {"type": "string"}),
    ({"type": "integer", "format": "int32", "default": 3}, {"type": "integer", "format": "int32"}),
    ({"type": "array"}, {"type": "array", "items": {"type": "string"}}),
    ({"anyOf": [{"type": "string", "x": 1}]}, {"anyOf": [{"type": "string"}]}),
    ({"type": "object", "additionalProperties": False, "properties": {}}, {"type": "object"}),
    ({}, {"type": "null"}),
]


@pytest.mark.parametrize(("given", "expected"), GEMINI)
def test_gemini_subset(given: dict[str, Any], expected: dict[str, Any]) -> None:
    made = FunctionTool("t", "d", {"type": "object", "properties": {"x": given}, "required": ["x"]})
    [declaration] = ToolSet([made]).google_schema()["function_declarations"]
    assert declaration["parameters"]["properties"]["x"] == expected
    assert declaration["parameters"]["required"] == ["x"]


def test_manager_of_tools() -> None:
    changes: list[int] = []
    manager = FunctionToolManager()
    manager.on_change = lambda: changes.append(1)

    async def handler(event: Any, x: str) -> str:
        return x

    manager.add_func("f", [{"type": "string", "name": "x", "description": "d"}], "desc", handler)
    found = manager.get_func("f")
    assert found is not None
    assert found.handler is handler
    assert found.handler_module_path == __name__
    manager.add_tool(tool("f", description="replaced"))
    assert [one.description for one in manager.func_list] == ["replaced"]
    assert manager.deactivate_llm_tool("f")
    assert not manager.get_full_tool_set()
    assert manager.activate_llm_tool("f")
    assert manager.get_full_tool_set().names() == ["f"]
    assert not manager.activate_llm_tool("absent")
    listed = manager.func_list
    manager.remove_func("f")
    assert manager.func_list is listed
    assert listed == []
    assert len(changes) == 5


def test_completion_text_reads_and_writes_the_chain() -> None:
    response = LLMResponse("assistant", "stored")
    assert response.completion_text == "stored"
    response.completion_text = "new"
    assert response.completion_text == "new"
    chain = MessageChain([Comp.Image(file="x"), Comp.Plain("a"), Comp.Plain("b")])
    response = LLMResponse("assistant", "ignored", result_chain=chain)
    assert response.completion_text == "a b"
    response.completion_text = "c"
    assert chain.chain == [Comp.Plain("c"), Comp.Image(file="x")]
    response.result_chain = None
    assert response.completion_text == "ignored"
    assert LLMResponse("err").completion_text == ""
    assert LLMResponse("tool").tools_call_name is not LLMResponse("tool").tools_call_name


def test_tool_calls_in_openai_form() -> None:
    response = LLMResponse(
        "tool",
        tools_call_name=["a"],
        tools_call_args=[{"x": "中"}],
        tools_call_ids=["1"],
        tools_call_extra_content={"1": {"k": "v"}},
    )
    assert response.to_openai_tool_calls() == [
        {
            "id": "1",
            "type": "function",
            "function": {"name": "a", "arguments": '{"x": "中"}'},
            "extra_content": {"k": "v"},
        }
    ]
    answered = ToolCallsResult(
        AssistantMessageSegment(tool_calls=response.to_openai_tool_calls_model()),
        [ToolCallMessageSegment(content="r", tool_call_id="1")],
    )
    assert answered.to_openai_messages() == [
        {"role": "assistant", "content": None, "tool_calls": response.to_openai_tool_calls()},
        {"role": "tool", "content": "r", "tool_call_id": "1"},
    ]
    request = ProviderRequest(tool_calls_result=answered)
    request.append_tool_calls_result(answered)
    assert request.tool_calls_result == [answered, answered]


def test_messages() -> None:
    message = Message.model_validate(
        {
            "role": "user",
            "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "u"}}],
            "extra": 1,
        }
    )
    assert message.content == [TextPart(text="a"), ImageURLPart(image_url={"url": "u"})]
    assert message.model_dump()["content"][1] == {"type": "image_url", "image_url": {"url": "u", "id": None}}
    assert ContentPart.model_validate({"type": "text", "text": "x"}) == TextPart(text="x")
    assert TextPart(text="x").mark_as_temp().model_dump_for_context()["_no_save"] is True
    assert "_no_save" not in TextPart(text="x").model_dump_for_context()
    assert ToolCall(id="1", function={"name": "f", "arguments": "{}"}).function.name == "f"
    assert Message(role="user", content="x").model_copy(update={"content": "y"}).content == "y"
    for wrong in ({"role": "user"}, {"content": "x"}, {"role": "user", "content": [{"type": "odd"}]}):
        with pytest.raises(ValueError):
            Message.model_validate(wrong)


def test_usage_adds_up() -> None:
    one = TokenUsage(input_other=3, input_cached=2, output=1)
    assert (one.input, one.total) == (5, 6)
    assert one + one - one == one


async def test_request_becomes_a_message() -> None:
    assert await ProviderRequest(prompt="hi").assemble_context() == {"role": "user", "content": "hi"}
    made = await ProviderRequest(
        prompt="see", image_urls=["base64://iVBORw0KGgo=", "/absent.png"], extra_user_content_parts=[TextPart(text="t")]
    ).assemble_context()
    assert made["content"][0] == {"type": "text", "text": "see"}
    assert made["content"][1] == {"type": "text", "text": "t"}
    assert made["content"][2]["image_url"]["url"].startswith("data:image/png;base64,")
    assert len(made["content"]) == 3
    assert (await ProviderRequest(image_urls=["base64://iVBORw0KGgo="]).assemble_context())["content"][0] == {
        "type": "text",
        "text": "[图片]",
    }


def test_logs_never_show_what_people_say() -> None:
    assert "secret" not in repr(ProviderRequest(prompt="secret", system_prompt="secret"))
    assert "secret" not in repr(LLMResponse("assistant", "secret"))

"""Servers that imitate Chat Completions, each with its own ways: what comes of their streams."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from astrbot_like.api.kit.errors import ServiceError
from astrbot_like.api.provider import LLMResponse, TokenUsage
from astrbot_like.api.tools import FunctionTool, ToolSet
from astrbot_like.domain.tool_arguments import UnreadableArguments
from plugins.openai.chat import OpenAIChat
from tests.standins.compatible import DONE, Compatible, call, calls, chunk

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = ToolSet([FunctionTool("get_weather", "Get the weather", CITY)])
USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
BERLIN, PARIS = {"city": "Berlin"}, {"city": "Paris"}


@asynccontextmanager
async def served(service: Compatible) -> AsyncIterator[OpenAIChat]:
    async with service.running():
        provider = OpenAIChat(
            {"id": "it", "type": "t", "api_base": f"{service.url}/v1", "model": "m", "timeout": 2}, {}
        )
        yield provider
        await provider.terminate()


async def streamed(*lines: str, **arguments: Any) -> list[LLMResponse]:
    async with served(Compatible(lines=lines)) as provider:
        return [one async for one in provider.text_chat_stream(prompt="hi", func_tool=TOOLS, **arguments)]


TEXTS: dict[str, tuple[Sequence[str], str, str | None, TokenUsage | None]] = {
    "a chunk with nothing but the role, usage in a chunk without choices (vLLM, OpenAI)": (
        [
            chunk({"role": "assistant", "content": ""}),
            chunk({"content": "Hello"}),
            chunk({"content": " there."}),
            chunk({}, "stop"),
            chunk(None, usage=USAGE),
            DONE,
        ],
        "Hello there.", None, TokenUsage(7, 0, 3),
    ),
    "no usage at all (older Ollama, LM Studio)": (
        [chunk({"role": "assistant", "content": "Hello"}), chunk({"content": ""}, "stop"), DONE],
        "Hello", None, None,
    ),
    "reasoning_content with a null content beside it, usage with the last piece, comments (DeepSeek)": (
        [
            ": keep-alive",
            chunk({"role": "assistant", "content": None, "reasoning_content": "Let me"}, usage=None),
            chunk({"content": None, "reasoning_content": " see."}),
            ": keep-alive",
            chunk({"content": "Yes.", "reasoning_content": None}),
            chunk({"content": "", "reasoning_content": None}, "stop", usage={**USAGE, "prompt_cache_hit_tokens": 4}),
            DONE,
        ],
        "Yes.", "Let me see.", TokenUsage(7, 0, 3),
    ),
    "reasoning instead of reasoning_content (Ollama, OpenRouter, newer vLLM)": (
        [chunk({"content": "", "reasoning": "Hm."}), chunk({"content": "Yes."}), chunk({"content": ""}, "stop"), DONE],
        "Yes.", "Hm.", None,
    ),
    "think tags in the text (llama.cpp and vLLM without a reasoning parser)": (
        [chunk({"content": piece}) for piece in ("<thi", "nk>\nLet me", " see.</th", "ink>\n\nYes", ".")]
        + [chunk({}, "stop"), DONE],
        "Yes.", "\nLet me see.", None,
    ),
    "content in parts, thinking among them (Mistral)": (
        [
            chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}]}),
            chunk({"content": [{"type": "text", "text": "Yes."}]}),
            chunk({"content": ""}, "stop"),
            DONE,
        ],
        "Yes.", "Hm.", None,
    ),
    "no end mark, only a finish reason; no space after data:; CRLF (llama.cpp, proxies)": (
        [chunk({"content": "Yes."}).replace("data: ", "data:") + "\r", chunk({}, "stop") + "\r"],
        "Yes.", None, None,
    ),
    "an end mark, no finish reason": ([chunk({"content": "Yes."}), DONE], "Yes.", None, None),
    "a content filter's chunk before anything (Azure)": (
        [
            'data: {"id":"","choices":[],"prompt_filter_results":[{"prompt_index":0}]}',
            chunk({"content": "Yes."}),
            chunk({}, "stop"),
            DONE,
        ],
        "Yes.", None, None,
    ),
    "fields of other types than documented": (
        [
            'data: {"id":7,"created":"now","choices":[{"index":"0","delta":{"content":"Yes.","tool_calls":null}}]}',
            'data: {"id":null,"choices":[{"delta":{},"finish_reason":"stop","logprobs":"none"}],"usage":{}}',
            DONE,
        ],
        "Yes.", None, TokenUsage(0, 0, 0),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TEXTS)
async def test_text(name: str) -> None:
    lines, text, reasoning, usage = TEXTS[name]
    *chunks, whole = await streamed(*lines)
    assert (whole.completion_text.strip(), whole.reasoning_content, whole.usage) == (text, reasoning, usage)
    assert "".join(one.completion_text or "" for one in chunks).strip() == text
    assert "".join(one.reasoning_content or "" for one in chunks) == (reasoning or "")


CALLS: dict[str, tuple[Sequence[str], list[dict[str, str]]]] = {
    "ids with the first piece only (OpenAI)": (
        [
            chunk(calls(call(0, "get_weather", "", "a"))),
            chunk(calls(call(0, arguments='{"city":'))),
            chunk(calls(call(0, arguments='"Berlin"}'))),
            chunk(calls(call(1, "get_weather", '{"city":"Paris"}', "b"))),
            chunk({}, "tool_calls"),
        ],
        [BERLIN, PARIS],
    ),
    "no ids at all (some vLLM parsers)": (
        [
            chunk(calls(call(0, "get_weather"))),
            chunk(calls(call(0, arguments='{"city":"Berlin"}'))),
            chunk(calls(call(1, "get_weather"))),
            chunk(calls(call(1, arguments='{"city":"Paris"}'))),
            chunk({}, "tool_calls"),
        ],
        [BERLIN, PARIS],
    ),
    "every call whole with index 0, the end called stop (Ollama)": (
        [
            chunk(calls(call(0, "get_weather", '{"city":"Berlin"}', "a"))),
            chunk(calls(call(0, "get_weather", '{"city":"Paris"}', "b"))),
            chunk({"content": ""}, "stop"),
        ],
        [BERLIN, PARIS],
    ),
    "neither index nor id, arguments as an object (Gemini's and older compatible servers)": (
        [
            chunk(calls(call(None, "get_weather", BERLIN))),
            chunk(calls(call(None, "get_weather", PARIS))),
            chunk({}, "stop"),
        ],
        [BERLIN, PARIS],
    ),
    "the id repeated with each piece": (
        [
            chunk(calls(call(0, "get_weather", '{"city":', "a"))),
            chunk(calls(call(0, None, '"Berlin"}', "a"))),
            chunk({}, "tool_calls"),
        ],
        [BERLIN],
    ),
    "both in one piece": (
        [
            chunk(
                calls(call(0, "get_weather", '{"city":"Berlin"}', "a"), call(1, "get_weather", '{"city":"Paris"}', "b"))
            ),
            chunk({}, "tool_calls"),
        ],
        [BERLIN, PARIS],
    ),
    "no arguments": ([chunk(calls(call(0, "get_weather", "", "a"))), chunk({}, "tool_calls")], [{}]),
}


async def test_arguments_that_are_no_json_are_left_for_the_agent_to_answer() -> None:
    lines = [chunk(calls(call(0, "get_weather", '{"city":"Ber', "a"))), chunk({}, "tool_calls")]
    whole = (await streamed(*lines, DONE))[-1]
    assert whole.role == "tool" and whole.tools_call_name == ["get_weather"]
    [arguments] = whole.tools_call_args
    assert isinstance(arguments, UnreadableArguments) and arguments == {}
    assert arguments.written == '{"city":"Ber'


@pytest.mark.parametrize("name", CALLS)
async def test_tool_calls(name: str) -> None:
    lines, arguments = CALLS[name]
    whole = (await streamed(*lines, DONE))[-1]
    assert whole.role == "tool"
    assert whole.tools_call_args == arguments
    assert whole.tools_call_name == ["get_weather"] * len(arguments)
    assert len(set(whole.tools_call_ids)) == len(arguments) and all(whole.tools_call_ids)


@pytest.mark.parametrize(
    "line",
    [
        'data: {"error":{"message":"the model ran out of memory","type":"server_error"}}',
        'event: error\ndata: {"error":{"message":"the model ran out of memory"}}',
        'data: {"error":"the model ran out of memory"}',
        'data: {"object":"error","message":"the model ran out of memory","code":50001}',
    ],
)
async def test_an_error_within_a_good_answer_is_told(line: str) -> None:
    for before in ([], [chunk({"content": "Hello"})]):
        with pytest.raises(ServiceError, match="the model ran out of memory"):
            await streamed(*before, line)


async def test_what_a_server_refuses_is_left_out_from_then_on() -> None:
    reply = [chunk({"content": "Yes."}), chunk({}, "stop"), DONE]
    refuses = {
        "stream_options": "Unrecognized request argument supplied: stream_options",
        '"tools"': "registry.ollama.ai/library/m does not support tools",
    }
    service = Compatible(lines=reply, refuses=refuses)
    async with served(service) as provider:
        for requests in (3, 4):
            whole = [one async for one in provider.text_chat_stream(prompt="hi", func_tool=TOOLS)][-1]
            assert whole.completion_text == "Yes."
            assert len(service.requests) == requests


async def test_a_whole_answer_with_reasoning_and_calls() -> None:
    message = {"role": "assistant", "content": "", "reasoning_content": "Hm."} | calls(
        call(None, "get_weather", BERLIN)
    )
    service = Compatible(whole={"id": 1, "choices": [{"message": message, "finish_reason": "stop"}]})
    async with served(service) as provider:
        told = await provider.text_chat(prompt="hi", func_tool=TOOLS)
    assert (told.role, told.tools_call_args, told.reasoning_content, told.usage) == ("tool", [BERLIN], "Hm.", None)

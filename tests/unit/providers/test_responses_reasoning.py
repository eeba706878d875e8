"""Encrypted reasoning of the Responses API goes back with the calls that it led to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from astrbot_like.api.provider import LLMResponse
from astrbot_like.api.tools import FunctionTool, ToolSet
from astrbot_like.engine.tool_calls import asking, calls_of
from plugins.openai.responses import OpenAIResponses
from tests.standins.responses import TOOL, ReasoningStandIn

TOOLS = ToolSet([FunctionTool(TOOL, "Get the weather", {"type": "object", "properties": {}})])
QUESTION = {"role": "user", "content": "weather?"}


def provider_of(service: ReasoningStandIn, **options: Any) -> OpenAIResponses:
    config = {"id": "gpt", "type": "t", "key": ["right-key"], "api_base": f"{service.url}/v1", "model": "o", **options}
    return OpenAIResponses(config, {})


@pytest.fixture
async def service() -> AsyncIterator[ReasoningStandIn]:
    async with ReasoningStandIn().running() as running:
        assert isinstance(running, ReasoningStandIn)
        yield running


async def answer(provider: OpenAIResponses, contexts: list[dict[str, Any]], streaming: bool) -> LLMResponse:
    if not streaming:
        return await provider.text_chat(contexts=contexts, func_tool=TOOLS)
    return [one async for one in provider.text_chat_stream(contexts=contexts, func_tool=TOOLS)][-1]


def with_results(asked: LLMResponse) -> list[dict[str, Any]]:
    """The conversation as the engine goes on with it."""
    calls = calls_of(asked)
    results = [{"role": "tool", "tool_call_id": call.id, "content": "sunny"} for call in calls]
    return [QUESTION, asking(asked, "", calls), *results]


@pytest.mark.parametrize("streaming", [True, False])
async def test_it_goes_back_in_front_of_each_call(service: ReasoningStandIn, streaming: bool) -> None:
    provider = provider_of(service)
    asked = await answer(provider, [QUESTION], streaming)
    assert asked.tools_call_ids == ["call_0", "call_1"]
    told = await answer(provider, with_results(asked), streaming)
    assert told.completion_text == "Sunny twice."
    sent = [item.get("type") or item["role"] for item in service.last.body["input"]]
    assert sent == ["user", *["reasoning", "function_call"] * 2, *["function_call_output"] * 2]
    await provider.terminate()


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_model_that_has_none_is_asked_for_it_once(service: ReasoningStandIn, streaming: bool) -> None:
    service.reasons = False
    provider = provider_of(service)
    asked = await answer(provider, [QUESTION], streaming)
    told = await answer(provider, with_results(asked), streaming)
    assert told.completion_text == "Sunny twice."
    assert ["include" in request.body for request in service.requests] == [True, False, False]
    await provider.terminate()


async def test_it_is_not_shown_to_another_provider(service: ReasoningStandIn) -> None:
    first, second = provider_of(service), provider_of(service, id="other")
    asked = await answer(first, [QUESTION], streaming=True)
    service.reasons = False  # the other model knows nothing of it
    assert (await answer(second, with_results(asked), streaming=True)).completion_text == "Sunny twice."
    assert "secret" not in str(service.last.body)
    await first.terminate()
    await second.terminate()

"""Anthropic and Gemini against stand-ins that refuse what the services refuse."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from astrbot_like.api.kit.chat_provider import ServiceChatProvider
from astrbot_like.api.kit.errors import ServiceError
from astrbot_like.api.provider import LLMResponse, TokenUsage
from astrbot_like.api.tools import FunctionTool, ToolSet
from plugins.anthropic.chat import AnthropicChat
from plugins.gemini.chat import GeminiChat
from plugins.gemini.embedding import GeminiEmbedding
from tests.standins.anthropic import AnthropicStandIn
from tests.standins.base import StandIn
from tests.standins.gemini import GeminiStandIn

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(8)).decode()
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = ToolSet([FunctionTool("get_weather", "Get the weather", CITY)])


@dataclass
class Case:
    """A provider with the stand-in of its service."""

    provider: ServiceChatProvider
    service: StandIn
    thinking: dict[str, Any]
    named: str

    async def stream(self, **arguments: Any) -> list[LLMResponse]:
        arguments.setdefault("prompt", "hello")
        return [response async for response in self.provider.text_chat_stream(**arguments)]


@pytest.fixture(params=["anthropic", "gemini"])
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    claude = request.param == "anthropic"
    standin = AnthropicStandIn() if claude else GeminiStandIn()
    kind = AnthropicChat if claude else GeminiChat
    async with standin.running() as service:
        config = {
            "id": "mine",
            "type": "t",
            "key": ["right-key"],
            "api_base": service.url,
            "model": "m",
            "timeout": 0.4,
        }
        provider = kind(config, {})
        thinking = {"anth_thinking_config": {"budget": 2000}} if claude else {"gm_thinking_config": {"budget": 500}}
        yield Case(provider, service, thinking, "Claude" if claude else "Gemini")
        await provider.terminate()


async def test_text_streams_with_usage(case: Case) -> None:
    *chunks, whole = await case.stream(system_prompt="Be brief.")
    assert [chunk.completion_text for chunk in chunks] == ["Hello ", "from ", f"{case.named}."]
    assert whole.completion_text == f"Hello from {case.named}."
    assert whole.usage in (TokenUsage(12, 3, 7),)
    assert "Be brief." in str(case.service.last.body)
    assert (await case.provider.text_chat(prompt="hello")).completion_text == whole.completion_text


async def test_parallel_tools_there_and_back(case: Case) -> None:
    asked = (await case.stream(prompt="use the tool", func_tool=TOOLS))[-1]
    assert asked.role == "tool"
    assert asked.tools_call_name == ["get_weather"] * 2
    assert asked.tools_call_args == [{"city": "Berlin"}, {"city": "Paris"}]
    assert len(set(asked.tools_call_ids)) == 2
    contexts = [
        {"role": "user", "content": "use the tool"},
        {"role": "assistant", "content": asked.completion_text, "tool_calls": asked.to_openai_tool_calls()},
        *({"role": "tool", "tool_call_id": one, "content": "sunny"} for one in asked.tools_call_ids),
        {"role": "user", "content": [{"type": "text", "text": "and hurry"}]},
    ]
    told = (await case.stream(prompt=None, contexts=contexts, func_tool=TOOLS))[-1]
    assert told.completion_text == "The tool said sunny"
    if case.named == "Gemini":
        assert case.service.last.body["contents"][1]["parts"][-2]["thoughtSignature"] == "c2lnLTE="


async def test_images_audio_and_odd_histories(case: Case, wav_file) -> None:
    contexts = [
        {"role": "assistant", "content": "It begins with me."},
        {"role": "assistant", "content": "Twice."},
        {"role": "user", "content": "one"},
        {"role": "user", "content": ""},
    ]
    await case.stream(contexts=contexts, image_urls=[f"base64://{PNG}"], audio_urls=[str(wav_file)])
    sent = str(case.service.last.body)
    assert PNG in sent
    assert "image/png" in sent
    assert "audio/wav" in sent or "takes no audio" in sent


async def test_thinking_is_kept_apart(case: Case) -> None:
    config = {**case.provider.provider_config, **case.thinking, "model": "gemini-2.5-flash"}
    provider = type(case.provider)(config, {})
    whole = [response async for response in provider.text_chat_stream(prompt="hello")][-1]
    assert whole.reasoning_content == "hm, let me think"
    assert whole.completion_text == f"Hello from {case.named}."
    if case.named == "Claude":
        assert whole.reasoning_signature == "sig-1"
    await provider.terminate()


@pytest.mark.parametrize(
    ("faults", "failure"),
    [
        ({"status": 401}, "auth"),
        ({"status": 429}, "rate_limit"),
        ({"status": 529}, "server"),
        ({"status": 500}, "server"),
        ({"cut_after": 2}, "cut"),
        ({"hang_after": 2}, "timeout"),
        ({"error_after": 2}, "server"),
    ],
)
async def test_failures(case: Case, faults: dict[str, Any], failure: str) -> None:
    for name, value in faults.items():
        setattr(case.service.faults, name, value)
    with pytest.raises(ServiceError) as caught:
        await case.stream()
    assert caught.value.failure == failure
    assert "provider mine" in caught.value.message


async def test_a_wrong_key_and_an_unknown_model(case: Case) -> None:
    with pytest.raises(ServiceError, match="does not know the model 'no-such-model'"):
        await case.stream(model="no-such-model")
    other = type(case.provider)({**case.provider.provider_config, "key": ["wrong-key"]}, {})
    with pytest.raises(ServiceError) as caught:
        await other.text_chat(prompt="hello")
    await other.terminate()
    assert (caught.value.failure, caught.value.status) == ("auth", 401)


async def test_a_slow_service_is_heard_word_by_word_and_can_be_left(case: Case) -> None:
    case.service.faults.pause = 0.02
    begun = asyncio.Event()

    async def listen() -> None:
        async for _ in case.provider.text_chat_stream(prompt="hello"):
            begun.set()

    task = asyncio.create_task(listen())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(2):
        while not case.service.aborted:
            await asyncio.sleep(0.005)


async def test_models_and_the_test_button(case: Case) -> None:
    prefix = case.named.lower()
    assert await case.provider.get_models() == [f"{prefix}-a", f"{prefix}-b"]
    await case.provider.test()


async def test_a_refused_prompt_says_so() -> None:
    async with GeminiStandIn().running() as service:
        provider = GeminiChat({"id": "g", "type": "t", "key": "right-key", "api_base": service.url, "model": "m"}, {})
        with pytest.raises(ServiceError, match="refused \\(SAFETY\\)"):
            await provider.text_chat(prompt="forbidden")
        await provider.terminate()


async def test_gemini_embeddings() -> None:
    async with GeminiStandIn().running() as service:
        config = {"id": "e", "type": "t", "embedding_api_key": "right-key", "embedding_api_base": service.url}
        provider = GeminiEmbedding({**config, "embedding_dimensions": 4}, {})
        assert await provider.get_embeddings(["a", "bb"]) == [[1.0] * 4, [2.0] * 4]
        await provider.terminate()

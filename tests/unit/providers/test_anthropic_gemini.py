"""Anthropic and Gemini against stand-ins that refuse what the services refuse."""

from __future__ import annotations

import asyncio
import base64
import gc
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from astrbot_like.api.kit.errors import ServiceError
from astrbot_like.api.kit.sdk import SdkChatProvider
from astrbot_like.api.provider import LLMResponse, TokenUsage
from astrbot_like.api.tools import FunctionTool, ToolSet
from plugins.anthropic.chat import AnthropicChat
from plugins.anthropic.messages import signature_of, to_blocks
from plugins.gemini.chat import GeminiChat
from plugins.gemini.embedding import GeminiEmbedding
from tests.standins.anthropic import AnthropicStandIn
from tests.standins.base import StandIn
from tests.standins.gemini import GeminiStandIn
from tests.support.census import settle

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(8)).decode()
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = ToolSet([FunctionTool("get_weather", "Get the weather", CITY)])


@dataclass
class Case:
    """A provider with the stand-in of its service."""

    provider: SdkChatProvider
    service: StandIn
    thinking: dict[str, Any]
    named: str

    def with_options(self, **options: Any) -> SdkChatProvider:
        return type(self.provider)({**self.provider.provider_config, **options}, {})

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


async def test_thoughts_go_back_with_the_calls_they_led_to(case: Case) -> None:
    provider = case.with_options(**case.thinking, model="gemini-2.5-flash")
    whole = [one async for one in provider.text_chat_stream(prompt="use the tool", func_tool=TOOLS)][-1]
    thought = {"type": "think", "think": whole.reasoning_content, "encrypted": whole.reasoning_signature}
    contexts = [
        {"role": "user", "content": "use the tool"},
        {"role": "assistant", "content": [thought], "tool_calls": whole.to_openai_tool_calls()},
        *({"role": "tool", "tool_call_id": one, "content": "sunny"} for one in whole.tools_call_ids),
    ]
    told = [one async for one in provider.text_chat_stream(contexts=contexts, func_tool=TOOLS)][-1]
    assert told.completion_text == "The tool said sunny"
    body = case.service.last.body
    if case.named == "Claude":
        thinking = {"type": "thinking", "thinking": "hm, let me think", "signature": "sig-1"}
        assert body["messages"][1]["content"][0] == thinking
        # Calls of another provider come without thoughts: the service would refuse to think on from there.
        contexts[1] = {**contexts[1], "content": None}
        await provider.text_chat(contexts=contexts, func_tool=TOOLS)
        assert "thinking" not in case.service.last.body
    else:
        assert body["contents"][1]["parts"][-2]["thoughtSignature"] == "c2lnLTE="
        assert "hm, let me think" not in str(body)
    await provider.terminate()


async def test_several_thoughts_and_a_hidden_one_go_back_as_they_came() -> None:
    thoughts = [
        {"type": "thinking", "thinking": "first", "signature": "a"},
        {"type": "redacted_thinking", "data": "xyz"},
        {"type": "thinking", "thinking": "second", "signature": "b"},
    ]
    part = {"type": "think", "think": "firstsecond", "encrypted": signature_of(thoughts)}
    call = {"id": "c", "type": "function", "function": {"name": "x", "arguments": "{}"}}
    [_, asked] = to_blocks(
        [{"role": "user", "content": "?"}, {"role": "assistant", "content": [part], "tool_calls": [call]}]
    )
    assert asked["content"][:3] == thoughts
    assert signature_of([]) is None


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
    provider = case.with_options(**case.thinking, model="gemini-2.5-flash")
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
    other = case.with_options(key=["wrong-key"])
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
    assert await settle(lambda: case.service.aborted)


async def test_leaving_the_stream_closes_the_connection_and_leaves_nothing(case: Case) -> None:
    troubles: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: troubles.append(context))
    case.service.faults.pause = 0.02
    case.service.reply = "word " * 200
    async with aclosing(case.provider.text_chat_stream(prompt="hello")) as responses:
        async for _ in responses:
            break
    assert await settle(lambda: case.service.aborted)
    case.service.faults.pause = 0
    case.service.faults.cut_after = case.service.faults.error_after = 2
    with pytest.raises(ServiceError):
        await case.stream()
    gc.collect()
    await asyncio.sleep(0)
    assert troubles == []


async def test_one_request_for_one_call_and_the_next_key_takes_over(case: Case) -> None:
    case.service.faults.status = 503
    with pytest.raises(ServiceError):
        await case.stream()
    assert len(case.service.requests) == 1
    case.service.faults.status = 429
    with pytest.raises(ServiceError) as caught:
        await case.stream()
    assert caught.value.retry_after == 3
    case.service.faults.status = 0
    two = case.with_options(key=["wrong-key", "right-key"])
    assert (await two.text_chat(prompt="hello")).completion_text == f"Hello from {case.named}."
    await two.terminate()


async def test_a_service_without_a_key_and_one_that_is_not_there(case: Case) -> None:
    case.service.key = ""
    keyless = case.with_options(key=[])
    assert (await keyless.text_chat(prompt="hello")).completion_text == f"Hello from {case.named}."
    await keyless.terminate()
    gone = case.with_options(api_base="http://127.0.0.1:9")
    took: list[float] = []
    for _ in range(4):  # the first one also imports the library
        start = time.perf_counter()
        with pytest.raises(ServiceError, match=r"reached at http://127.0.0.1:9 \(the connection was refused\)"):
            await gone.text_chat(prompt="hello")
        took.append(time.perf_counter() - start)
    assert min(took) < 0.25, "it is not tried again by the library"
    await gone.terminate()


async def test_what_is_no_such_service_is_said(case: Case) -> None:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<html>Welcome</html>", content_type="text/html")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", page)
    async with TestServer(app) as server:
        lost = case.with_options(api_base=str(server.make_url("/")))
        with pytest.raises(ServiceError):
            await lost.text_chat(prompt="hello")
        with pytest.raises(ServiceError):
            await lost.get_models()
        await lost.terminate()


async def test_a_library_that_is_not_installed_is_named_when_the_provider_is_made(case: Case) -> None:
    provider = case.with_options()
    provider.module = "no_such_library"
    with pytest.raises(ServiceError, match=f"pip install {provider.package}"):
        await provider.initialize()
    with pytest.raises(ServiceError, match=f"pip install {provider.package}"):
        await provider.text_chat(prompt="hello")
    await provider.terminate()


def test_the_library_is_imported_by_a_provider_and_in_a_thread() -> None:
    program = """
import asyncio, sys, threading
from plugins.{plugin}.chat import {name}
importer = None
class Watch:
    def find_spec(self, name, path=None, target=None):
        global importer
        if name == "{module}":
            importer = importer or threading.current_thread()
sys.meta_path.insert(0, Watch())
async def main():
    assert not any(name.startswith("{module}") for name in sys.modules), "loaded with the plugin"
    provider = {name}({{"id": "x", "type": "t", "api_base": "http://127.0.0.1:9", "key": "k"}}, {{}})
    await provider.initialize()
    await provider.client()
    await provider.terminate()
    assert importer is not threading.main_thread()
    assert "{module}" in sys.modules
asyncio.run(main())
"""
    for plugin, name, module in (("anthropic", "AnthropicChat", "anthropic"), ("gemini", "GeminiChat", "google.genai")):
        subprocess.run([sys.executable, "-c", program.format(plugin=plugin, name=name, module=module)], check=True)


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

"""What every chat model must do."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest

from astrbot_like.api.kit.errors import ServiceError
from astrbot_like.api.provider import LLMResponse
from astrbot_like.api.tools import FunctionTool, ToolSet
from tests.unit.providers.contract.button import check_button
from tests.unit.providers.contract.chat_rows import CHAT_MODELS
from tests.unit.providers.contract.checks import DEADLINE, check_failure, wait_until
from tests.unit.providers.contract.subjects import Fault, Running, each, each_fault

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(8)).decode()
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = ToolSet([FunctionTool("get_weather", "Get the weather", CITY)])


async def streamed(provider: Any, **arguments: Any) -> list[LLMResponse]:
    """Every chunk, and the whole response at the end."""
    return [response async for response in provider.text_chat_stream(**arguments)]


@each(CHAT_MODELS, "text")
async def test_a_whole_answer(running: Running) -> None:
    answer = await running.provider.text_chat(prompt="hello there", system_prompt="Be brief.")
    assert (answer.role, answer.completion_text) == ("assistant", running.subject.expected)
    assert answer.usage is not None
    assert answer.usage.output > 0
    assert "hello there" in running.service.sent
    assert "Be brief." in running.service.sent


@each(CHAT_MODELS, "stream")
async def test_the_answer_comes_piece_by_piece(running: Running) -> None:
    running.service.slow_down()
    under_way: list[int] = []
    responses: list[LLMResponse] = []
    async with asyncio.timeout(DEADLINE):
        async for response in running.provider.text_chat_stream(prompt="hello"):
            responses.append(response)
            under_way.append(running.service.under_way)
    *chunks, whole = responses
    assert under_way[0] == 1  # the first piece came while the rest was being made
    assert len(chunks) > 1
    assert "".join(chunk.completion_text for chunk in chunks) == whole.completion_text == running.subject.expected


@each(CHAT_MODELS, "tools")
async def test_parallel_tools_there_and_back(running: Running) -> None:
    running.subject.arrange(running.service)
    asked = (await streamed(running.provider, prompt="use the tool", func_tool=TOOLS))[-1]
    assert asked.role == "tool"
    assert asked.tools_call_name == ["get_weather"] * 2
    assert all(isinstance(arguments["city"], str) for arguments in asked.tools_call_args)
    assert len(set(asked.tools_call_ids)) == 2
    contexts = [
        {"role": "user", "content": "use the tool"},
        {"role": "assistant", "content": asked.completion_text, "tool_calls": asked.to_openai_tool_calls()},
        *({"role": "tool", "tool_call_id": one, "content": "sunny"} for one in asked.tools_call_ids),
    ]
    told = (await streamed(running.provider, prompt=None, contexts=contexts, func_tool=TOOLS))[-1]
    assert told.role == "assistant"
    assert "sunny" in told.completion_text


@each(CHAT_MODELS, "images")
async def test_images_reach_the_service(running: Running) -> None:
    await streamed(running.provider, prompt="what is this?", image_urls=[f"base64://{PNG}"])
    assert PNG in running.service.sent
    assert "image/png" in running.service.sent


@each(CHAT_MODELS, "cancel")
async def test_leaving_stops_the_service(running: Running) -> None:
    running.service.slow_down()
    begun = asyncio.Event()

    async def listen() -> None:
        async for _ in running.provider.text_chat_stream(prompt="hello"):
            begun.set()

    task = asyncio.create_task(listen())
    async with asyncio.timeout(DEADLINE):
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await wait_until(lambda: running.service.aborted == 1)
    running.service.hurry()
    assert (await running.provider.text_chat(prompt="hello")).completion_text == running.subject.expected


@each_fault(CHAT_MODELS)
async def test_failures_are_coded_and_say_what_to_do(running: Running, fault: Fault) -> None:
    async with running.failing(fault) as provider:
        with pytest.raises(ServiceError) as caught:
            await streamed(provider, prompt="hello")
    check_failure(running, fault, caught.value)


@each(CHAT_MODELS, "test button")
async def test_the_button(running: Running) -> None:
    assert (await check_button(running)).answer == running.subject.expected


@each(CHAT_MODELS, "listing")
async def test_models_are_listed(running: Running) -> None:
    models = await running.provider.get_models()
    assert len(models) > 1
    assert models == sorted(models)

"""The offline assistant as the engine meets it."""

from __future__ import annotations

import json

import pytest

from astrbot_like.api.provider import LLMResponse
from astrbot_like.api.tools import FunctionTool, ToolSet
from plugins.offline_assistant.main import OfflineAssistant
from tests.unit.providers.contract.button import button_shows

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


@pytest.fixture
async def assistant():
    made = OfflineAssistant({"id": "offline", "type": "offline_assistant", "timezone": "Etc/UTC"}, {})
    await made.initialize()
    yield made
    await made.terminate()


@pytest.mark.exercises("offline_assistant", "stream")
async def test_it_streams_word_by_word_and_ends_with_the_whole(assistant: OfflineAssistant) -> None:
    responses = [response async for response in assistant.text_chat_stream(prompt="what time is it")]
    chunks, whole = responses[:-1], responses[-1]
    assert len(chunks) >= 4
    assert all(chunk.is_chunk for chunk in chunks)
    assert not whole.is_chunk
    assert "".join(chunk.completion_text for chunk in chunks) == whole.completion_text
    assert whole.completion_text.startswith("It is ")


async def test_chinese_is_streamed_by_character(assistant: OfflineAssistant) -> None:
    responses = [response async for response in assistant.text_chat_stream(prompt="讲个故事")]
    assert len(responses) > 50
    assert "".join(response.completion_text for response in responses[:-1]) == responses[-1].completion_text


@pytest.mark.exercises("offline_assistant", "tools")
async def test_a_tool_is_called_and_its_result_worded(assistant: OfflineAssistant) -> None:
    tools = ToolSet([FunctionTool("get_weather", "Get the weather for a city", CITY)])
    asked = await assistant.text_chat(prompt="what's the weather in Berlin", func_tool=tools)
    assert (asked.role, asked.tools_call_name, asked.tools_call_args) == ("tool", ["get_weather"], [{"city": "Berlin"}])
    contexts = [
        {"role": "user", "content": "what's the weather in Berlin"},
        {"role": "assistant", "content": None, "tool_calls": asked.to_openai_tool_calls()},
        {"role": "tool", "tool_call_id": asked.tools_call_ids[0], "content": json.dumps({"sky": "clear"})},
    ]
    told = await assistant.text_chat(contexts=contexts, func_tool=tools)
    assert (told.role, told.completion_text) == ("assistant", "sky: clear.")


async def test_what_a_tool_still_needs_is_asked_for(assistant: OfflineAssistant) -> None:
    tools = ToolSet([FunctionTool("get_weather", "Get the weather for a city", CITY)])
    told = await assistant.text_chat(prompt="use the tool get_weather", func_tool=tools)
    assert told.completion_text == "To use get weather I also need: city."


async def test_an_attached_file_is_described(assistant: OfflineAssistant) -> None:
    file_part = {"type": "text", "text": '<attachment name="plan.txt">Buy milk.\nCall Ann.</attachment>'}
    asked = await assistant.text_chat(prompt="What does the attachment say?", extra_user_content_parts=[file_part])
    assert asked.completion_text == "The file plan.txt has 2 lines and 4 words. It begins: Buy milk. Call Ann."
    unasked = await assistant.text_chat(prompt="", extra_user_content_parts=[file_part])
    assert unasked.completion_text == asked.completion_text
    later = await assistant.text_chat(
        prompt="read the file",
        contexts=[{"role": "user", "content": [file_part]}, {"role": "assistant", "content": "ok"}],
    )
    assert "Buy milk." in later.completion_text


@pytest.mark.exercises("offline_assistant", "text")
async def test_what_it_does_not_know_it_says(assistant: OfflineAssistant) -> None:
    told: LLMResponse = await assistant.text_chat(prompt="why is the sky blue")
    assert "I am the offline assistant" in told.completion_text
    assert "Providers" in told.completion_text
    assert "离线助手" in (await assistant.text_chat(prompt="天为什么是蓝的")).completion_text


@pytest.mark.exercises("offline_assistant", "test button", "listing")
async def test_its_test_passes_and_it_needs_no_key(assistant: OfflineAssistant) -> None:
    await assistant.test()
    assert (await button_shows(OfflineAssistant, {})).answer
    assert assistant.get_current_key() == ""
    assert await assistant.get_models() == ["offline-assistant"]


REMIND = FunctionTool(
    "remind_me",
    "Remind the user of something after some minutes",
    {
        "type": "object",
        "properties": {
            "minutes": {"type": "number", "description": "minutes to wait"},
            "text": {"type": "string", "description": "what to remind of"},
        },
        "required": ["minutes", "text"],
    },
)


@pytest.mark.parametrize(
    "begin", ["", "remind me in 5", "use the tool remind_me text=", "[Quoted message: ", "[File a]\n"]
)
@pytest.mark.parametrize(
    "piece",
    [
        "1",
        "a",
        " \n",
        "\n",
        "a@",
        "1.",
        "in ",
        "[File a]\n",
        "[:",
        "<file ",
        "[Quoted message: x\n",
        "[could not be read",
        "五",
    ],
)
async def test_a_hostile_text_takes_time_in_proportion_to_its_length(
    assistant: OfflineAssistant, begin: str, piece: str
) -> None:
    """Where time grew with the square, one of these would hold the server up for minutes; the time limit ends it."""
    said = f"a{begin}{piece * (30_000 // len(piece))}."
    for prompt in (said, said[1:]):
        response = await assistant.text_chat(prompt=prompt, func_tool=ToolSet([REMIND]))
        assert response.role in ("assistant", "tool")


@pytest.mark.parametrize("digits", ["9" * 400, "9" * 20])
async def test_numbers_without_end_are_no_arguments(assistant: OfflineAssistant, digits: str) -> None:
    response = await assistant.text_chat(
        prompt=f"remind me in {digits} minutes to call Ann", func_tool=ToolSet([REMIND])
    )
    assert response.completion_text == "To use remind me I also need: minutes."

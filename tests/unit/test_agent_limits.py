"""The loop of model and tools ends: by steps, by time, by the length of what tools give."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.talking import LiveClient, texts
from tests.unit.test_live_turns import house, live

PLUGIN = '''
import asyncio

from astrbot.api.event import AstrMessageEvent, filter
from astrbot.api.star import Context, Star


class Tools(Star):
    running = most = 0

    @filter.llm_tool(name="again")
    async def again(self, event: AstrMessageEvent):
        """Ask for more."""
        return "once more"

    @filter.llm_tool(name="asleep")
    async def asleep(self, event: AstrMessageEvent):
        """Never answer."""
        await asyncio.sleep(3600)

    @filter.llm_tool(name="broken")
    async def broken(self, event: AstrMessageEvent):
        """Fail."""
        raise RuntimeError("no more paper; api_key=sk-secretsecretsecret")

    @filter.llm_tool(name="talkative")
    async def talkative(self, event: AstrMessageEvent):
        """Say a lot."""
        return "word " * 10000

    @filter.llm_tool(name="weather")
    async def weather(self, event: AstrMessageEvent, city: str, days: int):
        """Tell the weather.

        Args:
            city(string): where
            days(number): how many
        """
        return f"sunny in {city} for {days + 1} days"

    @filter.llm_tool(name="counted")
    async def counted(self, event: AstrMessageEvent):
        """Tell how many of it run at once."""
        Tools.running += 1
        Tools.most = max(Tools.most, Tools.running)
        await asyncio.sleep(0.05)
        Tools.running -= 1
        return f"most {Tools.most}"
'''


def install(data: Path) -> None:
    folder = data / "plugins" / "tools"
    folder.mkdir(parents=True)
    (folder / "main.py").write_text(PLUGIN)
    (folder / "metadata.yaml").write_text("name: tools\ndesc: x\nversion: 1.0.0\nauthor: x\n")


async def results(client: LiveClient) -> tuple[list[dict[str, Any]], str, list[dict[str, Any]]]:
    """Of a turn: what its tools gave, the reply, and the errors."""
    await client.send("text_input", text="go")
    frames = await client.until("end")
    gave = [json.loads(frame["data"]) for frame in frames if frame["t"] == "tool_call_result"]
    return gave, texts(frames, "bot_delta_chunk"), [frame for frame in frames if frame["t"] == "error"]


async def test_a_model_that_never_stops_calling_is_made_to_answer(tmp_path: Path) -> None:
    install(tmp_path)
    chat = {"tool": "again", "tool_always": True, "reply": "That is all."}
    parts = {"turn": {"max_steps": 4}, "profile": {"tts": ["nobody"]}}
    async with house(tmp_path, chat=chat, **parts) as (_, http), live(http) as client:
        gave, reply, errors = await results(client)
    assert len(gave) == 4
    assert (reply, errors) == ("That is all.", [])


async def test_what_tools_do_wrong_is_told_to_the_model_and_the_user(tmp_path: Path) -> None:
    parts = {"turn": {"tool_deadline": 0.3, "tool_result_chars": 1000}, "profile": {"tts": ["nobody"]}}
    for tool, ok, words in (
        ("asleep", False, "did not answer within 0.3 s"),
        ("broken", False, "no more paper"),
        ("talkative", True, "[cut off: 49000 more characters]"),
    ):
        data = tmp_path / tool
        install(data)
        chat = {"tool": tool, "reply": "#contexts"}
        async with house(data, chat=chat, **parts) as (_, http), live(http) as client:
            [gave], reply, errors = await results(client)
        assert gave["ok"] is ok and words in gave["result"], gave
        assert words in reply and not errors
        assert "sk-secret" not in str(client.frames)


async def test_a_model_mends_the_calls_that_it_got_wrong(tmp_path: Path) -> None:
    install(tmp_path)
    rounds = [
        ["weather", '{"city": "Ber'],
        ["weather", "[1]"],
        ["wether", {"city": "Berlin", "days": 2}],
        ["weather", {"city": "Berlin"}],
        ["weather", {"city": "Berlin", "days": "two"}],
        ["weather", {"city": "Berlin", "days": 2, "country": "Germany"}],
        ["weather", {"city": "Berlin", "days": "2"}],
    ]
    parts = {"turn": {"max_wrong_calls": 6}, "profile": {"tts": ["nobody"]}}
    chat = {"tool_rounds": rounds, "reply": "#contexts"}
    async with house(tmp_path, chat=chat, **parts) as (_, http), live(http) as client:
        gave, reply, errors = await results(client)
    assert not errors
    assert [one["ok"] for one in gave] == [False] * 6 + [True]
    problems = ("not a JSON object", "an array", "no tool named wether", "'days'", "must be a number", "'country'")
    for one, problem in zip(gave, problems, strict=False):
        assert one["result"].startswith("error: ") and problem in one["result"], one
    assert '{"city": "Ber' in gave[0]["result"] and "weather" in gave[2]["result"]
    assert gave[-1]["result"] == "sunny in Berlin for 3 days"
    for one in gave:
        assert json.dumps(one["result"]) in reply


async def test_a_model_that_does_not_mend_its_calls_is_made_to_answer_without(tmp_path: Path) -> None:
    install(tmp_path)
    chat = {"tool": "weather", "tool_args": '{"city": ', "tool_always": True, "reply": "I can't find out."}
    parts = {"turn": {"max_wrong_calls": 2}, "profile": {"tts": ["nobody"]}}
    async with house(tmp_path, chat=chat, **parts) as (_, http), live(http) as client:
        gave, reply, errors = await results(client)
    assert len(gave) == 3
    assert (reply, errors) == ("I can't find out.", [])


async def test_calls_of_one_step_run_side_by_side_up_to_the_limit(tmp_path: Path) -> None:
    install(tmp_path)
    chat = {"tool": "counted", "tool_calls": 6, "reply": "done"}
    turn = {"max_parallel_tools": 3}
    async with house(tmp_path, chat=chat, turn=turn, profile={"tts": ["nobody"]}) as (_, http), live(http) as client:
        gave, reply, _ = await results(client)
    assert len(gave) == 6 and reply == "done"
    assert max(int(one["result"].split()[1]) for one in gave) == 3

"""What a model thought goes back to it with the results of its tools, to nobody else, and is not kept."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from astrbot_like.bench.mock_upstream import MockUpstream, start
from tests.standins.anthropic import AnthropicStandIn
from tests.standins.base import Faults, StandIn
from tests.standins.gemini import GeminiStandIn
from tests.support.talking import texts
from tests.unit.test_live_turns import house, live

CLAUDE = {"type": "anthropic_chat_completion", "anth_thinking_config": {"budget": 2000}}
GEMINI = {"type": "googlegenai_chat_completion"}
PLUGIN = '''
from astrbot.api.event import AstrMessageEvent, filter
from astrbot.api.star import Context, Star


class Weather(Star):
    @filter.llm_tool(name="weather")
    async def weather(self, event: AstrMessageEvent, city: str):
        """The weather.

        Args:
            city(string): Where.
        """
        return f"sunny in {city}"
'''


@asynccontextmanager
async def talking(data: Path, service: StandIn, options: dict[str, Any], *others: dict[str, Any]):
    """A live client of a house whose first model is that of the stand-in, with a tool of a plugin's."""
    plugin = data / "plugins" / "weather"
    plugin.mkdir(parents=True)
    (plugin / "main.py").write_text(PLUGIN)
    (plugin / "metadata.yaml").write_text("name: weather\ndesc: x\nversion: 1.0.0\nauthor: x\n")
    async with service.running():
        first = {"id": "first", "key": ["right-key"], "api_base": service.url, "model": "m", **options}
        profile = {"llm": ["first", *(other["id"] for other in others)], "tts": ["nobody"]}
        async with house(data, providers=[first, *others], profile=profile) as (_, http), live(http) as client:
            yield client


@pytest.mark.parametrize(
    ("service", "options"), [(AnthropicStandIn(tool="weather"), CLAUDE), (GeminiStandIn(tool="weather"), GEMINI)]
)
async def test_thoughts_go_back_within_the_turn_and_are_not_kept(
    tmp_path: Path, service: StandIn, options: dict[str, Any]
) -> None:
    async with talking(tmp_path, service, options) as client:
        await client.send("text_input", text="use the tool")
        frames = await client.until("end")
        assert "The tool said sunny in Berlin" in texts(frames, "bot_delta_chunk")
        sent = str(service.last.body)
        assert "sig-1" in sent or "c2lnLTE=" in sent
        await client.send("text_input", text="hello")
        await client.until("end")
        sent = str(service.last.body)
        assert "sunny in Berlin" in sent
        assert "sig-1" not in sent and "c2lnLTE=" not in sent


async def test_another_provider_that_takes_over_is_not_told_them(tmp_path: Path) -> None:
    mock = MockUpstream()
    runner, url = await start(mock)
    spare = {"id": "spare", "type": "openai_chat_completion", "api_base": url, "model": "mock"}
    service = AnthropicStandIn(tool="weather", faults=Faults(status=529, spared=1))
    async with talking(tmp_path, service, CLAUDE, spare) as client:
        await client.send("text_input", text="use the tool")
        await client.until("end")
    await runner.cleanup()
    body = mock.requests[-1]["body"]
    assert "sunny in Berlin" in str(body)
    assert "hm, let me think" not in str(body) and "sig-1" not in str(body)

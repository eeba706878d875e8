"""Run with: pytest test_reading_list.py"""

import asyncio
from pathlib import Path

from astrbot_like.api.testing import Answer, FakeChatProvider, PluginTester, ToolRequest

PLUGIN = Path(__file__).parent


async def test_the_list():
    async with PluginTester(PLUGIN, plugin_config={"reading_list": {"most": 2}}) as bot:
        assert (await bot.say("/read add Middlemarch")).texts == ["Noted: Middlemarch"]
        assert (await bot.say("/读 add War and Peace")).texts == ["Noted: War and Peace"]
        assert "full" in (await bot.say("/read add Ulysses")).text
        assert (await bot.say("/read show")).text == "To read:\n1. Middlemarch\n2. War and Peace"
        assert (await bot.say("/read show", sender="somebody else")).text == "To read:"


async def test_the_model_sees_it():
    model = FakeChatProvider(Answer(tools=[ToolRequest("reading_list")]), "You mean to read Middlemarch.")
    async with PluginTester(PLUGIN, providers=[model]) as bot:
        await bot.say("/read add Middlemarch")
        assert (await bot.say("what is on my list?")).texts == ["You mean to read Middlemarch."]
        assert "means to read 1 things" in model.calls[0]["system_prompt"]
        assert "Middlemarch" in str(model.calls[1]["contexts"])


async def test_clearing_asks_first():
    async with PluginTester(PLUGIN) as bot:
        await bot.say("/read add Middlemarch")
        asked = asyncio.create_task(bot.say("/read clear"))
        await bot.waiting()
        assert (await bot.say("yes")).texts == ["Your list is empty."]
        assert (await asked).texts == ["Really? Say yes."]
        assert (await bot.say("/read show")).text == "To read:"

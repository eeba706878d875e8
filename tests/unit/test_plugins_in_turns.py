"""A third party's command, tool and hook, used by voice and by text through the whole house."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import aiohttp

from tests.support.applications import make_key
from tests.support.frames import check_frame
from tests.support.talking import texts
from tests.unit.test_live_turns import house, live

PLUGIN = '''
import asyncio

from astrbot.api.event import AstrMessageEvent, filter
from astrbot.api.star import Context, Star
from astrbot.core.utils.session_waiter import SessionController, session_waiter


class Kitchen(Star):
    def __init__(self, context: Context):
        super().__init__(context)

    @filter.command("recipe")
    async def recipe(self, event: AstrMessageEvent, dish: str = "soup"):
        """A recipe."""
        yield event.plain_result(f"Cook the {dish} slowly.")

    @filter.command("quiz")
    async def quiz(self, event: AstrMessageEvent):
        yield event.plain_result("Which number?")

        @session_waiter(timeout=20)
        async def answer(controller: SessionController, event: AstrMessageEvent):
            await event.send(event.plain_result(f"You chose {event.message_str}"))
            controller.stop()

        await answer(event)
        event.stop_event()

    @filter.llm_tool(name="oven")
    async def oven(self, event: AstrMessageEvent, degrees: int):
        """Heat the oven.

        Args:
            degrees(number): Degrees Celsius.
        """
        await asyncio.sleep(0.01)
        return f"The oven is at {degrees}."
'''

HOOK = """
    @filter.on_decorating_result()
    async def louder(self, event: AstrMessageEvent):
        for part in event.get_result().chain:
            part.text = part.text.upper()
"""


def install(data: Path, body: str = PLUGIN) -> None:
    folder = data / "plugins" / "kitchen"
    folder.mkdir(parents=True)
    (folder / "main.py").write_text(body, "utf-8")
    (folder / "metadata.yaml").write_text("name: kitchen\ndesc: cooks\nversion: 1.0.0\nauthor: Cook\n", "utf-8")


async def test_a_command_works_by_voice_and_by_text(tmp_path: Path):
    install(tmp_path)
    async with house(tmp_path, stt={"text": "recipe noodles"}) as (_, http), live(http) as client:
        await client.speak()
        frames = await client.until("end")
        assert texts(frames, "bot_delta_chunk") == "Cook the noodles slowly."
        assert any(frame["t"] == "response" for frame in frames)
        await client.send("text_input", text="/recipe")
        assert texts(await client.until("end"), "bot_delta_chunk") == "Cook the soup slowly."


async def test_the_agent_calls_a_tool_in_a_voice_turn(tmp_path: Path):
    install(tmp_path)
    chat = {"tool": "oven", "tool_args": {"degrees": 200}, "reply": "#contexts"}
    async with house(tmp_path, chat=chat) as (_, http), live(http) as client:
        await client.speak()
        frames = await client.until("end")
    call = json.loads(next(frame["data"] for frame in frames if frame["t"] == "tool_call"))
    assert call["name"] == "oven" and call["args"] == {"degrees": 200}
    result = json.loads(next(frame["data"] for frame in frames if frame["t"] == "tool_call_result"))
    assert "The oven is at 200." in str(result)
    assert "The oven is at 200." in texts(frames, "bot_delta_chunk")


async def test_a_hook_changes_the_reply(tmp_path: Path):
    install(tmp_path, PLUGIN + HOOK)
    async with house(tmp_path) as (_, http), live(http) as client:
        await client.send("text_input", text="hi")
        assert texts(await client.until("end"), "bot_delta_chunk") == "YOU SAID: HI"


async def test_a_waiting_plugin_gets_the_next_message_of_the_session(tmp_path: Path):
    install(tmp_path)
    async with house(tmp_path) as (_, http):
        key = await make_key(http, "chat")
        async with http.ws_connect(f"/api/v1/chat/ws?api_key={key}") as socket:
            await socket.send_json({"message": "/quiz", "username": "ann", "session_id": "q1", "message_id": "m1"})
            await said(socket, "m1", "Which number?")
            await socket.send_json({"message": "seven", "username": "ann", "session_id": "q1", "message_id": "m2"})
            await said(socket, "m2", "You chose seven")


async def said(socket: aiohttp.ClientWebSocketResponse, message_id: str, text: str) -> None:
    while True:
        frame = check_frame(await asyncio.wait_for(socket.receive_str(), 10), "chat")
        if frame.get("type") == "plain" and frame["message_id"] == message_id:
            assert frame["data"] == text
            return


async def test_requests_of_one_session_answer_one_after_the_other(tmp_path: Path):
    async with house(tmp_path, chat={"reply": "a b c d e", "gap": 0.02}) as (_, http):
        key = await make_key(http, "chat")
        async with http.ws_connect(f"/api/v1/chat/ws?api_key={key}") as socket:
            for number in range(3):
                body = {"message": f"n{number}", "username": "ann", "session_id": "s1", "message_id": f"m{number}"}
                await socket.send_json(body)
            order: list[str] = []
            ends = 0
            while ends < 3:
                frame = check_frame(await asyncio.wait_for(socket.receive_str(), 10), "chat")
                ends += frame["type"] == "end"
                if frame["type"] == "plain":
                    order.append(frame["message_id"])
    assert order == sorted(order)

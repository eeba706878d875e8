"""Chat requests through the whole house with scripted providers."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.houses import scripted_house
from tests.support.live_client import connect, kinds

CHAT = {"username": "ann", "ct": "chat"}


def said(text: str) -> list[dict[str, str]]:
    return [{"type": "plain", "text": text}]


async def test_the_next_message_of_a_session_is_answered_when_the_reply_before_it_is_stored(tmp_path: Path):
    async with (
        scripted_house(tmp_path, chat={"reply": "#contexts"}) as house,
        connect(house.ws("/api/v1/live/ws", **CHAT), protocol="chat") as client,
    ):
        for number in range(4):
            await client.send(
                {"t": "send", "message": said(f"message {number}"), "message_id": str(number), "session_id": "s"}
            )
        frames = [frame for number in range(4) for frame in await client.until("end")]
    saved = "user_message_saved"
    order = [frame["message_id"] for frame in frames if frame["type"] != saved]
    assert order == sorted(order), "one after the other"
    replies = [json.loads(frame["data"]) for frame in frames if frame["type"] == "complete"]
    asked = [[m["content"] for m in contexts if m["role"] == "user"] for contexts in replies]
    assert asked == [[f"message {before}" for before in range(number)] for number in range(4)]


async def test_a_reply_that_is_not_to_be_streamed_comes_whole(tmp_path: Path):
    async with (
        scripted_house(tmp_path, chat={"reply": "one two three"}) as house,
        connect(house.ws("/api/v1/live/ws", **CHAT), protocol="chat") as client,
    ):
        await client.send({"t": "send", "message": said("hi"), "enable_streaming": False})
        frames = await client.until("end")
    assert kinds(frames) == ["user_message_saved", "agent_stats", "plain", "message_saved", "end"]
    assert (frames[2]["data"], frames[2]["streaming"]) == ("one two three", False)

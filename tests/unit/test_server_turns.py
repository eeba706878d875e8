"""Turn detection by the server, with real speech through the whole house: segments, interruption, a short noise."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.spoken import say
from tests.support.talking import LiveClient, texts
from tests.unit.test_live_turns import LONG, house, live

FRAME = 640


class Microphone:
    """Sends frames in real time: what is said, else silence."""

    def __init__(self, client: LiveClient) -> None:
        self._client = client
        self._saying = b""

    def say(self, pcm: bytes) -> None:
        self._saying += pcm

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            frame, self._saying = self._saying[:FRAME], self._saying[FRAME:]
            await self._client.send("speaking_part", data=base64.b64encode(frame.ljust(FRAME, b"\0")).decode())
            due += 0.02
            await asyncio.sleep(max(0.0, due - loop.time()))


@asynccontextmanager
async def talking(client: LiveClient) -> AsyncIterator[Microphone]:
    await client.send("session_update", data={"turn_detection": "server"})
    await client.until("session_updated")
    microphone = Microphone(client)
    task = asyncio.create_task(microphone.run())
    try:
        yield microphone
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def speech() -> bytes:
    return await say("good morning my dear friend")


async def test_speech_makes_a_turn_and_speech_over_the_reply_interrupts_it(tmp_path: Path, speech: bytes):
    chat, tts = {"reply": LONG}, {"seconds": 3.0}
    async with (
        house(tmp_path, chat=chat, stt={"text": "good morning my dear friend"}, tts=tts) as (_, http),
        live(http) as client,
        talking(client) as microphone,
    ):
        microphone.say(speech)
        first = await client.until("response")
        order = [frame["t"] for frame in first]
        assert order.index("speech_started") < order.index("speech_stopped") < order.index("user_msg")
        microphone.say(speech)
        judged = await client.until("stop_play")
        assert "pause_play" in [frame["t"] for frame in judged]
        second = await client.until("user_msg")
        kinds = [frame["t"] for frame in second]
        assert kinds.count("end") == 1
        assert not {"response", "bot_delta_chunk"} & set(kinds[: kinds.index("end")])


async def test_speech_right_after_the_request_for_server_turns_is_heard(tmp_path: Path, speech: bytes):
    # The first ears of a server take a moment to be made; nothing is lost meanwhile.
    async with house(tmp_path, stt={"text": "good morning my dear friend"}) as (_, http), live(http) as client:
        await client.send("session_update", data={"turn_detection": "server"})
        sound = speech + bytes(2 * 16_000)
        for at in range(0, len(sound), FRAME):
            await client.send("speaking_part", data=base64.b64encode(sound[at : at + FRAME]).decode())
        frames = await client.until("end")
    order = [frame["t"] for frame in frames]
    assert order.count("speech_started") == order.count("speech_stopped") == order.count("user_msg") == 1


async def test_a_short_noise_pauses_the_reply_and_lets_it_go_on(tmp_path: Path, speech: bytes):
    chat, tts = {"reply": LONG}, {"seconds": 3.0}
    async with (
        house(tmp_path, chat=chat, stt={"text": "mhm"}, tts=tts) as (_, http),
        live(http) as client,
        talking(client) as microphone,
    ):
        await client.send("text_input", text="tell me")
        await client.until("response")
        # Three tenths of a second: a voice, but neither long enough nor a word.
        middle = len(speech) // 2 // 2 * 2
        microphone.say(speech[middle : middle + 9600])
        judged = await client.until("pause_play")
        judged += await client.until("resume_play")
        assert "stop_play" not in [frame["t"] for frame in judged]
        await client.until("response")


async def test_a_client_that_changes_its_mind_at_once_marks_its_turns_itself(tmp_path: Path, speech: bytes):
    stt = {"text": "good morning my dear friend"}
    async with house(tmp_path, chat={"reply": "Hello."}, stt=stt) as (_, http), live(http) as client:
        for detection in ("server", "server", "client"):
            await client.send("session_update", data={"turn_detection": detection})
        for _ in range(3):
            await client.until("session_updated")
        await client.speak(pcm=speech)
        frames = await client.until("end")
        assert "error" not in [frame["t"] for frame in frames]
        assert texts(frames, "user_msg") == "good morning my dear friend"


async def test_the_bots_own_words_are_no_turn(tmp_path: Path, speech: bytes):
    reply = "good morning my dear friend, how are you today?"
    async with (
        house(tmp_path, chat={"reply": reply}, stt={"text": "good morning my dear friend"}) as (_, http),
        live(http) as client,
        talking(client) as microphone,
    ):
        await client.send("text_input", text="hi")
        frames = await client.until("end")
        assert "good morning" in texts(frames, "bot_text_chunk")
        microphone.say(speech)
        await client.until("speech_stopped")
        assert "user_msg" not in [frame["t"] for frame in await client.quiet(1.0)]

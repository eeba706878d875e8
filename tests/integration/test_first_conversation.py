"""A newcomer's first minute: the server as it comes, real speech in, the right words and understandable speech out.

Nothing is faked: the server is a process of its own on the embedded engines, with no network and no key.
"""

import io
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from astrbot_like.bench.speech import spoken
from astrbot_like.client import BotClient
from astrbot_like.client.live import LiveSocket
from astrbot_like.client.transport import Transport
from tests.support.applications import make_key, sign_in
from tests.support.server_process import ServerProcess

QUESTION = "how are you today"
ANSWER = "I am well, thank you. What can I do for you?"
"""The same at every time of the day."""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    async with ServerProcess(tmp_path / "data") as server:
        yield server


def recognised(wav_files: list[bytes]) -> str:
    """What a recogniser hears in the reply."""
    import numpy
    import soxr
    from pocketsphinx import Decoder

    samples, rate = [], 24_000
    for data in wav_files:
        with wave.open(io.BytesIO(data)) as file:
            rate = file.getframerate()
            samples.append(numpy.frombuffer(file.readframes(file.getnframes()), dtype=numpy.int16))
    pcm = soxr.resample(numpy.concatenate(samples), rate, 16_000).astype(numpy.int16).tobytes()
    decoder = Decoder(samprate=16_000, loglevel="FATAL")
    decoder.start_utt()
    decoder.process_raw(pcm, full_utt=True)
    decoder.end_utt()
    found = decoder.hyp()
    return found.hypstr if found else ""


async def test_speech_over_all_three_endpoints(server: ServerProcess):
    question = spoken(QUESTION)
    async with aiohttp.ClientSession(server.url) as http:
        token, key = await sign_in(http), await make_key(http, "chat")
    replies = []
    for path, query in (
        ("/api/v1/live/ws", {"username": "ann", "api_key": key}),
        ("/api/live_chat/ws", {"token": token}),
        ("/api/unified_chat/ws", {"token": token}),
    ):
        transport = Transport(server.url, "")
        async with transport.socket(path, query) as socket:
            live = LiveSocket(socket)
            await live.say(question)
            turn = await live.turn()
        await transport.aclose()
        assert turn.heard.lower() == QUESTION
        assert turn.text == ANSWER
        assert not turn.errors
        assert turn.metrics["input_type"] == "audio"
        replies.append(turn)
    for turn in replies:
        # The recogniser is a small one, but these words of the bot's speech it always understands.
        assert "do for you" in recognised(turn.audio)


async def test_chat_by_events_after_a_restart(server: ServerProcess):
    async with aiohttp.ClientSession(server.url) as http:
        key = await make_key(http, "chat", "file")
    async with BotClient(server.url, api_key=key, username="ann") as bot:
        assert await bot.chat.ask("what is 12 times 12", session_id="sums")
    assert await server.stop() == 0
    await server.start()
    async with BotClient(server.url, api_key=key, username="ann") as bot:
        page = await bot.sessions.list()
        assert [session.session_id for session in page.sessions] == ["sums"]
        async with bot.chat.connect() as chat:
            await chat.bind("sums", after=0)
            kinds = [type(await chat.next()).__name__ for _ in range(5)]
    assert kinds == ["SessionBound", "UserMessageSavedFrame", "Plain", "MessageSaved", "ChatEnd"]

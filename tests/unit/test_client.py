"""The typed client against the real server with a scripted engine."""

import asyncio
import io
import wave
from collections.abc import AsyncIterator

import pytest

from astrbot_like.client import ApiError, BotClient, ConnectionClosed, Reconnected, Refused
from astrbot_like.client import chat as client_chat
from astrbot_like.dashboard.chat import frames as f
from astrbot_like.dashboard.live import routes as live_routes
from astrbot_like.domain import events as e
from tests.support.fakes import API_KEY, FakeHouse, fake_house


@pytest.fixture
async def house() -> AsyncIterator[FakeHouse]:
    async with fake_house() as house:
        yield house


@pytest.fixture
async def bot(house: FakeHouse) -> AsyncIterator[BotClient]:
    async with BotClient(house.url, api_key=API_KEY, username="ann") as bot:
        yield bot


async def test_a_live_turn(bot: BotClient):
    async with bot.live() as live:
        await live.say(b"\1\0" * 3200)
        turn = await live.turn()
        assert (turn.heard, turn.text, turn.spoken) == ("what you said", "Hello you.", "Hello you.")
        with wave.open(io.BytesIO(turn.audio[0])) as chunk:
            assert chunk.getframerate() == 24_000
        await live.text("again")
        assert (await live.turn()).heard == "again"


async def test_binary_audio(bot: BotClient, house: FakeHouse):
    async with bot.live(audio="pcm16", rate=48000, binary=True) as live:
        await live.say(b"\1\0" * 640)
        turn = await live.turn()
    assert turn.audio[0] == b"\1\0" * 240
    assert len(house.live.opened[0].pcm) == 1280


async def test_ask_and_send(bot: BotClient):
    assert await bot.chat.ask("hi") == "Hello you."
    frames = [frame async for frame in bot.chat.send("hi", session_id="s")]
    assert isinstance(frames[0], f.SessionIdFrame)
    assert isinstance(frames[-1], f.ChatEnd)
    with pytest.raises(ApiError) as refused:
        await bot.chat.ask("", session_id="s")
    assert (refused.value.status, refused.value.code) == (400, "INVALID_MESSAGE_FORMAT")


async def test_a_refused_key(house: FakeHouse):
    async with BotClient(house.url, api_key="abk_wrong", username="ann") as bot:
        with pytest.raises(Refused, match="Invalid API key"):
            async with bot.live() as live:
                await live.next()
        with pytest.raises(ConnectionClosed):
            async for _ in bot.chat.follow("s"):
                pass


async def test_following_survives_a_lost_connection(bot: BotClient, house: FakeHouse, monkeypatch):
    monkeypatch.setattr(client_chat, "FIRST_DELAY", 0.01)
    await bot.chat.ask("first", session_id="s")
    seen: list[object] = []
    caught_up = asyncio.Event()

    async def follow() -> None:
        async for frame in bot.chat.follow("s"):
            seen.append(frame)
            caught_up.set()

    async def until(count: int) -> None:
        async with asyncio.timeout(60):
            while sum(isinstance(frame, f.MessageSaved) for frame in seen) < count:
                caught_up.clear()
                await caught_up.wait()

    following = asyncio.create_task(follow())
    await until(1)
    await bot.chat.ask("second", session_id="s")
    await until(2)
    for pump in tuple(live_routes.open_sockets(house.app)._pumps):
        pump.stop(1001, "test")
    await bot.chat.ask("third", session_id="s")
    await until(3)
    following.cancel()
    saved = [frame.data.id for frame in seen if isinstance(frame, f.MessageSaved | f.UserMessageSavedFrame)]
    assert saved == [1, 2, 3, 4, 5, 6]
    assert any(isinstance(frame, Reconnected) for frame in seen)


async def test_events_of_a_turn_are_put_together(bot: BotClient, house: FakeHouse):
    async def script(request, emit):
        await emit(e.MediaReply("file", "a1", "notes.txt"))
        await emit(e.TurnFailed("PROVIDER_ERROR", "no voice", fatal=False))
        await emit(e.ReplyText("There.", streamed=False))

    house.engine.script = script
    async with bot.live() as live:
        await live.text("hi")
        turn = await live.turn()
    assert turn.media[0].filename == "notes.txt"
    assert turn.errors == [("PROVIDER_ERROR", "no voice")]
    assert turn.text == "There."

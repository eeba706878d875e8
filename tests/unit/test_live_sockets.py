"""The live endpoints over a real server with a scripted engine."""

import asyncio
import base64
import io
import wave
from collections.abc import AsyncIterator
from urllib.parse import quote

import aiohttp
import pytest

from astrbot_like.dashboard.settings import DashboardSettings, SocketSettings
from astrbot_like.domain import errors
from astrbot_like.domain import events as e
from astrbot_like.host.server_protocol import ConnectionOptions
from tests.support.fakes import API_KEY, FakeHouse, fake_house
from tests.support.live_client import connect, kinds, texts

SPEECH = b"\3\0" * 3200
SETTINGS = DashboardSettings(sockets=SocketSettings(slow_client_timeout=0.3, credential_check_interval=0.05))


@pytest.fixture
async def house() -> AsyncIterator[FakeHouse]:
    options = ConnectionOptions(max_message=200_000)
    async with fake_house(settings=SETTINGS, options=options) as house:
        yield house


def live_url(house: FakeHouse, **query: str) -> str:
    return house.ws("/api/v1/live/ws", {"api_key": API_KEY, "username": "ann", **query})


async def test_a_voice_turn_in_order(house: FakeHouse):
    async with connect(live_url(house)) as client:
        await client.speak(SPEECH)
        frames = await client.until("end")
    assert kinds(frames) == [
        "metrics",
        "user_msg",
        "metrics",
        "bot_delta_chunk",
        "bot_delta_chunk",
        "bot_text_chunk",
        "response",
        "response",
        "end",
    ]
    assert texts(frames, "bot_delta_chunk") == texts(frames, "bot_text_chunk") == "Hello you."
    for frame in frames:
        if frame["t"] == "response":
            with wave.open(io.BytesIO(base64.b64decode(frame["data"]))) as chunk:
                assert (chunk.getframerate(), chunk.getnchannels(), chunk.getsampwidth()) == (24_000, 1, 2)
                assert chunk.getnframes() == 240
    assert bytes(house.live.opened[0].pcm) == SPEECH


async def test_the_three_endpoints_run_the_same_turn(house: FakeHouse):
    token = await house.token()
    seen = []
    for url in (
        live_url(house),
        house.ws("/api/live_chat/ws", {"token": token}),
        house.ws("/api/unified_chat/ws", {"token": token}),
    ):
        async with connect(url) as client:
            await client.send({"t": "text_input", "text": "hi"})
            frames = await client.until("end")
            seen.append([{**frame, "data": None} if frame["t"] == "user_msg" else frame for frame in frames])
    assert seen[0] == seen[1] == seen[2]


async def test_raw_pcm_and_binary_frames(house: FakeHouse):
    async with connect(live_url(house, audio="pcm16", rate="16000", binary="1")) as client:
        await client.send({"t": "start_speaking", "stamp": "a"})
        await client.send(SPEECH)
        await client.send(b"")
        await client.send(b"\0")
        await client.send({"t": "end_speaking", "stamp": "a"})
        frames = await client.until("end")
    assert [frame for frame in frames if isinstance(frame, bytes)] == [b"\1\0" * 240, b"\2\0" * 240]
    assert frames[0]["code"] == "INVALID_AUDIO"
    assert house.live.opened[0].opened.rate == 16_000
    assert bytes(house.live.opened[0].pcm) == SPEECH


async def test_binary_frames_need_the_option(house: FakeHouse):
    async with connect(live_url(house)) as client:
        for data in (b"\0\0", b""):
            await client.send(data)
            assert (await client.next())["code"] == "INVALID_MESSAGE_FORMAT"


async def test_interrupt_stops_the_turn_and_nothing_follows(house: FakeHouse):
    async def endless(request, emit):
        while True:
            await emit(e.TextDelta("word "))
            await asyncio.sleep(0.001)

    house.engine.script = endless
    async with connect(live_url(house)) as client:
        await client.send({"t": "text_input", "text": "talk"})
        await client.until("bot_delta_chunk")
        await client.send({"t": "interrupt"})
        await client.until("stop_play")
        assert kinds(await client.until("end")) == ["end"]
        await client.send({"t": "ping"})
        assert kinds(await client.until("pong")) == ["pong"]


async def test_the_reader_answers_while_a_turn_runs(house: FakeHouse):
    release = asyncio.Event()

    async def waits(request, emit):
        await release.wait()

    house.engine.script = waits
    async with connect(live_url(house)) as client:
        await client.send({"t": "text_input", "text": "first"})
        await client.until("user_msg")
        await client.send({"t": "text_input", "text": "second"})
        busy = await client.next()
        assert (busy["code"], busy["data"]) == ("PROCESSING_ERROR", "Session is busy")
        await client.send({"t": "ping"})
        assert (await client.next())["t"] == "pong"
        release.set()
        assert kinds(await client.until("end")) == ["end"]


async def test_a_reply_without_speech_ends_with_bot_msg(house: FakeHouse):
    async def silent(request, emit):
        await emit(e.ReplyText("Done.", streamed=False))

    house.engine.script = silent
    async with connect(live_url(house)) as client:
        await client.send({"t": "text_input", "text": "/help"})
        frames = await client.until("end")
    assert kinds(frames) == ["metrics", "user_msg", "bot_delta_chunk", "bot_msg", "end"]
    assert frames[-2]["data"]["text"] == "Done."


async def test_a_failed_turn_tells_and_ends(house: FakeHouse):
    async def fails(request, emit):
        raise errors.ProviderError("mock: the key was refused")

    house.engine.script = fails
    async with connect(live_url(house)) as client:
        await client.send({"t": "text_input", "text": "hi"})
        frames = await client.until("end")
    assert frames[-2] == {"t": "error", "data": "mock: the key was refused", "code": "PROVIDER_ERROR"}


async def test_server_events_and_options(house: FakeHouse):
    async with connect(live_url(house)) as client:
        await client.send({"t": "session_update", "data": {"barge_in": True, "turn_detection": "server"}})
        updated = await client.next()
        assert updated["t"] == "session_updated"
        assert updated["data"]["barge_in"] is True
        await client.send({"t": "playback", "data": {"played_ms": 120}})
        await client.send({"t": "ping"})
        await client.until("pong")
        assert ("playback", 120.0) in house.live.opened[0].calls
        for event, kind in (
            (e.SpeechStarted(5), "speech_started"),
            (e.SpeechStopped(6), "speech_stopped"),
            (e.PlaybackPaused(), "pause_play"),
            (e.PlaybackResumed(), "resume_play"),
            (e.UserPartial("what ti"), "user_partial"),
        ):
            house.live.opened[0].output.force(event)
            assert (await client.next())["t"] == kind


async def test_over_capacity_is_refused_clearly(house: FakeHouse):
    house.live.capacity = 0
    async with connect(live_url(house)) as client:
        assert (await client.next())["code"] == "AT_CAPACITY"
        assert (await client.closed())[0] == 1013
    async with connect(house.ws("/api/unified_chat/ws", {"token": await house.token()})) as client:
        await client.send({"t": "start_speaking", "stamp": "1"})
        assert (await client.next())["code"] == "AT_CAPACITY"
        assert (await client.closed())[0] == 1013


async def test_too_large_a_frame_closes_with_1009(house: FakeHouse):
    async with connect(live_url(house)) as client:
        await client.send("x" * 300_000)
        assert (await client.closed())[0] == 1009
    async with connect(live_url(house)) as client:
        await client.send({"t": "ping"})
        await client.until("pong")


async def test_a_client_that_does_not_read_is_dropped_with_1013(house: FakeHouse):
    sent = 0

    async def floods(request, emit):
        nonlocal sent
        while True:
            await emit(e.SpeechChunk(bytes(48_000), 24_000))
            sent += 1

    house.engine.script = floods
    async with connect(live_url(house), max_queue=1) as client:
        await client.send({"t": "text_input", "text": "hi"})
        async with asyncio.timeout(60):
            while house.engine.running or not sent:
                await asyncio.sleep(0.05)
        stopped_at = sent
        assert (await client.closed())[0] == 1013
    assert sent == stopped_at
    assert sent < 600


async def test_a_socket_at_an_address_that_does_not_exist_is_a_plain_404(
    house: FakeHouse, caplog: pytest.LogCaptureFixture
):
    async with aiohttp.ClientSession() as http:
        for path in ("/api/v1/nope/ws", "/ws"):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await http.ws_connect(house.url + path)
            assert refused.value.status == 404
    assert "request failed" not in caplog.text


class TestCredentials:
    @pytest.mark.parametrize(
        ("query", "code", "message"),
        [
            ({}, "UNAUTHORIZED", "Missing API key"),
            ({"api_key": "abk_wrong"}, "UNAUTHORIZED", "Invalid API key"),
            ({"key": "abk_files"}, "UNAUTHORIZED", "Insufficient API key scope"),
            ({"api_key": API_KEY}, "BAD_USER", "Missing key: username"),
            ({"api_key": API_KEY, "username": " "}, "BAD_USER", "username is empty"),
            ({"api_key": API_KEY, "username": "ann", "ct": "x"}, "INVALID_MESSAGE", "ct must be 'live' or 'chat'"),
            ({"api_key": API_KEY, "username": "ann", "rate": "1"}, "INVALID_MESSAGE", None),
            ({"api_key": API_KEY, "username": "ann", "audio": "mp3"}, "INVALID_MESSAGE", None),
        ],
    )
    async def test_a_key_that_is_refused(self, house: FakeHouse, query, code, message):
        async with connect(house.ws("/api/v1/live/ws", query)) as client:
            frame = await client.next()
            assert frame["type"] == "error"
            assert frame["code"] == code
            close, reason = await client.closed()
            assert close == 1008
            if message:
                assert frame["data"] == message
                assert reason == ("Invalid ct" if "ct must" in message else message)

    @pytest.mark.parametrize(
        "headers",
        [
            {"X-API-Key": API_KEY},
            {"Authorization": f"Bearer {API_KEY}"},
            {"Authorization": f"ApiKey {API_KEY}"},
        ],
    )
    async def test_a_key_in_a_header(self, house: FakeHouse, headers):
        async with connect(house.ws("/api/v1/live/ws", {"username": "ann"}), headers=headers) as client:
            await client.send({"t": "ping"})
            await client.until("pong")

    @pytest.mark.parametrize("path", ["/api/live_chat/ws", "/api/unified_chat/ws"])
    async def test_tokens_that_are_refused(self, house: FakeHouse, path):
        for query, reason in (({}, "Missing authentication token"), ({"token": "x.y.z"}, "Invalid token")):
            async with connect(house.ws(path, query)) as client:
                assert await client.closed() == (1008, reason)
        async with connect(house.ws(path), headers={"Authorization": f"Bearer {await house.token()}"}) as client:
            await client.send({"t": "ping"})
            await client.until("pong")

    async def test_a_foreign_page_is_refused(self, house: FakeHouse):
        url = house.ws("/api/live_chat/ws", {"token": quote(await house.token())})
        async with connect(url, origin="https://evil.example") as client:
            assert await client.closed() == (1008, "Origin not allowed")
        async with connect(url, origin=house.url) as client:
            await client.send({"t": "ping"})
            await client.until("pong")

    async def test_a_revoked_key_ends_the_connection(self, house: FakeHouse):
        async with connect(live_url(house)) as client:
            await client.send({"t": "ping"})
            await client.until("pong")
            del house.keys.scopes[API_KEY]
            assert await client.closed() == (1008, "Invalid API key")

    async def test_signing_out_everywhere_ends_the_connection(self, house: FakeHouse):
        async with connect(house.ws("/api/live_chat/ws", {"token": await house.token()})) as client:
            house.accounts.generations["ann"] = 1
            assert await client.closed() == (1008, "Invalid token")

"""Edge TTS: the real library against a stand-in of the service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from astrbot_like.api.kit.errors import ServiceError
from astrbot_like.api.kit.wav import read_wav
from plugins.edge_tts.main import EdgeSpeech
from tests.standins.edge_tts import FRAMES, SAMPLES_OF_A_FRAME, EdgeStandIn

edge_tts = pytest.importorskip("edge_tts", reason="the optional library edge-tts is not installed")
pytest.importorskip("miniaudio", reason="the optional library miniaudio is not installed")


@pytest.fixture
async def service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[EdgeStandIn]:
    import edge_tts.communicate
    import edge_tts.voices

    monkeypatch.setenv("ASTRBOT_ROOT", str(tmp_path))
    async with EdgeStandIn().running() as running:
        assert isinstance(running, EdgeStandIn)
        monkeypatch.setattr(edge_tts.communicate, "WSS_URL", f"{running.url}/edge/v1?token=x")
        monkeypatch.setattr(edge_tts.voices, "VOICE_LIST", f"{running.url}/voices/list?token=x")
        yield running


def speech(**options: Any) -> EdgeSpeech:
    return EdgeSpeech(
        {"id": "edge", "type": "edge_tts", "timeout": 1, "edge-tts-voice": "en-US-EmmaNeural", **options}, {}
    )


async def test_mp3_is_decoded_as_it_comes(service: EdgeStandIn) -> None:
    pieces = [piece async for piece in speech(rate="+10%").synthesise("Hello there.")]
    assert len(pieces) > 2
    samples = sum(map(len, pieces)) // 2
    assert abs(samples - FRAMES * SAMPLES_OF_A_FRAME) <= 2 * 1152
    assert "Hello there." in service.ssml
    assert "+10%" in service.ssml
    path = Path(await speech().get_audio("Hello there."))
    assert read_wav(path.read_bytes())[1:] == (24000, 1, 2)


async def test_voices(service: EdgeStandIn) -> None:
    assert [voice.id for voice in await speech().get_voices()] == ["en-US-EmmaMultilingualNeural"]


@pytest.mark.parametrize(
    ("faults", "failure"),
    [({"status": 429}, "rate_limit"), ({"status": 500}, "server"), ({"hang_after": 3}, "timeout")],
)
async def test_failures(service: EdgeStandIn, faults: dict[str, Any], failure: str) -> None:
    for name, value in faults.items():
        setattr(service.faults, name, value)
    with pytest.raises(ServiceError) as caught:
        await speech().get_audio("Hello.")
    assert caught.value.failure == failure
    assert "provider edge" in caught.value.message


async def test_a_voice_that_says_nothing_and_options_that_make_no_sense(service: EdgeStandIn) -> None:
    with pytest.raises(ServiceError, match="no sound"):
        await speech(**{"edge-tts-voice": "en-US-NobodyNeural"}).get_audio("Hello.")
    with pytest.raises(ServiceError) as caught:
        await speech(rate="fast").get_audio("Hello.")
    assert caught.value.failure == "bad_request"


async def test_a_service_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    import edge_tts.communicate

    monkeypatch.setattr(edge_tts.communicate, "WSS_URL", "ws://127.0.0.1:9/x?y")
    with pytest.raises(ServiceError) as caught:
        await speech().get_audio("Hello.")
    assert caught.value.failure == "unreachable"


async def test_leaving(service: EdgeStandIn) -> None:
    service.faults.pause = 0.02
    begun = asyncio.Event()

    async def listen() -> None:
        async for _ in speech().synthesise("Hello."):
            begun.set()

    task = asyncio.create_task(listen())
    async with asyncio.timeout(5):
        await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

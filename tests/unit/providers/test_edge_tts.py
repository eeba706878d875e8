"""Edge TTS: the real library against a stand-in of the service."""

from __future__ import annotations

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


async def test_a_voice_that_says_nothing_and_options_that_make_no_sense(service: EdgeStandIn) -> None:
    with pytest.raises(ServiceError, match="no sound"):
        await speech(**{"edge-tts-voice": "en-US-NobodyNeural"}).get_audio("Hello.")
    with pytest.raises(ServiceError) as caught:
        await speech(rate="fast").get_audio("Hello.")
    assert caught.value.failure == "bad_request"


@pytest.mark.parametrize("call", ["speech", "voices"])
async def test_a_client_that_the_service_refuses_is_told_to_be_newer(service: EdgeStandIn, call: str) -> None:
    service.faults.status = 403
    with pytest.raises(ServiceError, match="pip install --upgrade edge-tts"):
        await (speech().get_audio("Hello.") if call == "speech" else speech().get_voices())

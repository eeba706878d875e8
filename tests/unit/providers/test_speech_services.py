"""Every speech service against its stand-in: samples, start before the end, failures, leaving."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from astrbot_like.api.kit.errors import ServiceError
from astrbot_like.api.kit.speech_provider import ServiceTTSProvider
from astrbot_like.api.kit.wav import read_wav, wav_bytes
from astrbot_like.api.speech import SpeechOptions, speech_options
from plugins.azure.main import AzureRecogniser, AzureSpeech
from plugins.dashscope.recognition import ParaformerRecogniser
from plugins.dashscope.speech import CosyVoiceSpeech
from plugins.elevenlabs.main import ElevenLabsSpeech
from plugins.gpt_sovits.main import GptSovitsSpeech
from plugins.volcengine.main import VolcengineSpeech
from tests.standins.base import StandIn
from tests.standins.dashscope import DashScopeStandIn
from tests.standins.speech_services import (
    AzureStandIn,
    ElevenLabsStandIn,
    GptSovitsStandIn,
    VolcengineStandIn,
    speech,
)

COMMON = {"id": "voice", "type": "t", "timeout": 0.4}


def _elevenlabs(url: str, key: str) -> dict[str, Any]:
    return {"api_key": key, "api_base": f"{url}/v1", "elevenlabs-tts-stability": "0.5"}


def _azure(url: str, key: str) -> dict[str, Any]:
    return {"azure_tts_subscription_key": key, "api_base": url}


def _gpt_sovits(url: str, key: str) -> dict[str, Any]:
    return {"api_base": url, "gsv_default_parms": {"gsv_ref_audio_path": "a.wav"}, "gpt_weights_path": "g.ckpt"}


def _volcengine(url: str, key: str) -> dict[str, Any]:
    return {"api_key": key, "appid": "1", "api_base": f"{url}/api/v1/tts"}


def _dashscope(url: str, key: str) -> dict[str, Any]:
    return {"api_key": key, "api_base": f"{url}/api-ws/v1/inference"}


MAKERS: dict[str, tuple[type[StandIn], type[ServiceTTSProvider], Callable[[str, str], dict[str, Any]]]] = {
    "elevenlabs": (ElevenLabsStandIn, ElevenLabsSpeech, _elevenlabs),
    "azure": (AzureStandIn, AzureSpeech, _azure),
    "gpt_sovits": (GptSovitsStandIn, GptSovitsSpeech, _gpt_sovits),
    "volcengine": (VolcengineStandIn, VolcengineSpeech, _volcengine),
    "dashscope": (DashScopeStandIn, CosyVoiceSpeech, _dashscope),
}
STREAMING = ["elevenlabs", "azure", "gpt_sovits", "dashscope"]
KEYED = ["elevenlabs", "azure", "volcengine", "dashscope"]


@dataclass
class Case:
    """A provider with the stand-in of its service."""

    provider: ServiceTTSProvider
    service: StandIn
    name: str

    def other(self, key: str) -> ServiceTTSProvider:
        """The same provider with another key."""
        _, kind, options = MAKERS[self.name]
        return kind({**COMMON, **options(self.service.url, key)}, {})


@pytest.fixture
async def case(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Case]:
    monkeypatch.setenv("ASTRBOT_ROOT", str(tmp_path))
    standin, kind, options = MAKERS[request.param]
    async with standin().running() as service:
        provider = kind({**COMMON, **options(service.url, "right-key")}, {})
        yield Case(provider, service, request.param)
        await provider.terminate()


async def spoken(provider: ServiceTTSProvider, *texts: str) -> list[tuple[str, bytes]]:
    """Each text with all its samples."""
    said: asyncio.Queue[str | None] = asyncio.Queue()
    heard: asyncio.Queue[Any] = asyncio.Queue()
    for text in (*texts, None):
        said.put_nowait(text)
    await provider.get_audio_stream(said, heard)
    gathered: list[tuple[str, bytes]] = []
    while (item := heard.get_nowait()) is not None:
        if isinstance(item, tuple):
            gathered.append((item[0], read_wav(item[1])[0]))
        else:
            gathered[-1] = (gathered[-1][0], gathered[-1][1] + read_wav(item)[0])
    return gathered


@pytest.mark.parametrize("case", MAKERS, indirect=True)
async def test_every_sample_arrives_once(case: Case) -> None:
    assert await spoken(case.provider, "Hello there.", "你好。") == [
        ("Hello there.", speech("Hello there.")),
        ("你好。", speech("你好。")),
    ]
    path = Path(await case.provider.get_audio("Hello there."))
    assert read_wav(path.read_bytes())[:2] == (speech("Hello there."), case.provider.sample_rate)
    await case.provider.test()


@pytest.mark.parametrize("case", STREAMING, indirect=True)
async def test_the_start_is_heard_before_the_end_and_the_rest_can_be_left(case: Case) -> None:
    case.service.faults.pause = 0.02
    said: asyncio.Queue[str | None] = asyncio.Queue()
    heard: asyncio.Queue[Any] = asyncio.Queue()
    said.put_nowait("Hello there.")
    task = asyncio.create_task(case.provider.get_audio_stream(said, heard))
    text, wav = await heard.get()
    assert text == "Hello there."
    assert len(read_wav(wav)[0]) < len(speech("Hello there.")) / 2
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(3):
        while not case.service.aborted:
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("case", MAKERS, indirect=True)
@pytest.mark.parametrize(
    ("faults", "failure"),
    [
        ({"status": 401}, "auth"),
        ({"status": 429}, "rate_limit"),
        ({"status": 500}, "server"),
        ({"cut_after": 3}, "cut"),
        ({"hang_after": 3}, "timeout"),
    ],
)
async def test_failures(case: Case, faults: dict[str, Any], failure: str) -> None:
    for name, value in faults.items():
        setattr(case.service.faults, name, value)
    with pytest.raises(ServiceError) as caught:
        await spoken(case.provider, "Hello there.")
    assert caught.value.failure == failure
    assert "provider voice" in caught.value.message


@pytest.mark.parametrize("case", KEYED, indirect=True)
async def test_a_wrong_key(case: Case) -> None:
    other = case.other("wrong-key")
    with pytest.raises(ServiceError) as caught:
        await other.get_audio("Hello.")
    assert caught.value.failure == "auth"
    await other.terminate()


@pytest.mark.parametrize("case", ["elevenlabs", "azure"], indirect=True)
async def test_voices_and_the_choices_of_one_reply(case: Case) -> None:
    voices = await case.provider.get_voices()  # type: ignore[attr-defined]
    assert voices[0].id in ("v1", "en-US-JennyNeural")
    with speech_options(SpeechOptions(voice="v1", rate=1.1)):
        await spoken(case.provider, "Hello.")
    sent = str(case.service.last.body) + case.service.last.path
    assert "v1" in sent
    assert "1.1" in sent


@pytest.mark.parametrize("case", ["azure"], indirect=True)
async def test_what_is_spoken_can_not_break_out_of_the_markup(case: Case) -> None:
    await spoken(case.provider, "a < b & </voice>")
    assert "a &lt; b &amp; &lt;/voice&gt;" in case.service.last.body


@pytest.mark.parametrize("case", ["gpt_sovits"], indirect=True)
async def test_weights_are_loaded_once(case: Case) -> None:
    await spoken(case.provider, "One.", "Two.")
    assert [request.path for request in case.service.requests] == ["/set_gpt_weights", "/tts", "/tts"]


@pytest.mark.parametrize("case", ["volcengine"], indirect=True)
async def test_volcengine_codes(case: Case) -> None:
    case.service.code = 3003  # type: ignore[attr-defined]
    with pytest.raises(ServiceError, match="3003 quota exceeded") as caught:
        await spoken(case.provider, "One.")
    assert caught.value.failure == "rate_limit"


async def test_azure_recognition(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav_bytes(bytes(3200), 16000))
    async with AzureStandIn().running() as service:
        config = {**COMMON, "azure_stt_subscription_key": "right-key", "api_base": service.url, "language": "en-US"}
        provider = AzureRecogniser(config, {})
        assert await provider.get_text(str(path)) == "What time is it?"
        service.status = "NoMatch"  # type: ignore[attr-defined]
        assert await provider.get_text(str(path)) == ""
        service.status = "Error"  # type: ignore[attr-defined]
        with pytest.raises(ServiceError):
            await provider.get_text(str(path))
        service.faults.status = 429
        with pytest.raises(ServiceError) as caught:
            await provider.get_text(str(path))
        assert caught.value.failure == "rate_limit"
        await provider.terminate()


@pytest.fixture
async def paraformer() -> AsyncIterator[tuple[ParaformerRecogniser, DashScopeStandIn]]:
    async with DashScopeStandIn().running() as service:
        assert isinstance(service, DashScopeStandIn)
        config = {**COMMON, "api_key": "right-key", "api_base": f"{service.url}/api-ws/v1/inference"}
        provider = ParaformerRecogniser(config, {})
        yield provider, service
        await provider.terminate()


async def test_recognition_while_the_user_speaks(paraformer: tuple[ParaformerRecogniser, DashScopeStandIn]) -> None:
    provider, service = paraformer
    partials: list[str] = []
    stream = provider.open_stream(language="en-US", on_partial=partials.append)
    for _ in range(10):
        stream.push(bytes(640))
    async with asyncio.timeout(3):
        while len(partials) < 3:
            await asyncio.sleep(0.005)
    assert await stream.finish() == "what time is it"
    assert partials[:3] == ["what", "what time", "what time is"]
    assert service.heard == 6400
    assert service.tasks[0]["parameters"] == {"format": "pcm", "sample_rate": 16000, "language_hints": ["en"]}


async def test_recognition_of_a_file(paraformer: tuple[ParaformerRecogniser, DashScopeStandIn], tmp_path: Path) -> None:
    provider, service = paraformer
    path = tmp_path / "a.wav"
    path.write_bytes(wav_bytes(bytes(24000 * 2 * 2), 24000, channels=2))
    assert await provider.get_text(str(path)) == "what time is it"
    assert abs(service.heard - 32000) < 400  # a second of stereo at 24 kHz became a second at 16 kHz mono


async def test_an_utterance_that_is_dropped_leaves_nothing(
    paraformer: tuple[ParaformerRecogniser, DashScopeStandIn],
) -> None:
    provider, service = paraformer
    stream = provider.open_stream()
    stream.push(bytes(640))
    async with asyncio.timeout(3):
        while not service.heard:
            await asyncio.sleep(0.005)
    await stream.abort()
    await stream.abort()


@pytest.mark.parametrize(
    ("faults", "failure"),
    [
        ({"status": 401}, "auth"),
        ({"cut_after": 0}, "cut"),
        ({"hang_after": 0}, "timeout"),
        ({"error_after": 0}, "server"),
    ],
)
async def test_recognition_failures(
    paraformer: tuple[ParaformerRecogniser, DashScopeStandIn], faults: dict[str, Any], failure: str
) -> None:
    provider, service = paraformer
    for name, value in faults.items():
        setattr(service.faults, name, value)
    stream = provider.open_stream()
    stream.push(bytes(640))
    with pytest.raises(ServiceError) as caught:
        await stream.finish()
    assert caught.value.failure == failure
    provider.set_model("no-such-model")
    service.faults.status = 0
    with pytest.raises(ServiceError) as caught:
        await provider.open_stream().finish()
    assert caught.value.failure == "not_found"

"""What single speech services have of their own; what all of them must do is asked by the contract suite."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from astrbot_like.api.kit.errors import ServiceError
from astrbot_like.api.kit.wav import wav_bytes
from astrbot_like.api.speech import SpeechOptions, speech_options
from plugins.azure.main import AzureRecogniser
from plugins.dashscope.recognition import ParaformerRecogniser
from plugins.volcengine.speech import portions
from tests.standins.dashscope import DashScopeStandIn
from tests.standins.speech_services import AzureStandIn, speech
from tests.support.census import settle
from tests.unit.providers.contract.speech_rows import SPEAKERS
from tests.unit.providers.contract.subjects import ended

COMMON = {"id": "voice", "type": "t", "timeout": 0.4}
SUBJECTS = {one.name: one for one in SPEAKERS}

Started = tuple[Any, Any]
"""A provider and the stand-in of its service."""


@pytest.fixture
async def start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[..., AbstractAsyncContextManager[Started]]]:
    from contextlib import asynccontextmanager

    monkeypatch.setenv("ASTRBOT_ROOT", str(tmp_path))

    @asynccontextmanager
    async def started(type_name: str, **options: Any) -> AsyncIterator[Started]:
        subject = SUBJECTS[type_name]
        async with subject.serve() as service:
            provider = subject.make({**COMMON, **subject.options(service.url), **options}, {})
            yield provider, service.standin  # type: ignore[attr-defined]
            await ended(provider)

    yield started


async def spoken(provider: Any, text: str) -> bytes:
    """The samples of a text."""
    return b"".join([piece async for piece in provider.synthesise(text)])


async def test_elevenlabs_takes_the_choices_of_one_reply(start) -> None:
    async with start("elevenlabs_tts_api", **{"elevenlabs-tts-stability": "0.5"}) as (provider, service):
        with speech_options(SpeechOptions(voice="v1", rate=3.0)):
            await spoken(provider, "Hello.")
        assert service.last.path == "/v1/text-to-speech/v1/stream"
        assert service.last.body == {
            "text": "Hello.",
            "model_id": "eleven_multilingual_v2",
            "voice_settings": {"stability": 0.5, "use_speaker_boost": True, "speed": 1.2},
        }


async def test_azure_takes_the_choices_of_one_reply_and_no_markup(start) -> None:
    async with start("azure_tts", azure_tts_style="cheerful") as (provider, service):
        with speech_options(SpeechOptions(voice="de-DE-KatjaNeural", rate=1.1)):
            await spoken(provider, "a < b & </voice>")
        assert "a &lt; b &amp; &lt;/voice&gt;" in service.last.body
        assert '<voice name="de-DE-KatjaNeural">' in service.last.body
        assert 'rate="1.1"' in service.last.body
        assert 'style="cheerful"' in service.last.body


async def test_gpt_sovits_loads_its_weights_once(start) -> None:
    async with start("gsv_tts_selfhost", gpt_weights_path="g.ckpt") as (provider, service):
        await spoken(provider, "One.")
        await spoken(provider, "Two.")
        assert [request.path for request in service.requests] == ["/set_gpt_weights", "/tts", "/tts"]


async def test_gpt_sovits_says_which_parameter_is_wrong_and_speaks_without_a_stream(start) -> None:
    parameters = {"gsv_ref_audio_path": "a.wav", "gsv_streaming_mode": False, "gsv_speed_factor": 1.5}
    async with start("gsv_tts_selfhost", gsv_default_parms=parameters) as (provider, service):
        with speech_options(SpeechOptions(rate=2.0)):
            assert await spoken(provider, "One.") == speech("One.")
        assert service.last.body["speed_factor"] == 3.0
    async with start("gsv_tts_selfhost", gsv_default_parms={"gsv_text_lang": "xx"}) as (provider, _):
        with pytest.raises(ServiceError, match="It said: ref_audio_path is required"):
            await spoken(provider, "One.")
    async with start("gsv_tts_selfhost", sovits_weights_path="nothing.pth") as (provider, _):
        with pytest.raises(ServiceError, match=r"It said: no file nothing\.pth"):
            await spoken(provider, "One.")


@pytest.mark.parametrize(
    ("refusal", "failure"),
    [
        ((3003, "quota exceeded for types: concurrency"), "rate_limit"),
        ((3001, "quota exceeded for types: text_words_lifetime"), "rate_limit"),
        ((3001, "authenticate request: load grant: requested grant not found"), "auth"),
        ((3001, "extract request resource id: get resource id: access denied"), "auth"),
        ((3011, "illegal input text!"), "bad_request"),
        ((3031, "Fail to feed text, reason Init Engine Instance failed"), "server"),
        ((3050, "voice type not found"), "not_found"),
    ],
)
@pytest.mark.parametrize("gateway", [False, True])
async def test_volcengine_codes(start, refusal: tuple[int, str], failure: str, gateway: bool) -> None:
    async with start("volcengine_tts") as (provider, service):
        if gateway:
            provider = type(provider)({**provider.provider_config, "api_base": f"{service.url}/gateway"}, {})
        service.refusal = refusal
        with pytest.raises(ServiceError, match=f"{refusal[0]} {refusal[1][:12]}") as caught:
            await spoken(provider, "One.")
        assert caught.value.failure == failure
        await provider.terminate()


async def test_volcengine_over_a_gateway_that_knows_http_alone(start) -> None:
    async with start("volcengine_tts") as (provider, service):
        other = type(provider)({**provider.provider_config, "api_base": f"{service.url}/gateway"}, {})
        assert await spoken(other, "你好。") == speech("你好。")
        await other.terminate()


async def test_volcengine_speaks_a_long_text_in_portions(start) -> None:
    text = "好" * 700
    async with start("volcengine_tts") as (provider, service):
        assert await spoken(provider, text) == speech("好" * 341) * 2 + speech("好" * 18)
        assert len({request.body["request"]["reqid"] for request in service.requests}) == 3


@pytest.mark.parametrize("text", ["", "a b", "word " * 10, "好" * 20, "x" * 30])
def test_portions_are_the_text(text: str) -> None:
    found = list(portions(text, 12))
    assert "".join(found) == text
    assert all(len(portion.encode()) <= 12 for portion in found)


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[str]:
    path = tmp_path / "a.wav"
    path.write_bytes(wav_bytes(bytes(24000 * 2 * 2), 24000, channels=2))
    yield str(path)


async def test_azure_recognition_ends_in_different_ways(recording: str) -> None:
    async with AzureStandIn().running() as service:
        config = {**COMMON, "azure_stt_subscription_key": "right-key", "api_base": service.url, "language": "en-US"}
        provider = AzureRecogniser(config, {})
        for status in ("NoMatch", "InitialSilenceTimeout", "BabbleTimeout"):
            service.status = status  # type: ignore[attr-defined]
            assert await provider.get_text(recording) == ""
        service.status = "Error"  # type: ignore[attr-defined]
        with pytest.raises(ServiceError, match="ended with Error"):
            await provider.get_text(recording)
        await provider.terminate()


@pytest.fixture
async def paraformer() -> AsyncIterator[tuple[ParaformerRecogniser, DashScopeStandIn]]:
    async with DashScopeStandIn().running() as service:
        assert isinstance(service, DashScopeStandIn)
        config = {**COMMON, "api_key": "right-key", "api_base": f"{service.url}/api-ws/v1/inference"}
        provider = ParaformerRecogniser(config, {})
        yield provider, service
        await provider.terminate()


async def test_paraformer_tells_what_it_hears_while_it_hears(
    paraformer: tuple[ParaformerRecogniser, DashScopeStandIn],
) -> None:
    provider, service = paraformer
    partials: list[str] = []
    stream = provider.open_stream(language="en-US", on_partial=partials.append)
    for _ in range(10):
        stream.push(bytes(640))
    assert await settle(lambda: len(partials) >= 3)
    assert await stream.finish() == "What time is it?"
    assert partials[:3] == ["What", "What time", "What time is"]
    assert service.heard == 6400
    assert service.tasks[0]["parameters"] == {"format": "pcm", "sample_rate": 16000, "language_hints": ["en"]}


async def test_paraformer_takes_recordings_of_any_rate(
    paraformer: tuple[ParaformerRecogniser, DashScopeStandIn], recording: str
) -> None:
    provider, service = paraformer
    await provider.get_text(recording)
    assert abs(service.heard - 32000) < 400  # a second of stereo at 24 kHz became a second at 16 kHz mono


async def test_a_failed_task_of_dashscope(paraformer: tuple[ParaformerRecogniser, DashScopeStandIn]) -> None:
    provider, service = paraformer
    service.faults.error_after = 0
    with pytest.raises(ServiceError, match="InternalError: told to fail here") as caught:
        await provider.open_stream().finish()
    assert caught.value.failure == "server"
    provider.set_model("no-such-model")
    with pytest.raises(ServiceError, match="Model not exist") as caught:
        await provider.open_stream().finish()
    assert caught.value.failure == "not_found"

"""What OpenAI's speech, recognition and embeddings have of their own beside the contract suite."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from astrbot_like.api.kit.wav import read_wav
from astrbot_like.api.speech import SpeechOptions, speech_options
from astrbot_like.bench.mock_behaviour import stamped_pcm
from plugins.openai.embedding import OpenAIEmbedding
from plugins.openai.speech import OpenAISpeech, OpenAIWhisper
from tests.standins.openai_audio import OpenAIAudioStandIn
from tests.standins.speech_services import speech as samples
from tests.unit.providers.conftest import Upstream


@pytest.fixture
async def speech(upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ASTRBOT_ROOT", str(tmp_path))
    made = OpenAISpeech({"id": "tts", "type": "t", "api_key": "k", "api_base": upstream.url, "timeout": "0.5"}, {})
    yield made
    await made.terminate()


async def spoken(provider: OpenAISpeech, *texts: str) -> list[tuple[str, bytes]]:
    """Each text with all its samples."""
    said: asyncio.Queue = asyncio.Queue()
    heard: asyncio.Queue = asyncio.Queue()
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


async def test_wav_services(upstream: Upstream) -> None:
    made = OpenAISpeech({"id": "tts", "type": "t", "api_base": upstream.url, "response_format": "wav"}, {})
    assert await spoken(made, "Hello.") == [("Hello.", stamped_pcm("Hello.", 200, 24000))]
    assert upstream.last_body()["response_format"] == "wav"
    await made.terminate()


async def test_options_of_one_reply(speech: OpenAISpeech, upstream: Upstream) -> None:
    with speech_options(SpeechOptions(voice="nova", rate=1.5)):
        await spoken(speech, "Hello.")
    assert (upstream.last_body()["voice"], upstream.last_body()["speed"]) == ("nova", 1.5)


async def test_a_server_without_bare_samples_is_asked_for_wav_from_then_on(tmp_path: Path) -> None:
    async with OpenAIAudioStandIn(formats=("wav",)).running() as service:
        made = OpenAISpeech({"id": "tts", "type": "t", "api_key": "right-key", "api_base": f"{service.url}/v1"}, {})
        assert await spoken(made, "One.", "Two.") == [("One.", samples("One.")), ("Two.", samples("Two."))]
        assert [request.body["response_format"] for request in service.requests] == ["pcm", "wav", "wav"]
        await made.terminate()


async def test_wav_that_nobody_asked_for_is_heard_without_its_header() -> None:
    async with OpenAIAudioStandIn(always_wav=True).running() as service:
        made = OpenAISpeech({"id": "tts", "type": "t", "api_key": "right-key", "api_base": f"{service.url}/v1"}, {})
        assert await spoken(made, "One.") == [("One.", samples("One."))]
        await made.terminate()


async def test_recognition_names_file_model_and_language(wav_file: Path) -> None:
    async with OpenAIAudioStandIn().running() as service:
        config = {"id": "stt", "type": "t", "api_key": "right-key", "api_base": f"{service.url}/v1", "language": "en"}
        made = OpenAIWhisper(config, {})
        await made.get_text(str(wav_file))
        assert service.last.body == {
            "model": "whisper-1", "response_format": "json", "language": "en", "filename": "audio.wav",
        }  # fmt: skip
        await made.terminate()


@pytest.mark.parametrize(
    ("mode", "model", "sent"), [("auto", "m", False), ("always", "m", True), ("never", "text-embedding-3-small", False)]
)
async def test_dimensions_are_sent_where_the_server_knows_them(mode: str, model: str, sent: bool) -> None:
    async with OpenAIAudioStandIn().running() as service:
        config = {"embedding_api_key": "right-key", "embedding_api_base": f"{service.url}/v1", "embedding_model": model}
        made = OpenAIEmbedding(
            {"id": "e", "type": "t", **config, "embedding_dimensions": "8", "embedding_dimensions_mode": mode}, {}
        )
        assert len(await made.get_embedding("a")) == (8 if sent else 4)
        assert ("dimensions" in service.last.body) is sent
        await made.terminate()

"""Speech, recognition and embeddings of the OpenAI plugin against the mock upstream."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from astrbot_like.api.kit.errors import ServiceError
from astrbot_like.api.kit.wav import read_wav
from astrbot_like.api.speech import SpeechOptions, speech_options
from astrbot_like.bench.mock_behaviour import stamped_pcm
from plugins.openai.embedding import OpenAIEmbedding
from plugins.openai.speech import OpenAISpeech, OpenAIWhisper
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


async def test_each_sample_arrives_once_and_in_order(speech: OpenAISpeech) -> None:
    assert await spoken(speech, "Hello.", " ", "World.") == [
        ("Hello.", stamped_pcm("Hello.", 200, 24000)),
        ("World.", stamped_pcm("World.", 200, 24000)),
    ]


async def test_the_start_is_heard_before_the_end_is_made(speech: OpenAISpeech) -> None:
    speech.set_model("mock:audio_ms=2000,audio_rate=10")
    said: asyncio.Queue = asyncio.Queue()
    heard: asyncio.Queue = asyncio.Queue()
    said.put_nowait("Hello.")
    task = asyncio.create_task(speech.get_audio_stream(said, heard))
    text, wav = await heard.get()
    pcm, rate, channels, width = read_wav(wav)
    assert (text, rate, channels, width) == ("Hello.", 24000, 1, 2)
    assert len(pcm) < 24000  # less than half a second of the two
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_file(speech: OpenAISpeech) -> None:
    path = Path(await speech.get_audio("Hello."))
    assert read_wav(path.read_bytes()) == (stamped_pcm("Hello.", 200, 24000), 24000, 1, 2)


async def test_wav_services(upstream: Upstream) -> None:
    made = OpenAISpeech({"id": "tts", "type": "t", "api_base": upstream.url, "response_format": "wav"}, {})
    assert await spoken(made, "Hello.") == [("Hello.", stamped_pcm("Hello.", 200, 24000))]
    assert upstream.last_body()["response_format"] == "wav"
    await made.terminate()


async def test_options_of_one_reply(speech: OpenAISpeech, upstream: Upstream) -> None:
    with speech_options(SpeechOptions(voice="nova", rate=1.5)):
        await spoken(speech, "Hello.")
    assert (upstream.last_body()["voice"], upstream.last_body()["speed"]) == ("nova", 1.5)


@pytest.mark.parametrize(
    ("model", "failure"),
    [("error=401", "auth"), ("error=429", "rate_limit"), ("cut=2", "cut"), ("hang=2", "timeout")],
)
async def test_speech_failures(speech: OpenAISpeech, model: str, failure: str) -> None:
    speech.set_model(f"mock:audio_ms=1000,{model}")
    with pytest.raises(ServiceError) as caught:
        await spoken(speech, "Hello.")
    assert caught.value.failure == failure


async def test_recognition(upstream: Upstream, wav_file: Path) -> None:
    model = "mock:transcript=what time is it"
    made = OpenAIWhisper(
        {"id": "stt", "type": "t", "api_key": "k", "api_base": upstream.url, "model": model, "language": "en"}, {}
    )
    assert await made.get_text(str(wav_file)) == "what time is it"
    assert upstream.last_body() == {
        "model": model, "response_format": "json", "language": "en", "file_bytes": 3244,
    }  # fmt: skip
    await made.test()
    made.set_model("mock:error=503")
    with pytest.raises(ServiceError, match="fault of its own"):
        await made.get_text(str(wav_file))
    await made.terminate()


async def test_embeddings(upstream: Upstream) -> None:
    made = OpenAIEmbedding(
        {"id": "e", "type": "t", "embedding_api_base": upstream.url, "embedding_dimensions": "8"}, {}
    )
    vectors = await made.get_embeddings(["a", "bb"])
    assert [len(vector) for vector in vectors] == [8, 8]
    assert vectors[0] != vectors[1]
    assert made.get_dim() == 8
    assert "dimensions" not in upstream.last_body()
    await made.test()
    await made.terminate()

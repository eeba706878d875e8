"""Piper, faster-whisper and sherpa-onnx: the real libraries, on small models made by the test."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from astrbot_like.api.kit.errors import ServiceError
from astrbot_like.api.kit.wav import read_wav, wav_bytes
from astrbot_like.domain.errors import BotError
from plugins.faster_whisper.main import FasterWhisper
from plugins.piper.main import PiperSpeech
from plugins.sherpa_onnx.main import SherpaRecogniser
from tests.support.census import settle
from tests.support.small_models import (
    HEARD,
    SAMPLES_OF_A_PHONEME,
    hush,
    make_beeper,
    make_voice,
    make_whisper,
    noise,
)
from tests.unit.providers.contract.button import button_shows

BEEPS = hush(0.3) + (noise(0.3) + hush(0.3)) * 3


@pytest.fixture
def wav(tmp_path: Path) -> str:
    path = tmp_path / "a.wav"
    path.write_bytes(wav_bytes(BEEPS, 16000))
    return str(path)


@pytest.fixture(scope="module")
def beeper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    needed("onnx", "sherpa_onnx")
    return make_beeper(tmp_path_factory.mktemp("beeper"))


@pytest.fixture(scope="module")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    needed("faster_whisper")
    return make_whisper(tmp_path_factory.mktemp("whisper"))


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    needed("onnx", "piper")
    return make_voice(tmp_path_factory.mktemp("voice"))


def needed(*libraries: str) -> None:
    for library in libraries:
        pytest.importorskip(library, reason=f"the optional library {library} is not installed")


# --- piper ---------------------------------------------------------------------------------------


@pytest.mark.exercises("piper_tts", "text", "test button")
async def test_piper_speaks_with_a_voice_made_here(
    voice: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASTRBOT_ROOT", str(tmp_path))
    provider = PiperSpeech({"id": "piper", "type": "piper_tts", "model": str(voice)}, {})
    path = Path(await provider.get_audio("hello"))
    pcm, rate, channels, width = read_wav(path.read_bytes())
    assert (rate, channels, width) == (16000, 1, 2)
    assert len(pcm) // 2 >= 5 * SAMPLES_OF_A_PHONEME
    assert any(pcm)
    shown = await button_shows(PiperSpeech, {"model": str(voice)})
    assert "bytes of speech" in shown.answer
    await provider.terminate()


@pytest.mark.exercises("piper_tts", "stream", "cancel")
async def test_piper_speaks_sentence_by_sentence_and_can_be_left(voice: Path) -> None:
    provider = PiperSpeech({"id": "piper", "type": "piper_tts", "model": str(voice)}, {})
    texts: asyncio.Queue[str | None] = asyncio.Queue()
    audio: asyncio.Queue[Any] = asyncio.Queue(1)
    task = asyncio.create_task(provider.get_audio_stream(texts, audio))
    texts.put_nowait("hello there. " * 200)
    text, wav = await audio.get()
    assert text.startswith("hello there") and wav[:4] == b"RIFF"
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    begun = time.perf_counter()
    again = [chunk async for chunk in provider.synthesise("hello")]
    assert again and time.perf_counter() - begun < 20, "the voice is free for the next text"
    await provider.terminate()


@pytest.mark.exercises("piper_tts", "error mapping")
async def test_piper_without_a_voice(tmp_path: Path) -> None:
    provider = PiperSpeech({"id": "piper", "type": "piper_tts", "model": str(tmp_path / "nothing.onnx")}, {})
    with pytest.raises(ServiceError, match="needs a voice"):
        await provider.get_audio("hello")
    needed("piper")
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    (tmp_path / "broken.onnx.json").write_text("{}")
    provider = PiperSpeech({"id": "piper", "type": "piper_tts", "model": str(tmp_path / "broken.onnx")}, {})
    with pytest.raises(ServiceError, match="needs a model that can be loaded"):
        await provider.get_audio("hello")
    await provider.terminate()


# --- faster-whisper ------------------------------------------------------------------------------


@pytest.mark.exercises("faster_whisper", "text", "test button")
async def test_faster_whisper_hears_what_its_model_hears(whisper: Path, wav: str) -> None:
    provider = FasterWhisper({"id": "w", "type": "faster_whisper", "model": str(whisper)}, {})
    assert await provider.get_text(wav) == HEARD
    assert await asyncio.gather(*(provider.get_text(wav) for _ in range(3))) == [HEARD] * 3
    assert HEARD in (await button_shows(FasterWhisper, {"model": str(whisper)})).answer
    await provider.terminate()


@pytest.mark.exercises("faster_whisper", "cancel")
async def test_faster_whisper_stops_when_nobody_waits(whisper: Path, wav: str, tmp_path: Path) -> None:
    provider = FasterWhisper({"id": "w", "type": "faster_whisper", "model": str(whisper)}, {})
    await provider.get_text(wav)
    engine = await provider._engine.run(lambda model: model)
    loop, decode, begun, pieces = asyncio.get_running_loop(), engine.generate_with_fallback, asyncio.Event(), 0

    def watched(*arguments: Any) -> Any:
        nonlocal pieces
        pieces += 1
        loop.call_soon_threadsafe(begun.set)
        asyncio.run_coroutine_threadsafe(cancelled.wait(), loop).result(10)
        return decode(*arguments)

    cancelled = asyncio.Event()
    engine.generate_with_fallback = watched
    path = tmp_path / "long.wav"
    path.write_bytes(wav_bytes(noise(100), 16000))  # four pieces of thirty seconds at the most
    task = asyncio.create_task(provider.get_text(str(path)))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    cancelled.set()
    await provider._engine.run(lambda _: None)  # the engine is free again
    assert pieces == 1
    await provider.terminate()


@pytest.mark.exercises("faster_whisper", "error mapping")
async def test_faster_whisper_without_a_model(tmp_path: Path, wav: str) -> None:
    provider = FasterWhisper({"id": "w", "type": "faster_whisper", "model": str(tmp_path / "nothing")}, {})
    with pytest.raises(ServiceError, match=r"needs a model.*There is no folder"):
        await provider.get_text(wav)
    needed("faster_whisper")
    (tmp_path / "model").mkdir()
    provider = FasterWhisper({"id": "w", "type": "faster_whisper", "model": str(tmp_path / "model")}, {})
    with pytest.raises(ServiceError, match="needs a model that can be loaded"):
        await provider.get_text(wav)
    await provider.terminate()


async def test_faster_whisper_says_what_it_can_not_read(whisper: Path, tmp_path: Path) -> None:
    provider = FasterWhisper({"id": "w", "type": "faster_whisper", "model": str(whisper)}, {})
    (tmp_path / "no.wav").write_bytes(b"no sound at all")
    with pytest.raises(BotError):
        await provider.get_text(str(tmp_path / "no.wav"))
    await provider.terminate()


# --- sherpa-onnx ---------------------------------------------------------------------------------


@pytest.mark.exercises("sherpa_onnx_stt", "text", "stream", "test button")
async def test_sherpa_decodes_while_the_user_speaks(beeper: Path, wav: str) -> None:
    sherpa = SherpaRecogniser({"id": "s", "type": "sherpa_onnx_stt", "model": str(beeper)}, {})
    partials: list[str] = []
    stream = sherpa.open_stream(on_partial=partials.append)
    stream.push(hush(0.3))
    for expected in ("beep", "beep boop", "beep boop beep"):
        for start in range(0, len(noise(0.3)), 640):
            stream.push(noise(0.3)[start : start + 640])
        stream.push(hush(0.3))
        assert await settle(lambda wanted=expected: partials[-1:] == [wanted])
    assert await stream.finish() == "beep boop beep"
    assert await sherpa.get_text(wav) == "beep boop beep"
    await button_shows(SherpaRecogniser, {"model": str(beeper)})
    await sherpa.terminate()


@pytest.mark.exercises("sherpa_onnx_stt", "cancel")
async def test_sherpa_hears_several_at_once_and_lets_one_go(beeper: Path) -> None:
    sherpa = SherpaRecogniser({"id": "s", "type": "sherpa_onnx_stt", "model": str(beeper)}, {})
    one, two, three = (sherpa.open_stream() for _ in range(3))
    one.push(BEEPS)
    two.push(hush(0.3) + noise(0.3) + hush(0.3))
    three.push(BEEPS * 50)
    await three.abort()
    await three.abort()
    assert await asyncio.gather(one.finish(), two.finish()) == ["beep boop beep", "beep"]
    await sherpa.terminate()


async def test_sherpa_resamples_files(beeper: Path, tmp_path: Path) -> None:
    sherpa = SherpaRecogniser({"id": "s", "type": "sherpa_onnx_stt", "model": str(beeper)}, {})
    slow = tmp_path / "slow.wav"
    slow.write_bytes(wav_bytes(BEEPS, 8000))  # played at half the speed
    assert await sherpa.get_text(str(slow)) == "beep boop beep"
    await sherpa.terminate()


@pytest.mark.exercises("sherpa_onnx_stt", "error mapping")
@pytest.mark.parametrize("broken", ["no metadata", "no model", "another shape"])
async def test_a_model_that_would_end_the_process_is_refused(
    broken: str, beeper: Path, tmp_path: Path, wav: str
) -> None:
    import onnx

    for file in beeper.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    if broken == "no metadata":
        model = onnx.load(str(tmp_path / "encoder.onnx"))
        del model.metadata_props[:]
        onnx.save(model, str(tmp_path / "encoder.onnx"))
    elif broken == "another shape":
        (tmp_path / "joiner.onnx").write_bytes((tmp_path / "decoder.onnx").read_bytes())
    else:
        (tmp_path / "encoder.onnx").write_bytes(b"no model")
    sherpa = SherpaRecogniser({"id": "s", "type": "sherpa_onnx_stt", "model": str(tmp_path)}, {})
    with pytest.raises(ServiceError, match="needs a model that can be loaded"):
        await sherpa.get_text(wav)
    await sherpa.terminate()


@pytest.mark.exercises("sherpa_onnx_stt", "error mapping")
async def test_sherpa_without_a_model(tmp_path: Path, wav: str) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    for options, words in (
        ({"model": ""}, "needs a model"),
        ({"model": str(empty)}, "needs the file encoder"),
        ({"model": str(empty), "kind": "other"}, "known kind"),
    ):
        provider = SherpaRecogniser({"id": "s", "type": "sherpa_onnx_stt", **options}, {})
        with pytest.raises(ServiceError, match=words):
            await provider.get_text(wav)
        stream = provider.open_stream()
        with pytest.raises(ServiceError):
            await stream.finish()
        await provider.terminate()


# --- without the libraries -----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["faster_whisper", "sherpa_onnx", "piper"])
async def test_a_library_that_is_not_installed_is_named(
    name: str, tmp_path: Path, wav: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    for file in ("voice.onnx", "tokens.txt", "encoder.onnx", "decoder.onnx", "joiner.onnx"):
        (tmp_path / file).touch()
    made: Any
    if name == "piper":
        made = PiperSpeech({"id": "x", "type": "t", "model": str(tmp_path / "voice.onnx")}, {})
        work = made.get_audio("hello")
    elif name == "sherpa_onnx":
        made = SherpaRecogniser({"id": "x", "type": "t", "model": str(tmp_path)}, {})
        work = made.get_text(wav)
    else:
        made = FasterWhisper({"id": "x", "type": "t"}, {})
        work = made.get_text(wav)
    with pytest.raises(ServiceError, match="pip install"):
        await work
    await made.terminate()

"""Piper with a voice made here; faster-whisper and sherpa-onnx with their real libraries as far as no model is needed,
and with fakes of the library's interface for the rest."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from astrbot_like.api.kit.errors import ServiceError
from astrbot_like.api.kit.wav import read_wav, wav_bytes
from plugins.faster_whisper.main import FasterWhisper
from plugins.piper.main import PiperSpeech
from plugins.sherpa_onnx.main import SherpaRecogniser
from tests.unit.providers.contract.button import button_shows

SAMPLES_OF_A_PHONEME = 256


def make_voice(folder: Path) -> Path:
    """A voice whose every phoneme is 256 samples of a tone made of the phoneme's number."""
    onnx = pytest.importorskip("onnx", reason="the optional library onnx is not installed")
    from onnx import TensorProto, helper

    def constant(name: str, values: list[int]) -> Any:
        return helper.make_tensor(name, TensorProto.INT64, [len(values)], values)

    nodes = [
        helper.make_node("Cast", ["input"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["float", "last"], ["column"]),
        helper.make_node("Tile", ["column", "repeats"], ["wide"]),
        helper.make_node("Reshape", ["wide", "flat"], ["line"]),
        helper.make_node("Sin", ["line"], ["output"]),
    ]
    inputs = [
        helper.make_tensor_value_info("input", TensorProto.INT64, [1, "n"]),
        helper.make_tensor_value_info("input_lengths", TensorProto.INT64, [1]),
        helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3]),
    ]
    output = helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 1, 1, "m"])
    constants = [
        constant("last", [2]),
        constant("repeats", [1, 1, SAMPLES_OF_A_PHONEME]),
        constant("flat", [1, 1, 1, -1]),
    ]
    graph = helper.make_graph(nodes, "voice", inputs, [output], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)])
    model.ir_version = 8
    path = folder / "voice.onnx"
    onnx.save(model, str(path))
    phonemes = {char: [number] for number, char in enumerate("_^$ abcdefghijklmnopqrstuvwxyz.,!?")}
    config = {
        "audio": {"sample_rate": 16000},
        "espeak": {"voice": "en-us"},
        "phoneme_type": "text",
        "num_symbols": 64,
        "num_speakers": 1,
        "inference": {"noise_scale": 0.0, "length_scale": 1.0, "noise_w": 0.0},
        "phoneme_id_map": phonemes,
    }
    (folder / "voice.onnx.json").write_text(json.dumps(config))
    return path


@pytest.mark.exercises("piper_tts", "text", "test button")
async def test_piper_speaks_with_a_voice_made_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("piper", reason="the optional library piper-tts is not installed")
    monkeypatch.setenv("ASTRBOT_ROOT", str(tmp_path))
    provider = PiperSpeech({"id": "piper", "type": "piper_tts", "model": str(make_voice(tmp_path))}, {})
    path = Path(await provider.get_audio("hello"))
    pcm, rate, channels, width = read_wav(path.read_bytes())
    assert (rate, channels, width) == (16000, 1, 2)
    assert len(pcm) // 2 >= 5 * SAMPLES_OF_A_PHONEME
    assert any(pcm)
    shown = await button_shows(PiperSpeech, {"model": provider.provider_config["model"]})
    assert "bytes of speech" in shown.answer
    await provider.terminate()


@pytest.mark.exercises("piper_tts", "error mapping")
async def test_piper_without_a_voice(tmp_path: Path) -> None:
    provider = PiperSpeech({"id": "piper", "type": "piper_tts", "model": str(tmp_path / "nothing.onnx")}, {})
    with pytest.raises(ServiceError, match="needs a voice"):
        await provider.get_audio("hello")
    pytest.importorskip("piper", reason="the optional library piper-tts is not installed")
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    (tmp_path / "broken.onnx.json").write_text("{}")
    provider = PiperSpeech({"id": "piper", "type": "piper_tts", "model": str(tmp_path / "broken.onnx")}, {})
    with pytest.raises(ServiceError, match="needs a model that can be loaded"):
        await provider.get_audio("hello")
    await provider.terminate()


@pytest.fixture
def wav(tmp_path: Path) -> str:
    path = tmp_path / "a.wav"
    path.write_bytes(wav_bytes(bytes(6400), 16000))
    return str(path)


@pytest.mark.exercises("faster_whisper", "error mapping")
async def test_faster_whisper_without_a_model(tmp_path: Path, wav: str) -> None:
    pytest.importorskip("faster_whisper", reason="the optional library faster-whisper is not installed")
    (tmp_path / "model").mkdir()
    provider = FasterWhisper({"id": "w", "type": "faster_whisper", "model": str(tmp_path / "model")}, {})
    with pytest.raises(ServiceError, match="needs a model that can be loaded"):
        await provider.get_text(wav)
    await provider.terminate()


@pytest.mark.exercises("faster_whisper", "text", "test button")
async def test_faster_whisper_joins_what_the_model_heard(wav: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    class WhisperModel:
        def __init__(self, model: str, **options: Any) -> None:
            asked["load"] = (model, options)

        def transcribe(self, audio: Any, **options: Any) -> Any:
            asked["call"] = (audio.read(4), options)
            return iter([SimpleNamespace(text=" What time"), SimpleNamespace(text=" is it? ")]), None

    library = ModuleType("faster_whisper")
    library.WhisperModel = WhisperModel  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "faster_whisper", library)
    config = {"id": "w", "type": "faster_whisper", "model": "tiny", "language": "en", "allow_download": False}
    provider = FasterWhisper(config, {})
    assert await provider.get_text(wav) == "What time is it?"
    assert asked["load"][1]["local_files_only"] is True
    assert asked["call"][0] == b"RIFF"
    assert asked["call"][1]["language"] == "en"
    assert "What time is it?" in (await button_shows(FasterWhisper, config)).answer
    await provider.terminate()


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


class FakeRecognizer:
    """The interface of ``sherpa_onnx.OnlineRecognizer``: hears a word in every 640 samples."""

    WORDS = ("what", "time", "is", "it")

    class Stream:
        def __init__(self) -> None:
            self.samples = self.decoded = 0
            self.finished = False

        def accept_waveform(self, rate: int, samples: Any) -> None:
            self.samples += len(samples)

        def input_finished(self) -> None:
            self.finished = True

    @classmethod
    def from_transducer(cls, **options: Any) -> FakeRecognizer:
        assert Path(options["encoder"]).name == "encoder.int8.onnx"
        return cls()

    def create_stream(self) -> Stream:
        return self.Stream()

    def is_ready(self, stream: Stream) -> bool:
        return stream.samples - stream.decoded >= 640

    def decode_stream(self, stream: Stream) -> None:
        stream.decoded += 640

    def get_result(self, stream: Stream) -> str:
        return " " + " ".join(self.WORDS[: stream.decoded // 640])


@pytest.fixture
def sherpa(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SherpaRecogniser:
    for file in ("tokens.txt", "encoder.onnx", "encoder.int8.onnx", "decoder.onnx", "joiner.onnx"):
        (tmp_path / file).touch()
    library = ModuleType("sherpa_onnx")
    library.OnlineRecognizer = FakeRecognizer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sherpa_onnx", library)
    return SherpaRecogniser({"id": "s", "type": "sherpa_onnx_stt", "model": str(tmp_path)}, {})


@pytest.mark.exercises("sherpa_onnx_stt", "text", "stream", "cancel", "test button")
async def test_sherpa_decodes_while_the_user_speaks(sherpa: SherpaRecogniser, wav: str) -> None:
    partials: list[str] = []
    stream = sherpa.open_stream(on_partial=partials.append)
    for count in (1, 2, 3):
        stream.push(bytes(1280))
        async with asyncio.timeout(3):
            while len(partials) < count:
                await asyncio.sleep(0.001)
    assert partials == ["what", "what time", "what time is"]
    assert await stream.finish() == "what time is it"
    assert await sherpa.get_text(wav) == "what time is it"
    other = sherpa.open_stream()
    other.push(bytes(1280))
    await other.abort()
    await other.abort()
    assert "what time is it" in (await button_shows(SherpaRecogniser, sherpa.provider_config)).answer
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

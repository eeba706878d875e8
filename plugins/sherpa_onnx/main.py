"""Local streaming speech recognition: https://k2-fsa.github.io/sherpa/onnx/."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from astrbot_like.api.audio import decode_media
from astrbot_like.api.kit import options
from astrbot_like.api.kit.engine import LocalEngine
from astrbot_like.api.kit.errors import Blame, redact
from astrbot_like.api.kit.media import load_media
from astrbot_like.api.provider import ProviderType, register_provider_adapter
from astrbot_like.api.speech import StreamingSTTProvider, STTStream
from astrbot_like.api.star import Star

_RATE = 16000
_TRIAL_SECONDS = 120.0
_MOST_QUEUED = 1500  # pieces of 20 ms
_TAIL = bytes(_RATE)  # half a second of silence, after which the model gives its last words


class SherpaOnnxPlugin(Star):
    """Supplies the provider type ``sherpa_onnx_stt``."""


@register_provider_adapter(
    "sherpa_onnx_stt",
    "Local streaming speech recognition by a sherpa-onnx model",
    provider_type=ProviderType.SPEECH_TO_TEXT,
    default_config_tmpl={
        "id": "sherpa_onnx",
        "type": "sherpa_onnx_stt",
        "enable": False,
        "model": "",
        "kind": "transducer",
        "threads": 2,
    },
    provider_display_name="sherpa-onnx",
)
class SherpaRecogniser(StreamingSTTProvider):
    """Decodes while the user speaks; one engine for all utterances, each with a stream of its own.

    Config:
        model: Folder of a streaming model: ``tokens.txt`` with ``encoder*.onnx``, ``decoder*.onnx``, ``joiner*.onnx``
            (kind ``transducer``), with the first two (``paraformer``), or with ``model*.onnx`` (``zipformer2_ctc``).
        kind: Which of these.
        threads: Processor threads for one step.
    """

    def __init__(self, provider_config: dict[str, Any], provider_settings: dict[str, Any]) -> None:
        super().__init__(provider_config, provider_settings)
        self.set_model(options.model(provider_config))
        self.blame = Blame(str(provider_config.get("id", "")), "sherpa-onnx")
        self.engine: LocalEngine[Any] = LocalEngine(self._load, self.blame, package="sherpa-onnx", name="sherpa")

    async def terminate(self) -> None:
        """Let the model go."""
        self.engine.close()

    def open_stream(self, *, language: str | None = None, on_partial: Callable[[str], None] | None = None) -> STTStream:
        """Begin an utterance; the model decides the language."""
        return _Utterance(self, on_partial)

    async def get_text(self, audio_url: str) -> str:
        """The transcript of a file of any format."""
        sound = await decode_media((await load_media(audio_url)).data, rate=_RATE)
        return await self.engine.run(_whole, sound.data)

    def _load(self) -> Any:
        folder = Path(self.get_model())
        if not self.get_model() or not folder.is_dir():
            raise self.blame.missing("a model", "Enter the path of its folder.")
        kind = options.text(self.provider_config, "kind", default="transducer")
        needed = {
            "transducer": ("encoder", "decoder", "joiner"),
            "paraformer": ("encoder", "decoder"),
            "zipformer2_ctc": ("model",),
        }
        if kind not in needed:
            raise self.blame.missing("a known kind of model", f"Use one of {', '.join(needed)}.")
        files = {part: str(self._file(folder, f"{part}*.onnx")) for part in needed[kind]}
        files["tokens"] = str(self._file(folder, "tokens.txt"))
        threads = max(1, int(options.number(self.provider_config, "threads", default=2)))
        import sherpa_onnx

        self._try_out(kind, files)
        make = getattr(sherpa_onnx.OnlineRecognizer, f"from_{kind}")
        return make(**files, num_threads=threads)

    def _try_out(self, kind: str, files: dict[str, str]) -> None:
        """Load the model and decode a second with it in a process of its own.

        The library ends its process when a model is not of the kind it was said to be, and that shall not be this one.
        """
        command = [sys.executable, str(Path(__file__).with_name("trial.py")), kind, json.dumps(files)]
        try:
            tried = subprocess.run(command, capture_output=True, timeout=_TRIAL_SECONDS, check=False)
        except subprocess.TimeoutExpired as error:
            raise self.blame.timeout("result of loading the model", _TRIAL_SECONDS) from error
        if tried.returncode:
            said = tried.stderr.decode("utf-8", "replace").strip().splitlines() or [f"it ended with {tried.returncode}"]
            raise self.blame.missing("a model that can be loaded", f"Loading it failed: {redact(said[-1][-200:])}")

    def _file(self, folder: Path, pattern: str) -> Path:
        """The file of that pattern; of several the quantised one, which is the faster."""
        found = sorted(folder.glob(pattern), key=lambda path: ("int8" not in path.name, path.name))
        if not found:
            raise self.blame.missing(f"the file {pattern}", f"The model's folder {folder.name} has none.")
        return found[0]


class _Utterance:
    """One utterance."""

    def __init__(self, provider: SherpaRecogniser, on_partial: Callable[[str], None] | None) -> None:
        self.partial = on_partial
        self._engine = provider.engine
        self._blame = provider.blame
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._text = ""
        self._overrun = False
        self._task = asyncio.create_task(self._run(), name="sherpa-utterance")

    def push(self, pcm: bytes) -> None:
        if self._queue.qsize() < _MOST_QUEUED:
            self._queue.put_nowait(pcm)
        else:
            self._overrun = True

    async def finish(self) -> str:
        self._queue.put_nowait(None)
        try:
            await self._task
        finally:
            await self.abort()
        if self._overrun:
            raise self._blame.timeout("transcript as fast as the speech")
        return self._text

    async def abort(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        stream = await self._engine.run(lambda engine: engine.create_stream())
        ended = False
        while not ended:
            gathered = bytearray()
            piece = await self._queue.get()
            while piece is not None:
                gathered += piece
                if self._queue.empty():
                    break
                piece = self._queue.get_nowait()
            ended = piece is None
            text = await self._engine.run(_advance, stream, bytes(gathered), ended)
            if text != self._text:
                self._text = text
                if self.partial is not None and not ended:
                    self.partial(text)


def _advance(engine: Any, stream: Any, pcm: bytes, ended: bool) -> str:
    """Feed sound and decode what is ready."""
    import numpy as np

    samples = np.frombuffer(pcm + (_TAIL if ended else b""), np.int16)
    stream.accept_waveform(_RATE, samples.astype(np.float32) / 32768)
    if ended:
        stream.input_finished()
    while engine.is_ready(stream):
        engine.decode_stream(stream)
    return str(engine.get_result(stream)).strip()


def _whole(engine: Any, pcm: bytes) -> str:
    return _advance(engine, engine.create_stream(), pcm, True)

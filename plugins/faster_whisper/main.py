"""Local speech recognition by Whisper models: https://github.com/SYSTRAN/faster-whisper."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from astrbot_like.api.audio import decode_media
from astrbot_like.api.kit import options
from astrbot_like.api.kit.engine import LocalEngine
from astrbot_like.api.kit.errors import Blame
from astrbot_like.api.kit.media import load_media
from astrbot_like.api.provider import ProviderType, STTProvider, register_provider_adapter
from astrbot_like.api.star import Star

_RATE = 16000


class FasterWhisperPlugin(Star):
    """Supplies the provider type ``faster_whisper``."""


@register_provider_adapter(
    "faster_whisper",
    "Local speech recognition by a Whisper model",
    provider_type=ProviderType.SPEECH_TO_TEXT,
    default_config_tmpl={
        "id": "faster_whisper",
        "type": "faster_whisper",
        "enable": False,
        "model": "base",
        "whisper_device": "auto",
        "compute_type": "default",
        "language": "",
        "beam_size": 1,
        "allow_download": True,
    },
    provider_display_name="faster-whisper",
)
class FasterWhisper(STTProvider):
    """Recognises a whole utterance in a thread of its own.

    Config:
        model: Path of a converted model, or a name such as ``base`` or ``large-v3``.
        whisper_device: ``cpu``, ``cuda`` or ``auto``. compute_type: such as ``int8``.
        language: ISO 639-1 code; empty: the model finds out.
        beam_size: 1 is the fastest.
        allow_download: Whether a model that is named and not on this machine is fetched from its hub.
    """

    def __init__(self, provider_config: dict[str, Any], provider_settings: dict[str, Any]) -> None:
        super().__init__(provider_config, provider_settings)
        self.set_model(options.model(provider_config, "base"))
        self.blame = Blame(str(provider_config.get("id", "")), "faster-whisper")
        self._engine: LocalEngine[Any] = LocalEngine(self._load, self.blame, package="faster-whisper", name="whisper")

    async def terminate(self) -> None:
        """Let the model go."""
        self._engine.close()

    async def get_text(self, audio_url: str) -> str:
        """The transcript of a file of any format."""
        # Decoded here, not by the library: that one depends on a release of PyAV.
        sound = await decode_media((await load_media(audio_url)).data, rate=_RATE)
        unwanted = threading.Event()
        try:
            return await self._engine.run(self._transcribe, sound.data, unwanted)
        finally:
            unwanted.set()

    def _load(self) -> Any:
        model = self.get_model()
        if Path(model).is_absolute() and not Path(model).is_dir():
            raise self.blame.missing("a model", f"There is no folder {model}. Enter its path, or a name such as base.")
        from faster_whisper import WhisperModel

        return WhisperModel(
            self.get_model(),
            device=options.text(self.provider_config, "whisper_device", "device", default="auto"),
            compute_type=options.text(self.provider_config, "compute_type", default="default"),
            local_files_only=not options.flag(self.provider_config, "allow_download", True),
        )

    def _transcribe(self, model: Any, pcm: bytes, unwanted: threading.Event) -> str:
        import numpy as np

        segments, _ = model.transcribe(
            np.frombuffer(pcm, np.int16).astype(np.float32) / 32768,
            language=options.text(self.provider_config, "language") or None,
            beam_size=max(1, int(options.number(self.provider_config, "beam_size", default=1))),
            condition_on_previous_text=False,
            without_timestamps=True,
        )
        heard: list[str] = []
        for segment in segments:  # each is decoded when it is asked for
            if unwanted.is_set():
                break
            heard.append(segment.text.strip())
        return " ".join(filter(None, heard))

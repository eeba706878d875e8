"""Local speech by Piper: https://github.com/OHF-Voice/piper1-gpl (library ``piper-tts``)."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from astrbot_like.api.kit import options
from astrbot_like.api.kit.engine import LocalEngine
from astrbot_like.api.kit.speech_provider import PcmTTSProvider
from astrbot_like.api.provider import ProviderType, register_provider_adapter
from astrbot_like.api.speech import current_speech_options
from astrbot_like.api.star import Star


class PiperPlugin(Star):
    """Supplies the provider type ``piper_tts``."""


@register_provider_adapter(
    "piper_tts",
    "Local speech by a Piper voice",
    provider_type=ProviderType.TEXT_TO_SPEECH,
    default_config_tmpl={
        "id": "piper",
        "type": "piper_tts",
        "enable": False,
        "model": "",
        "config_path": "",
        "speaker": "",
        "rate": 1.0,
    },
    provider_display_name="Piper",
)
class PiperSpeech(PcmTTSProvider):
    """Speaks sentence by sentence.

    Config:
        model: Path of the voice's ``.onnx`` file.
        config_path: Path of its ``.json``; empty: beside the model.
        speaker: Number of a speaker, for voices with several.
        rate: Speed, 1.0 is normal.
    """

    service = "Piper"

    def __init__(self, provider_config: dict[str, Any], provider_settings: dict[str, Any]) -> None:
        super().__init__(provider_config, provider_settings)
        self.set_model(options.model(provider_config))
        self._engine: LocalEngine[Any] = LocalEngine(self._load, self.blame, package="piper-tts", name="piper")

    async def terminate(self) -> None:
        """Let the voice go."""
        self._engine.close()

    async def synthesise(self, text: str) -> AsyncGenerator[bytes, None]:
        """PCM, a sentence at a time."""
        chunks = await self._engine.run(self._begin, text)
        while (made := await self._engine.run(_next, chunks)) is not None:
            self.sample_rate, pcm = made
            yield pcm

    def _load(self) -> Any:
        path = Path(self.get_model())
        if not self.get_model() or not path.is_file():
            raise self.blame.missing("a voice", "Enter the path of its .onnx file as the model.")
        from piper import PiperVoice

        return PiperVoice.load(path, config_path=options.text(self.provider_config, "config_path") or None)

    def _begin(self, voice: Any, text: str) -> Any:
        from piper import SynthesisConfig

        rate = (current_speech_options().rate or 1.0) * options.number(self.provider_config, "rate", default=1.0)
        speaker = options.text(self.provider_config, "speaker")
        wanted = SynthesisConfig(
            speaker_id=int(speaker) if speaker else None, length_scale=voice.config.length_scale / max(0.25, rate)
        )
        return iter(voice.synthesize(text, syn_config=wanted))


def _next(voice: Any, chunks: Any) -> tuple[int, bytes] | None:
    chunk = next(chunks, None)
    return None if chunk is None else (chunk.sample_rate, chunk.audio_int16_bytes)

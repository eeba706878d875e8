"""Speech by ElevenLabs: https://elevenlabs.io/docs/api-reference/text-to-speech/stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any
from urllib.parse import quote

from astrbot_like.api.kit import options
from astrbot_like.api.kit.attempts import Attempts
from astrbot_like.api.kit.errors import Failure
from astrbot_like.api.kit.speech_provider import ServiceTTSProvider
from astrbot_like.api.provider import ProviderType, register_provider_adapter
from astrbot_like.api.speech import VoiceInfo, current_speech_options

from .wire import BASE, authorised, kind_of

_VOICE = "JBFqnCBsd6RMkjVDRZzb"  # one of the service's own
_RATE = 24000


@register_provider_adapter(
    "elevenlabs_tts_api",
    "Speech by ElevenLabs",
    provider_type=ProviderType.TEXT_TO_SPEECH,
    default_config_tmpl={
        "id": "elevenlabs_tts",
        "type": "elevenlabs_tts_api",
        "enable": False,
        "api_key": "",
        "api_base": BASE,
        "model": "eleven_multilingual_v2",
        "elevenlabs-tts-voice-id": _VOICE,
        "elevenlabs-tts-stability": "",
        "elevenlabs-tts-similarity-boost": "",
        "elevenlabs-tts-style": "",
        "elevenlabs-tts-use-speaker-boost": True,
        "timeout": "20",
        "proxy": "",
    },
    provider_display_name="ElevenLabs",
)
class ElevenLabsSpeech(ServiceTTSProvider):
    """Asks for bare samples (``pcm_24000``) whatever output format is configured: they need no decoder and come first.

    Config:
        elevenlabs-tts-voice-id: Id of a voice.
        elevenlabs-tts-stability, …-similarity-boost, …-style: 0 to 1, empty for the voice's own.
    """

    service = "ElevenLabs"
    default_base = BASE
    default_model = "eleven_multilingual_v2"

    def __init__(self, provider_config: dict[str, Any], provider_settings: dict[str, Any]) -> None:
        super().__init__(provider_config, provider_settings)
        self.sample_rate = _RATE

    async def get_voices(self) -> list[VoiceInfo]:
        """The account's voices."""
        answer = await Attempts(self.ring).result(
            lambda: self.http.json("GET", "/voices", headers=authorised(self.ring.current))
        )
        listed = answer.get("voices") if isinstance(answer, dict) else None
        return [
            VoiceInfo(
                str(voice["voice_id"]),
                str(voice.get("name", "")),
                "",
                str((voice.get("labels") or {}).get("gender", "")),
            )
            for voice in listed or ()
            if isinstance(voice, dict) and voice.get("voice_id")
        ]

    async def synthesise(self, text: str) -> AsyncGenerator[bytes, None]:
        """PCM as it comes."""
        chosen = current_speech_options()
        voice = chosen.voice or options.text(self.provider_config, "elevenlabs-tts-voice-id", "voice", default=_VOICE)
        body: dict[str, Any] = {"text": text, "model_id": self.get_model()}
        if settings := self._voice_settings(chosen.rate):
            body["voice_settings"] = settings
        path = f"/text-to-speech/{quote(voice, safe='')}/stream"
        sound = self.http.sound(
            path,
            headers=authorised(self.ring.current),
            body=body,
            params={"output_format": f"pcm_{_RATE}"},
            model=voice,
        )
        async with aclosing(sound) as chunks:
            async for chunk in chunks:
                yield chunk

    def kind_of(self, status: int, body: bytes) -> Failure | None:
        """See ``wire.kind_of``."""
        return kind_of(status, body)

    def _voice_settings(self, rate: float | None) -> dict[str, Any]:
        names = {"stability": "stability", "similarity-boost": "similarity_boost", "style": "style"}
        settings: dict[str, Any] = {
            wire: options.number(self.provider_config, f"elevenlabs-tts-{name}", default=0.0)
            for name, wire in names.items()
            if self.provider_config.get(f"elevenlabs-tts-{name}") not in (None, "")
        }
        if settings:
            settings["use_speaker_boost"] = options.flag(self.provider_config, "elevenlabs-tts-use-speaker-boost", True)
        if rate and rate != 1.0:
            settings["speed"] = min(1.2, max(0.7, rate))  # the service's own bounds
        return settings

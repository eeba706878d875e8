"""Speech: https://learn.microsoft.com/azure/ai-services/speech-service/rest-text-to-speech."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from astrbot_like.api.audio import decode_media
from astrbot_like.api.kit import options
from astrbot_like.api.kit.attempts import Attempts
from astrbot_like.api.kit.errors import Failure
from astrbot_like.api.kit.speech_provider import ServiceTTSProvider
from astrbot_like.api.provider import ProviderType, register_provider_adapter
from astrbot_like.api.speech import VoiceInfo, current_speech_options

from . import otts
from .wire import KEY_OPTIONS, authorised, base_url, kind_of

_RATE = 24000
_FORMAT = "raw-24khz-16bit-mono-pcm"


@register_provider_adapter(
    "azure_tts",
    "Speech by Azure AI Speech",
    provider_type=ProviderType.TEXT_TO_SPEECH,
    default_config_tmpl={
        "id": "azure_tts",
        "type": "azure_tts",
        "enable": False,
        "azure_tts_voice": "zh-CN-YunxiaNeural",
        "azure_tts_style": "cheerful",
        "azure_tts_role": "Boy",
        "azure_tts_rate": "1",
        "azure_tts_volume": "100",
        "azure_tts_subscription_key": "",
        "azure_tts_region": "eastus",
        "timeout": 20,
        "proxy": "",
    },
    provider_display_name="Azure speech",
)
class AzureSpeech(ServiceTTSProvider):
    """Speaks SSML; the sound goes on while it is still being made.

    Config:
        azure_tts_subscription_key: Keys of the resource, or ``other[{…}]`` (see ``otts``).
        azure_tts_style, azure_tts_role: Of voices that have them; empty for none.
        azure_tts_rate, azure_tts_volume: Factor, and 0 to 100.
    """

    service = "Azure Speech"
    key_options = KEY_OPTIONS

    def __init__(self, provider_config: dict[str, Any], provider_settings: dict[str, Any]) -> None:
        super().__init__({**provider_config, "api_base": base_url(provider_config, "tts")}, provider_settings)
        self.sample_rate = _RATE

    def kind_of(self, status: int, body: bytes) -> Failure | None:
        """See ``wire.kind_of``."""
        return kind_of(status, body)

    async def get_voices(self) -> list[VoiceInfo]:
        """The region's voices."""
        if self.ring.current.lower().startswith(otts.PREFIX):
            return []  # that service has no list
        listed = await Attempts(self.ring).result(
            lambda: self.http.json("GET", "/cognitiveservices/voices/list", headers=authorised(self.ring.current))
        )
        known = [one for one in (listed if isinstance(listed, list) else ()) if isinstance(one, dict)]
        return [
            VoiceInfo(one["ShortName"], one.get("LocalName", ""), one.get("Locale", ""), one.get("Gender", "").lower())
            for one in known
            if one.get("ShortName")
        ]

    async def synthesise(self, text: str) -> AsyncGenerator[bytes, None]:
        """PCM as it comes."""
        if (key := self.ring.current).lower().startswith(otts.PREFIX):
            yield await self._by_somebody_else(text, otts.account_of(key, self.blame))
            return
        self.sample_rate = _RATE
        headers = {
            **authorised(key),
            "Content-Type": "application/ssml+xml",
            "X-Microsoft-OutputFormat": _FORMAT,
            "User-Agent": "astrbot-like",
        }
        sound = self.http.sound("/cognitiveservices/v1", headers=headers, form=self._ssml(text).encode())
        async with aclosing(sound) as chunks:
            async for chunk in chunks:
                yield chunk

    async def _by_somebody_else(self, text: str, account: otts.Account) -> bytes:
        fields = {
            "text": text,
            "voice": self._voice(),
            "style": options.text(self.provider_config, "azure_tts_style"),
            "role": options.text(self.provider_config, "azure_tts_role"),
            "rate": f"{self._speed():g}",
            "volume": f"{self._volume():g}",
        }
        sound = await decode_media(await otts.speech(self.http, account, fields), rate=_RATE)
        self.sample_rate = _RATE
        return sound.data

    def _voice(self) -> str:
        chosen = current_speech_options().voice
        return chosen or options.text(self.provider_config, "azure_tts_voice", default="en-US-JennyNeural")

    def _speed(self) -> float:
        factor = options.number(self.provider_config, "azure_tts_rate", default=1.0)
        return (current_speech_options().rate or 1.0) * factor

    def _volume(self) -> float:
        return options.number(self.provider_config, "azure_tts_volume", default=100.0)

    def _ssml(self, text: str) -> str:
        from xml.sax.saxutils import escape, quoteattr  # brings an HTTP client along: not at start-up

        config, voice, rate, volume = self.provider_config, self._voice(), self._speed(), self._volume()
        language = "-".join(voice.split("-")[:2]) or "en-US"
        spoken = f"<prosody rate={quoteattr(f'{rate:g}')} volume={quoteattr(f'{volume:g}')}>{escape(text)}</prosody>"
        style, role = options.text(config, "azure_tts_style"), options.text(config, "azure_tts_role")
        if style or role:
            told = (f" style={quoteattr(style)}" if style else "") + (f" role={quoteattr(role)}" if role else "")
            spoken = f"<mstts:express-as{told}>{spoken}</mstts:express-as>"
        return (
            '<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis" '
            'xmlns:mstts="https://www.w3.org/2001/mstts" '
            f"xml:lang={quoteattr(language)}><voice name={quoteattr(voice)}>{spoken}</voice></speak>"
        )

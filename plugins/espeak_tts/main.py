"""Speech on this machine, by the espeak-ng library and the voices that the package espeakng-loader carries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from astrbot_like.api.kit.speech_provider import PcmTTSProvider
from astrbot_like.api.provider import ProviderType, register_provider_adapter
from astrbot_like.api.speech import VoiceInfo, current_speech_options
from astrbot_like.api.star import Star
from astrbot_like.domain.errors import ConfigError

from .languages import language_voice, voice_of_script
from .process import Speaker

_WARM_UP_AFTER = 0.5
"""Seconds after the start before the process is: the server answers first."""


class EspeakPlugin(Star):
    """Supplies the provider type ``espeak_tts``."""


@register_provider_adapter(
    "espeak_tts",
    "Speech on this machine (eSpeak NG, more than a hundred languages)",
    provider_type=ProviderType.TEXT_TO_SPEECH,
    default_config_tmpl={
        "id": "espeak",
        "type": "espeak_tts",
        "enable": True,
        "voice": "en-us",
        "rate": 160,
        "pitch": 50,
        "volume": 100,
        "word_gap": 0,
        "workers": 1,
        "warm_up": True,
    },
    provider_display_name="eSpeak NG",
)
class EspeakTTS(PcmTTSProvider):
    """Speaks in a process of its own, and hands the samples over as they are made.

    Config:
        voice: A voice or language of espeak-ng, with an optional variant: ``en-us``, ``cmn``, ``de+f3``.
        rate: Words a minute, 80 to 450.
        pitch: 0 to 99.
        volume: 0 to 200.
        word_gap: Further pause between words, in units of 10 ms.
        workers: Speaking processes, 1 to 8.
        warm_up: Start the first process at once rather than at the first use.
    """

    service = "eSpeak NG"

    def __init__(self, provider_config: dict[str, Any], provider_settings: dict[str, Any] | None = None) -> None:
        super().__init__(provider_config, provider_settings or {})
        self.sample_rate = 22_050
        provider_id = str(provider_config.get("id") or "espeak")
        self._voice = str(provider_config.get("voice") or "en-us")
        self._rate = _number(provider_config, "rate", 160, 80, 450)
        self._pitch = _number(provider_config, "pitch", 50, 0, 99)
        self._volume = _number(provider_config, "volume", 100, 0, 200)
        self._word_gap = _number(provider_config, "word_gap", 0, 0, 100)
        self._speakers = [Speaker(provider_id) for _ in range(_number(provider_config, "workers", 1, 1, 8))]
        self._warm_up: asyncio.Task[None] | None = None
        self.set_model(self._voice)

    async def initialize(self) -> None:
        """Start a process soon, in the background, unless ``warm_up`` is off."""
        if self.provider_config.get("warm_up", True):
            self._warm_up = asyncio.create_task(self._warm_up_later(), name="espeak warm-up")

    async def _warm_up_later(self) -> None:
        await asyncio.sleep(_WARM_UP_AFTER)
        await self._speakers[0].about()

    async def terminate(self) -> None:
        """End the processes."""
        if self._warm_up is not None:
            self._warm_up.cancel()
            await asyncio.wait({self._warm_up})
        await asyncio.gather(*(speaker.aclose() for speaker in self._speakers))

    async def get_voices(self) -> list[VoiceInfo]:
        """All voices of the library."""
        about = await self._speakers[0].about()
        return [VoiceInfo(id, name, language, gender) for id, name, language, gender in about["voices"]]

    async def synthesise(self, text: str) -> AsyncGenerator[bytes, None]:
        """Speech for a text, with the voice, language and speed of the reply where it has its own.

        Raises:
            ProviderError: There is no such voice, or the engine failed.
        """
        options = current_speech_options()
        speed = self._rate * (options.rate or 1.0)
        request = {
            "text": text,
            "voice": options.voice or self._voice_for(text, options.language),
            "words_per_minute": int(min(max(speed, 80), 450)),
            "pitch": self._pitch,
            "volume": self._volume,
            "word_gap": self._word_gap,
        }
        speaker = min(self._speakers, key=lambda one: one.waiting)
        self.sample_rate = (await speaker.about())["rate"]
        async with aclosing(speaker.speak(request)) as pieces:
            async for piece in pieces:
                yield piece

    def _voice_for(self, text: str, language: str | None) -> str:
        voice = language_voice(language, self._voice) if language else self._voice
        return voice_of_script(text, voice)


def _number(config: dict[str, Any], name: str, default: int, least: int, most: int) -> int:
    value = config.get(name)
    try:
        number = int(default if value in (None, "") else value)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{name} must be a whole number.") from error
    if not least <= number <= most:
        raise ConfigError(f"{name} must be between {least} and {most}.")
    return number

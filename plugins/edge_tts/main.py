"""Speech by Microsoft Edge's read-aloud service, through the library edge-tts, which follows the service's changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from astrbot_like.api.kit import options
from astrbot_like.api.kit.speech_provider import PcmTTSProvider
from astrbot_like.api.provider import ProviderType, register_provider_adapter
from astrbot_like.api.speech import VoiceInfo, current_speech_options
from astrbot_like.api.star import Star
from astrbot_like.domain.errors import BotError

from .decoding import Mp3Stream

_RATE = 24000


class EdgeTTSPlugin(Star):
    """Supplies the provider type ``edge_tts``."""


@register_provider_adapter(
    "edge_tts",
    "Speech by Microsoft Edge's read-aloud service, without a key",
    provider_type=ProviderType.TEXT_TO_SPEECH,
    default_config_tmpl={
        "id": "edge_tts",
        "type": "edge_tts",
        "enable": False,
        "edge-tts-voice": "zh-CN-XiaoxiaoNeural",
        "rate": "+0%",
        "volume": "+0%",
        "pitch": "+0Hz",
        "timeout": 20,
        "proxy": "",
    },
    provider_display_name="Edge TTS",
)
class EdgeSpeech(PcmTTSProvider):
    """Speaks; MP3 from the service is decoded as it comes.

    Config:
        edge-tts-voice: Short name of a voice.
        rate, volume, pitch: As ``+10%``, ``-5%``, ``+2Hz``.
    """

    service = "Edge TTS"

    def __init__(self, provider_config: dict[str, Any], provider_settings: dict[str, Any]) -> None:
        super().__init__(provider_config, provider_settings)
        self.sample_rate = _RATE
        self._timeout = options.number(provider_config, "timeout", default=20.0)

    async def get_voices(self) -> list[VoiceInfo]:
        """The service's voices."""
        library = await self._library()
        try:
            async with asyncio.timeout(self._timeout):
                listed = await library.list_voices(proxy=self._proxy())
        except TimeoutError as error:
            raise self.blame.timeout(seconds=self._timeout) from error
        except Exception as error:  # the library lets aiohttp's and its own errors through
            raise self._translated(library, error) from error
        return [
            VoiceInfo(v["ShortName"], v.get("FriendlyName", ""), v.get("Locale", ""), v.get("Gender", "").lower())
            for v in listed
        ]

    async def synthesise(self, text: str) -> AsyncGenerator[bytes, None]:
        """PCM as it is decoded."""
        library = await self._library()
        mp3 = await asyncio.to_thread(self._decoder)
        async with aclosing(self._mp3(library, text)) as pieces:
            async for piece in pieces:
                pcm = await asyncio.to_thread(mp3.feed, piece)
                if pcm:
                    yield pcm
        if rest := await asyncio.to_thread(mp3.close):
            yield rest

    async def _mp3(self, library: Any, text: str) -> AsyncGenerator[bytes, None]:
        config, chosen = self.provider_config, current_speech_options()
        rate = f"{(chosen.rate - 1) * 100:+.0f}%" if chosen.rate else options.text(config, "rate", default="+0%")
        try:
            speech = library.Communicate(
                text,
                chosen.voice or options.text(config, "edge-tts-voice", default="en-US-EmmaMultilingualNeural"),
                rate=rate,
                volume=options.text(config, "volume", default="+0%"),
                pitch=options.text(config, "pitch", default="+0Hz"),
                proxy=self._proxy(),
                connect_timeout=int(self._timeout),
                receive_timeout=int(self._timeout),
            )
            async with aclosing(speech.stream()) as events:
                while True:
                    async with asyncio.timeout(self._timeout):
                        event = await anext(events, None)
                    if event is None:
                        break
                    if event["type"] == "audio":
                        yield event["data"]
            if not speech.state.get("offset_compensation", 1):
                # The library takes an end without the service's "turn.end" for an end like any other.
                raise self.blame.cut()
        except BotError:
            raise
        except TimeoutError as error:
            raise self.blame.timeout("further output", self._timeout) from error
        except (ValueError, TypeError) as error:
            raise self.blame.said(str(error), "bad_request") from error
        except Exception as error:  # the library lets aiohttp's and its own errors through
            raise self._translated(library, error) from error

    def _translated(self, library: Any, error: Exception) -> Exception:
        known = library.exceptions
        status = getattr(error, "status", 0)
        if isinstance(error, known.NoAudioReceived):
            return self.blame.said("no sound for that text or voice", "not_found")
        if status == 403 or isinstance(error, known.SkewAdjustmentError):
            return self.blame.missing(
                "a newer library edge-tts, or a clock that is right",
                "The service refused this client: pip install --upgrade edge-tts, and check the computer's time.",
            )
        if isinstance(error, known.WebSocketError):
            return self.blame.cut()
        if isinstance(error, known.EdgeTTSException) or 0 < status < 300:
            return self.blame.nonsense()
        if status:
            headers = getattr(error, "headers", None) or {}
            return self.blame.status(status, "", retry_after=headers.get("Retry-After"))
        return self.blame.unreachable("its address", type(error).__name__)

    def _proxy(self) -> str | None:
        return options.text(self.provider_config, "proxy") or None

    async def _library(self) -> Any:
        try:
            return await asyncio.to_thread(_import_library)
        except ImportError as error:
            raise self.blame.missing("the library edge-tts", "Install the plugin's requirements.") from error

    def _decoder(self) -> Mp3Stream:
        try:
            return Mp3Stream(_RATE)
        except ImportError as error:
            raise self.blame.missing("the library miniaudio", "Install the plugin's requirements.") from error


def _import_library() -> Any:
    import edge_tts
    import edge_tts.exceptions

    return edge_tts

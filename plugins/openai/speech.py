"""Speech recognition and speech: https://platform.openai.com/docs/api-reference/audio."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from astrbot_like.api.kit import options
from astrbot_like.api.kit.attempts import Attempts
from astrbot_like.api.kit.errors import ServiceError
from astrbot_like.api.kit.media import Media, load_media
from astrbot_like.api.kit.speech_provider import ServiceSTTProvider, ServiceTTSProvider
from astrbot_like.api.kit.wav import read_wav
from astrbot_like.api.provider import ProviderType, register_provider_adapter
from astrbot_like.api.speech import current_speech_options

from .server import AtServer

_RATE = 24000  # Hz of response_format "pcm", as the documentation fixes it
_VOICES = ("alloy", "ash", "ballad", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer", "verse")


@register_provider_adapter(
    "openai_whisper_api",
    "Speech recognition by OpenAI and every server with its /audio/transcriptions",
    provider_type=ProviderType.SPEECH_TO_TEXT,
    default_config_tmpl={
        "id": "whisper",
        "type": "openai_whisper_api",
        "enable": False,
        "api_key": "",
        "api_base": "",
        "model": "whisper-1",
        "language": "",
        "api_version": "",
        "deployment": "",
        "timeout": 60,
        "proxy": "",
    },
    provider_display_name="OpenAI speech recognition",
)
class OpenAIWhisper(AtServer, ServiceSTTProvider):
    """Recognises a whole utterance.

    Config:
        language: ISO 639-1 code, "" to let the model find out.
    """

    service = "The OpenAI-compatible recogniser"
    default_model = "whisper-1"

    async def get_text(self, audio_url: str) -> str:
        """The transcript of a file, address or ``base64://`` reference."""
        media = await load_media(audio_url)
        return await Attempts(self.ring).result(lambda: self._transcribed(media))

    async def _transcribed(self, media: Media) -> str:
        import aiohttp

        form = aiohttp.FormData()
        form.add_field("file", media.data, filename=f"audio.{media.extension}", content_type=media.mime)
        form.add_field("model", self.get_model())
        form.add_field("response_format", "json")
        if language := options.text(self.provider_config, "language"):
            form.add_field("language", language)
        model = self.get_model()
        address = self.server.address("/audio/transcriptions", model)
        headers = self.server.authorised(self.ring.current)
        answer = await self.http.json("POST", address, headers=headers, form=form, model=model)
        text = answer.get("text") if isinstance(answer, dict) else None
        if not isinstance(text, str):
            raise self.blame.nonsense("an answer without a transcript")
        return text.strip()


@register_provider_adapter(
    "openai_tts_api",
    "Speech by OpenAI and every server with its /audio/speech",
    provider_type=ProviderType.TEXT_TO_SPEECH,
    default_config_tmpl={
        "id": "openai_tts",
        "type": "openai_tts_api",
        "enable": False,
        "api_key": "",
        "api_base": "",
        "model": "tts-1",
        "openai-tts-voice": "alloy",
        "instructions": "",
        "response_format": "pcm",
        "api_version": "",
        "deployment": "",
        "timeout": 20,
        "proxy": "",
    },
    provider_display_name="OpenAI speech",
)
class OpenAISpeech(AtServer, ServiceTTSProvider):
    """Speaks; the sound goes on while it is still being made.

    Config:
        openai-tts-voice: Name of the voice.
        instructions: How to speak, for models that take it.
        response_format: ``pcm`` (24 kHz, the fastest) or ``wav``; a server that refuses pcm is asked for wav.
    """

    service = "The OpenAI-compatible speech service"
    default_model = "tts-1"

    def __init__(self, provider_config: dict[str, Any], provider_settings: dict[str, Any]) -> None:
        super().__init__(provider_config, provider_settings)
        self._format = options.text(provider_config, "response_format", default="pcm").lower()
        self.sample_rate = _RATE

    def get_voices(self) -> list[str]:
        """Names of OpenAI's voices; other servers have their own."""
        return list(_VOICES)

    async def synthesise(self, text: str) -> AsyncGenerator[bytes, None]:
        """PCM as it comes."""
        if self._format != "wav":
            try:
                async with aclosing(self._pcm(text)) as pieces:
                    async for piece in pieces:
                        yield piece
                return
            except ServiceError as error:
                if error.status not in (400, 422):
                    raise
                self._format = "wav"  # this server has no bare samples
        async with aclosing(self._sound(text, "wav")) as chunks:
            yield self._mono(b"".join([chunk async for chunk in chunks]))

    async def _pcm(self, text: str) -> AsyncGenerator[bytes, None]:
        first = True
        async with aclosing(self._sound(text, "pcm")) as chunks:
            async for chunk in chunks:
                if first and chunk.startswith(b"RIFF"):
                    # Some servers send WAV whatever was asked for.
                    yield self._mono(chunk + b"".join([more async for more in chunks]))
                    return
                first = False
                yield chunk

    def _sound(self, text: str, response_format: str) -> AsyncGenerator[bytes, None]:
        model = self.get_model()
        address, headers = self.server.address("/audio/speech", model), self.server.authorised(self.ring.current)
        return self.http.sound(address, headers=headers, body=self._body(text, response_format), model=model)

    def _body(self, text: str, response_format: str) -> dict[str, Any]:
        chosen = current_speech_options()
        body: dict[str, Any] = {
            "model": self.get_model(),
            "input": text,
            "voice": chosen.voice or options.text(self.provider_config, "openai-tts-voice", "voice", default="alloy"),
            "response_format": response_format,
        }
        if chosen.rate and chosen.rate != 1.0:
            body["speed"] = min(4.0, max(0.25, chosen.rate))
        if instructions := options.text(self.provider_config, "instructions"):
            body["instructions"] = instructions
        return body

    def _mono(self, wav: bytes) -> bytes:
        try:
            pcm, rate, channels, width = read_wav(wav)
        except ValueError as error:
            raise self.blame.nonsense("sound that is neither PCM nor WAV") from error
        if channels != 1 or width != 2:
            raise self.blame.nonsense("sound that is not 16-bit mono")
        self.sample_rate = rate
        return pcm

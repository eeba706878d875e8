"""Recognition of short audio: https://learn.microsoft.com/azure/ai-services/speech-service/rest-speech-to-text-short.

The sound goes up in chunks while the user speaks (the interface's "chunked transfer"), so that the service is nearly
done at the end; it gives no text before that.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec

from astrbot_like.api.kit.attempts import Attempts
from astrbot_like.api.kit.errors import Failure
from astrbot_like.api.kit.media import load_media
from astrbot_like.api.kit.streaming import RATE, ServiceUtterance, StreamingServiceSTTProvider
from astrbot_like.api.kit.wav import wav_header
from astrbot_like.api.provider import ProviderType, register_provider_adapter
from astrbot_like.api.speech import STTStream

from .wire import KEY_OPTIONS, authorised, base_url, kind_of

_WAV, _OGG = f"audio/wav; codecs=audio/pcm; samplerate={RATE}", "audio/ogg; codecs=opus"
_PATH = "/speech/recognition/conversation/cognitiveservices/v1"
_NOTHING = frozenset({"NoMatch", "InitialSilenceTimeout", "BabbleTimeout", "EndOfDictation"})


class Recognised(msgspec.Struct, rename="pascal"):
    """The answer in the form ``simple``."""

    recognition_status: str
    display_text: str = ""


_DECODER = msgspec.json.Decoder(Recognised)


@register_provider_adapter(
    "azure_stt",
    "Speech recognition by Azure AI Speech (utterances of up to a minute)",
    provider_type=ProviderType.SPEECH_TO_TEXT,
    default_config_tmpl={
        "id": "azure_stt",
        "type": "azure_stt",
        "enable": False,
        "azure_stt_subscription_key": "",
        "azure_stt_region": "eastus",
        "language": "en-US",
        "timeout": 20,
        "proxy": "",
    },
    provider_display_name="Azure speech recognition",
)
class AzureRecogniser(StreamingServiceSTTProvider):
    """Takes an utterance while it is spoken.

    Config:
        language: BCP 47 tag with its region.
        timeout: Seconds from the end of the utterance to its text.
    """

    service = "Azure Speech"
    default_timeout = 20.0
    key_options = KEY_OPTIONS

    def __init__(self, provider_config: dict[str, Any], provider_settings: dict[str, Any]) -> None:
        super().__init__({**provider_config, "api_base": base_url(provider_config, "stt")}, provider_settings)

    def kind_of(self, status: int, body: bytes) -> Failure | None:
        """See ``wire.kind_of``."""
        return kind_of(status, body)

    def open_stream(self, *, language: str | None = None, on_partial: Callable[[str], None] | None = None) -> STTStream:
        """Begin an utterance."""
        return _Utterance(self, self.language_of(language, "en-US"), on_partial)

    async def get_text(self, audio_url: str) -> str:
        """The transcript of a recording; Ogg Opus goes up as it is."""
        media = await load_media(audio_url)
        if media.mime == "audio/ogg":
            language = self.language_of(None, "en-US")
            return await Attempts(self.ring).result(lambda: self.recognise(media.data, _OGG, language))
        return await super().get_text(audio_url)

    async def recognise(self, sound: bytes | AsyncIterator[bytes], content_type: str, language: str) -> str:
        """The text of a file, or of pieces of one that come as they are made.

        Raises:
            ServiceError: The service failed.
        """
        headers = {**authorised(self.ring.current), "Content-Type": content_type, "Accept": "application/json"}
        if not isinstance(sound, bytes):
            headers["Expect"] = "100-continue"  # the service wants it with chunks: a refusal then comes before them
        query = {"language": language, "format": "simple"}
        data = await self.http.bytes("POST", _PATH, headers=headers, form=sound, params=query)
        answer = self.blame.decoded(_DECODER, data)
        if answer.recognition_status in _NOTHING:
            return ""
        if answer.recognition_status != "Success":
            raise self.blame.said(f"recognition ended with {answer.recognition_status}")
        return answer.display_text.strip()


class _Utterance(ServiceUtterance):
    """One request whose body is spoken while it is sent."""

    def __init__(self, provider: AzureRecogniser, language: str, on_partial: Callable[[str], None] | None) -> None:
        self._provider = provider
        self._language = language
        super().__init__(provider, on_partial)

    async def run(self) -> None:
        seconds = self._provider.http.timeout
        try:
            async with asyncio.timeout(None) as deadline:
                text = await self._provider.recognise(self._sound(deadline), _WAV, self._language)
        except TimeoutError as error:
            raise self.blame.timeout(seconds=seconds) from error
        self.hear(text, final=True)

    async def _sound(self, deadline: asyncio.Timeout) -> AsyncIterator[bytes]:
        yield wav_header(RATE, 0)  # a stream does not know its length
        async for pcm in self.pieces():
            yield pcm
        deadline.reschedule(asyncio.get_running_loop().time() + self._provider.http.timeout)

"""Recognition while the user speaks, by Scribe.

Source: https://elevenlabs.io/docs/api-reference/speech-to-text/v-1-speech-to-text-realtime and the official client
(https://github.com/elevenlabs/elevenlabs-python, ``realtime/`` and ``types/scribe_*``): JSON frames with a
``message_type``; sound in Base64; ``commit`` asks for the final text of what was said so far.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from urllib.parse import urlencode

import msgspec

from astrbot_like.api.kit.errors import Failure
from astrbot_like.api.kit.sockets import ServiceSocket
from astrbot_like.api.kit.streaming import RATE, SocketUtterance, StreamingServiceSTTProvider
from astrbot_like.api.provider import ProviderType, register_provider_adapter
from astrbot_like.api.speech import STTStream

from .wire import BASE, authorised, kind_of

_MODEL = "scribe_v2_realtime"
_PIECE = RATE // 10 * 2  # a tenth of a second: each piece is a JSON frame
_KINDS: dict[str, Failure] = {
    "auth_error": "auth",
    "unaccepted_terms_error": "auth",
    "quota_exceeded": "rate_limit",
    "rate_limited": "rate_limit",
    "resource_exhausted": "rate_limit",
    "queue_overflow": "rate_limit",
    "input_error": "bad_request",
    "chunk_size_exceeded": "bad_request",
    "session_time_limit_exceeded": "timeout",
    "transcriber_error": "server",
    "error": "server",
}
_NOTHING_SAID = frozenset({"commit_throttled", "insufficient_audio_activity"})


class Message(msgspec.Struct):
    """A frame of the service; errors hold ``error``, transcripts ``text``."""

    message_type: str
    text: str = ""
    error: str = ""


class Chunk(msgspec.Struct):
    """A frame of ours."""

    audio_base_64: str
    commit: bool
    sample_rate: int = RATE
    message_type: str = "input_audio_chunk"


_DECODER = msgspec.json.Decoder(Message)


@register_provider_adapter(
    "elevenlabs_stt_api",
    "Streaming speech recognition by ElevenLabs' Scribe",
    provider_type=ProviderType.SPEECH_TO_TEXT,
    default_config_tmpl={
        "id": "elevenlabs_stt",
        "type": "elevenlabs_stt_api",
        "enable": False,
        "api_key": "",
        "api_base": BASE,
        "model": _MODEL,
        "language": "",
        "timeout": 20,
        "proxy": "",
    },
    provider_display_name="ElevenLabs Scribe",
)
class ScribeRecogniser(StreamingServiceSTTProvider):
    """Recognises while the user speaks.

    Config:
        language: ISO 639 code; empty: the model finds out.
    """

    service = "ElevenLabs"
    default_base = BASE
    default_model = _MODEL
    default_timeout = 20.0

    def kind_of(self, status: int, body: bytes) -> Failure | None:
        """See ``wire.kind_of``."""
        return kind_of(status, body)

    def open_stream(self, *, language: str | None = None, on_partial: Callable[[str], None] | None = None) -> STTStream:
        """Begin an utterance."""
        return _Utterance(self, self.language_of(language), on_partial)


class _Utterance(SocketUtterance):
    """One session of the service, committed once."""

    piece_bytes = _PIECE

    def __init__(self, provider: ScribeRecogniser, language: str, on_partial: Callable[[str], None] | None) -> None:
        query = {"model_id": provider.get_model(), "audio_format": f"pcm_{RATE}", "commit_strategy": "manual"}
        if language:
            query["language_code"] = language.split("-")[0]
        self._path = f"/speech-to-text/realtime?{urlencode(query)}"
        super().__init__(provider, on_partial)

    def address(self) -> tuple[str, dict[str, str]]:
        return self._path, authorised(self.provider.ring.current)

    async def send(self, socket: ServiceSocket, pcm: bytes) -> None:
        await self._send(socket, Chunk(base64.b64encode(pcm).decode(), commit=False))

    async def end(self, socket: ServiceSocket) -> None:
        await self._send(socket, Chunk("", commit=True))

    def take(self, frame: str | bytes) -> bool:
        message = self.blame.decoded(_DECODER, frame)
        match message.message_type:
            case "partial_transcript":
                self.hear(message.text, final=False)
            case "committed_transcript":
                self.hear(message.text, final=True)
                return True
            case kind if kind in _NOTHING_SAID:
                return True
            case kind if kind in _KINDS:
                raise self.blame.said(f"{kind}: {message.error}", _KINDS[kind])
        return False

    async def _send(self, socket: ServiceSocket, chunk: Chunk) -> None:
        await socket.send(msgspec.json.encode(chunk).decode())

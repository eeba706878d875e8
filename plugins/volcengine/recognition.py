"""Recognition while the user speaks, by Volcano Engine's large model.

Source: https://www.volcengine.com/docs/6561/1354869: frames as in ``wire``; a full request, then sound in pieces of
200 ms, the last one marked; each answer holds the whole text so far.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable

import msgspec

from astrbot_like.api.kit import options
from astrbot_like.api.kit.errors import Failure, service_message
from astrbot_like.api.kit.sockets import ServiceSocket
from astrbot_like.api.kit.streaming import RATE, SocketUtterance, StreamingServiceSTTProvider
from astrbot_like.api.provider import ProviderType, register_provider_adapter
from astrbot_like.api.speech import STTStream

from . import wire

_ADDRESS = "wss://openspeech.bytedance.com/api/v3/sauc/bigmodel_async"
_RESOURCE = "volc.bigasr.sauc.duration"
_PIECE = RATE // 5 * 2
_EMPTY = 45000002
_KINDS: dict[int, Failure] = {
    45000001: "bad_request",
    45000081: "timeout",
    45000151: "bad_request",
}


class Result(msgspec.Struct):
    """What was heard."""

    text: str = ""


class Answer(msgspec.Struct):
    """Payload of an answer."""

    result: Result | list[Result] | None = None

    @property
    def text(self) -> str:
        """The whole text so far."""
        found = self.result if isinstance(self.result, list) else [self.result] if self.result else []
        return "".join(one.text for one in found)


_DECODER = msgspec.json.Decoder(Answer)


@register_provider_adapter(
    "volcengine_stt",
    "Streaming speech recognition by Volcano Engine",
    provider_type=ProviderType.SPEECH_TO_TEXT,
    default_config_tmpl={
        "id": "volcengine_stt",
        "type": "volcengine_stt",
        "enable": False,
        "api_key": "",
        "appid": "",
        "volcengine_resource_id": _RESOURCE,
        "api_base": _ADDRESS,
        "timeout": 20,
        "proxy": "",
    },
    provider_display_name="Volcengine recognition",
)
class VolcengineRecogniser(StreamingServiceSTTProvider):
    """Recognises while the user speaks.

    Config:
        api_key: Access token. appid: Of the application.
        volcengine_resource_id: What was bought: by the hour or by concurrency, of model 1.0 or 2.0.
    """

    service = "Volcengine"
    default_base = _ADDRESS
    default_timeout = 20.0

    def open_stream(self, *, language: str | None = None, on_partial: Callable[[str], None] | None = None) -> STTStream:
        """Begin an utterance; the model finds out which language it is."""
        return _Utterance(self, on_partial)


class _Utterance(SocketUtterance):
    """One session of the service."""

    piece_bytes = _PIECE

    def address(self) -> tuple[str, dict[str, str]]:
        config = self.provider.provider_config
        return "", {
            "X-Api-App-Key": options.text(config, "appid"),
            "X-Api-Access-Key": self.provider.ring.current,
            "X-Api-Resource-Id": options.text(config, "volcengine_resource_id", default=_RESOURCE),
            "X-Api-Connect-Id": str(uuid.uuid4()),
        }

    async def begin(self, socket: ServiceSocket) -> None:
        audio = {"format": "pcm", "codec": "raw", "rate": RATE, "bits": 16, "channel": 1}
        wanted = {"model_name": "bigmodel", "enable_itn": True, "enable_punc": True, "result_type": "full"}
        await socket.send(wire.request({"user": {"uid": "astrbot-like"}, "audio": audio, "request": wanted}))

    async def send(self, socket: ServiceSocket, pcm: bytes) -> None:
        await socket.send(wire.encoded(wire.AUDIO_REQUEST, pcm))

    async def end(self, socket: ServiceSocket) -> None:
        await socket.send(wire.encoded(wire.AUDIO_REQUEST, b"", flags=wire.LAST))

    def take(self, frame: str | bytes) -> bool:
        try:
            received = wire.decoded(frame if isinstance(frame, bytes) else frame.encode())
            if received.kind == wire.ERROR:
                return self._refused(received)
            if received.kind == wire.FULL_RESPONSE:
                self.hear(_DECODER.decode(received.payload).text, final=received.last)
        except ValueError as error:  # msgspec's errors are of this kind too
            raise self.blame.nonsense() from error
        return received.last

    def _refused(self, frame: wire.Frame) -> bool:
        if frame.code == _EMPTY:
            return True
        message = service_message(frame.payload)
        raise self.blame.said(f"{frame.code} {message}", wire.kind_of(frame.code, message, _KINDS))

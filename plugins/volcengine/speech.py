"""Speech by Volcano Engine.

Source: https://www.volcengine.com/docs/6561/1257584 (parameters, codes) and …/79820 (the older voices). The WebSocket
``…/api/v1/tts/ws_binary`` gives the sound while it is made (``operation: submit``), HTTP at once (``query``).
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Any

import msgspec

from astrbot_like.api.kit import options
from astrbot_like.api.kit.errors import Failure, ServiceError, service_message
from astrbot_like.api.kit.speech_provider import ServiceTTSProvider
from astrbot_like.api.provider import ProviderType, register_provider_adapter
from astrbot_like.api.speech import current_speech_options

from . import wire

_ADDRESS = "https://openspeech.bytedance.com/api/v1/tts"
_STREAMED = "/ws_binary"
_RATE = 24000
_MOST_BYTES = 1024  # of UTF-8 in one request
_GOOD = 3000
_KINDS: dict[int, Failure] = {
    3001: "bad_request",
    3003: "rate_limit",
    3005: "server",
    3006: "bad_request",
    3010: "bad_request",
    3011: "bad_request",
    3030: "timeout",
    3031: "server",
    3032: "timeout",
    3040: "server",
    3050: "not_found",
}


class Answer(msgspec.Struct):
    """The whole answer over HTTP, or an error over either way."""

    code: int = 0
    message: str = ""
    data: str = ""


@register_provider_adapter(
    "volcengine_tts",
    "Speech by Volcano Engine",
    provider_type=ProviderType.TEXT_TO_SPEECH,
    default_config_tmpl={
        "id": "volcengine_tts",
        "type": "volcengine_tts",
        "enable": False,
        "api_key": "",
        "appid": "",
        "volcengine_cluster": "volcano_tts",
        "volcengine_voice_type": "",
        "volcengine_speed_ratio": 1.0,
        "api_base": _ADDRESS,
        "timeout": 20,
        "proxy": "",
    },
    provider_display_name="Volcengine",
)
class VolcengineSpeech(ServiceTTSProvider):
    """Speaks; the sound goes on while it is still being made.

    Config:
        api_key: Access token. appid: Of the application.
        volcengine_cluster, volcengine_voice_type, volcengine_speed_ratio: As the console shows them.
        api_base: The service's HTTP address, or its WebSocket's. At any other address than ``…/tts`` (a gateway's) only
            HTTP is spoken.
    """

    service = "Volcengine"
    default_base = _ADDRESS

    def __init__(self, provider_config: dict[str, Any], provider_settings: dict[str, Any]) -> None:
        super().__init__(provider_config, provider_settings)
        self.sample_rate = _RATE
        base = self.http.base_url
        self._socket = base if base.endswith(_STREAMED) else f"{base}{_STREAMED}" if base.endswith("/tts") else ""
        self._decoder = msgspec.json.Decoder(Answer)

    async def synthesise(self, text: str) -> AsyncGenerator[bytes, None]:
        """PCM as it comes."""
        speak = self._streamed if self._socket else self._at_once
        for portion in portions(text, _MOST_BYTES):
            async with aclosing(speak(portion)) as pieces:
                async for piece in pieces:
                    yield piece

    async def _streamed(self, text: str) -> AsyncGenerator[bytes, None]:
        async with self.http.websocket(self._socket, headers=self._headers()) as socket:
            await socket.send(wire.request(self._body(text, "submit")))
            last = False
            while not last:
                received = await socket.expect()
                try:
                    frame = wire.decoded(received if isinstance(received, bytes) else received.encode())
                except ValueError as error:
                    raise self.blame.nonsense() from error
                if frame.kind == wire.ERROR:
                    raise self._refused(frame.code, service_message(frame.payload))
                if frame.kind == wire.AUDIO_RESPONSE and frame.payload:
                    yield frame.payload
                last = frame.last

    async def _at_once(self, text: str) -> AsyncGenerator[bytes, None]:
        data = await self.http.bytes("POST", "", headers=self._headers(), body=self._body(text, "query"))
        try:
            answer = self._decoder.decode(data)
            pcm = base64.b64decode(answer.data, validate=True)
        except ValueError as error:  # of JSON, UTF-8 and Base64
            raise self.blame.nonsense() from error
        if answer.code != _GOOD:
            raise self._refused(answer.code, answer.message)
        yield pcm

    def _refused(self, code: int, message: str) -> ServiceError:
        return self.blame.said(f"{code} {message}", wire.kind_of(code, message, _KINDS))

    def kind_of(self, status: int, body: bytes) -> Failure | None:
        """A refusal over HTTP holds a code of the service."""
        try:
            answer = self._decoder.decode(body)
        except ValueError:
            return None
        return self._refused(answer.code, answer.message).failure if answer.code else None

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer;{self.ring.current}"}  # the semicolon is the service's own form

    def _body(self, text: str, operation: str) -> dict[str, Any]:
        config, chosen = self.provider_config, current_speech_options()
        voice = chosen.voice or options.text(config, "volcengine_voice_type")
        speed = (chosen.rate or 1.0) * options.number(config, "volcengine_speed_ratio", default=1.0)
        slowest, fastest = (0.8, 2.0) if "bigtts" in voice else (0.2, 3.0)
        return {
            "app": {
                "appid": options.text(config, "appid"),
                "token": "in the header",  # required, and not looked at
                "cluster": options.text(config, "volcengine_cluster", default="volcano_tts"),
            },
            "user": {"uid": "astrbot-like"},
            "audio": {
                "voice_type": voice,
                "encoding": "pcm",
                "rate": _RATE,
                "speed_ratio": round(min(fastest, max(slowest, speed)), 1),
            },
            "request": {"reqid": uuid.uuid4().hex, "text": text, "text_type": "plain", "operation": operation},
        }


def portions(text: str, most: int) -> Iterator[str]:
    """The text in portions of up to ``most`` bytes of UTF-8, cut at spaces where there are any."""
    while len(text.encode()) > most:
        fitting = text.encode()[:most].decode("utf-8", "ignore")
        end = fitting.rfind(" ") + 1 or len(fitting)
        yield text[:end]
        text = text[end:]
    yield text

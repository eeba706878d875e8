"""Speech by Volcano Engine: https://www.volcengine.com/docs/6561/79820 (HTTP, ``operation: query``)."""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import AsyncGenerator
from typing import Any

from astrbot_like.api.kit import options
from astrbot_like.api.kit.speech_provider import ServiceTTSProvider
from astrbot_like.api.provider import ProviderType, register_provider_adapter
from astrbot_like.api.speech import current_speech_options
from astrbot_like.api.star import Star

_ADDRESS = "https://openspeech.bytedance.com/api/v1/tts"
_RATE = 24000
_GOOD = 3000
_FAILURES = {
    3001: "bad_request",
    3003: "rate_limit",
    3005: "server",
    3010: "bad_request",
    3011: "bad_request",
    3030: "timeout",
}


class VolcenginePlugin(Star):
    """Supplies the provider type ``volcengine_tts``."""


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
    """Speaks a text in one answer: this interface does not stream.

    Config:
        api_key: Access token. appid: Of the application.
        volcengine_cluster, volcengine_voice_type, volcengine_speed_ratio: As the console shows them.
    """

    service = "Volcengine"
    default_base = _ADDRESS

    def __init__(self, provider_config: dict[str, Any], provider_settings: dict[str, Any]) -> None:
        super().__init__(provider_config, provider_settings)
        self.sample_rate = _RATE

    async def synthesise(self, text: str) -> AsyncGenerator[bytes, None]:
        """PCM, all at once."""
        # The semicolon is the service's own form of the header.
        headers = {"Authorization": f"Bearer;{self.ring.current}"}
        answer = await self.http.json("POST", "", headers=headers, body=self._body(text))
        code = answer.get("code") if isinstance(answer, dict) else None
        if code != _GOOD:
            error = self.blame.said(f"{code} {answer.get('message', '') if isinstance(answer, dict) else ''}")
            error.failure = _FAILURES.get(code if isinstance(code, int) else 0, "server")  # type: ignore[assignment]
            raise error
        try:
            yield base64.b64decode(str(answer.get("data") or ""), validate=True)
        except (binascii.Error, ValueError) as error:
            raise self.blame.nonsense("sound that is not Base64") from error

    def _body(self, text: str) -> dict[str, Any]:
        config, chosen = self.provider_config, current_speech_options()
        speed = (chosen.rate or 1.0) * options.number(config, "volcengine_speed_ratio", default=1.0)
        return {
            "app": {
                "appid": options.text(config, "appid"),
                "token": self.ring.current,
                "cluster": options.text(config, "volcengine_cluster", default="volcano_tts"),
            },
            "user": {"uid": "astrbot-like"},
            "audio": {
                "voice_type": chosen.voice or options.text(config, "volcengine_voice_type"),
                "encoding": "pcm",
                "rate": _RATE,
                "speed_ratio": min(2.0, max(0.2, speed)),
            },
            "request": {"reqid": uuid.uuid4().hex, "text": text, "text_type": "plain", "operation": "query"},
        }

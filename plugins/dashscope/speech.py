"""CosyVoice: https://help.aliyun.com/zh/model-studio/cosyvoice-websocket-api."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from astrbot_like.api.kit import options
from astrbot_like.api.kit.speech_provider import ServiceTTSProvider
from astrbot_like.api.provider import ProviderType, register_provider_adapter
from astrbot_like.api.speech import current_speech_options

from .wire import ADDRESS, Task, authorised

_RATE = 22050


@register_provider_adapter(
    "dashscope_tts",
    "CosyVoice speech by Alibaba Cloud's DashScope",
    provider_type=ProviderType.TEXT_TO_SPEECH,
    default_config_tmpl={
        "id": "dashscope_tts",
        "type": "dashscope_tts",
        "enable": False,
        "api_key": "",
        "api_base": ADDRESS,
        "model": "cosyvoice-v2",
        "dashscope_tts_voice": "longxiaochun_v2",
        "timeout": "20",
        "proxy": "",
    },
    provider_display_name="DashScope CosyVoice",
)
class CosyVoiceSpeech(ServiceTTSProvider):
    """Speaks; the sound goes on while it is still being made.

    Config:
        dashscope_tts_voice: Name of a voice; each model has its own.
    """

    service = "DashScope"
    default_base = ADDRESS
    default_model = "cosyvoice-v2"

    def __init__(self, provider_config: dict[str, Any], provider_settings: dict[str, Any]) -> None:
        super().__init__(provider_config, provider_settings)
        self.sample_rate = _RATE

    async def synthesise(self, text: str) -> AsyncGenerator[bytes, None]:
        """PCM as it comes."""
        chosen = current_speech_options()
        parameters = {
            "text_type": "PlainText",
            "voice": chosen.voice
            or options.text(self.provider_config, "dashscope_tts_voice", default="longxiaochun_v2"),
            "format": "pcm",
            "sample_rate": _RATE,
            "rate": min(2.0, max(0.5, chosen.rate or 1.0)),
        }
        payload = {
            "task_group": "audio",
            "task": "tts",
            "function": "SpeechSynthesizer",
            "model": self.get_model(),
            "parameters": parameters,
        }
        async with self.http.websocket("", headers=authorised(self.ring.current)) as socket:
            task = Task(self.blame)
            await task.begin(socket, payload)
            await task.text(socket, text)
            await task.finish(socket)
            while (event := task.read(await socket.expect())) is not None:
                if isinstance(event, bytes):
                    yield event

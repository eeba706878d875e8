"""Speech by CosyVoice (https://help.aliyun.com/zh/model-studio/cosyvoice-websocket-api) and Qwen-TTS."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from astrbot_like.api.kit import options
from astrbot_like.api.kit.errors import Failure
from astrbot_like.api.kit.speech_provider import ServiceTTSProvider
from astrbot_like.api.provider import ProviderType, register_provider_adapter
from astrbot_like.api.speech import current_speech_options

from . import qwen
from .wire import ADDRESS, Task, authorised

_RATE = 22050


@register_provider_adapter(
    "dashscope_tts",
    "CosyVoice and Qwen speech by Alibaba Cloud's DashScope",
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
        model: One of CosyVoice, or of Qwen-TTS.
        dashscope_tts_voice: Name of a voice; each model has its own.
    """

    service = "DashScope"
    default_base = ADDRESS
    default_model = "cosyvoice-v2"

    def __init__(self, provider_config: dict[str, Any], provider_settings: dict[str, Any]) -> None:
        super().__init__(provider_config, provider_settings)
        self.sample_rate = _RATE

    def kind_of(self, status: int, body: bytes) -> Failure | None:
        """An empty account comes with 400."""
        return "rate_limit" if b"Arrearage" in body else None

    async def synthesise(self, text: str) -> AsyncGenerator[bytes, None]:
        """PCM as it comes."""
        if qwen.is_qwen(self.get_model()):
            self.sample_rate = qwen.RATE
            voice = current_speech_options().voice or options.text(self.provider_config, "dashscope_tts_voice")
            pieces = qwen.speech(self.http, self.ring.current, self.get_model(), text, voice)
        else:
            self.sample_rate = _RATE
            pieces = self._cosy_voice(text)
        async with aclosing(pieces):
            async for piece in pieces:
                yield piece

    async def _cosy_voice(self, text: str) -> AsyncGenerator[bytes, None]:
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

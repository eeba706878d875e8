"""Paraformer while the user speaks: https://www.alibabacloud.com/help/en/model-studio/paraformer-client-events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from astrbot_like.api.kit.sockets import ServiceSocket
from astrbot_like.api.kit.streaming import RATE, SocketUtterance, StreamingServiceSTTProvider
from astrbot_like.api.provider import ProviderType, register_provider_adapter
from astrbot_like.api.speech import STTStream

from .wire import ADDRESS, Event, Task, authorised


@register_provider_adapter(
    "dashscope_stt",
    "Paraformer streaming speech recognition by Alibaba Cloud's DashScope",
    provider_type=ProviderType.SPEECH_TO_TEXT,
    default_config_tmpl={
        "id": "dashscope_stt",
        "type": "dashscope_stt",
        "enable": False,
        "api_key": "",
        "api_base": ADDRESS,
        "model": "paraformer-realtime-v2",
        "language": "",
        "timeout": 20,
        "proxy": "",
    },
    provider_display_name="DashScope Paraformer",
)
class ParaformerRecogniser(StreamingServiceSTTProvider):
    """Recognises while the user speaks.

    Config:
        language: ``zh``, ``en`` …; empty: the model finds out.
    """

    service = "DashScope"
    default_base = ADDRESS
    default_model = "paraformer-realtime-v2"
    default_timeout = 20.0

    def open_stream(self, *, language: str | None = None, on_partial: Callable[[str], None] | None = None) -> STTStream:
        """Begin an utterance."""
        return _Utterance(self, self.task_payload(self.language_of(language)), on_partial)

    def task_payload(self, language: str) -> dict[str, Any]:
        """What ``run-task`` asks for."""
        parameters: dict[str, Any] = {"format": "pcm", "sample_rate": RATE}
        if language:
            parameters["language_hints"] = [language.split("-")[0]]
        return {
            "task_group": "audio",
            "task": "asr",
            "function": "recognition",
            "model": self.get_model(),
            "parameters": parameters,
        }


class _Utterance(SocketUtterance):
    """One task of the service."""

    def __init__(
        self, provider: ParaformerRecogniser, payload: dict[str, Any], on_partial: Callable[[str], None] | None
    ) -> None:
        self._task_of_service = Task(provider.blame)
        self._payload = payload
        super().__init__(provider, on_partial)

    def address(self) -> tuple[str, dict[str, str]]:
        return "", authorised(self.provider.ring.current)

    async def begin(self, socket: ServiceSocket) -> None:
        self._task_of_service = Task(self.blame)
        await self._task_of_service.begin(socket, self._payload)

    async def send(self, socket: ServiceSocket, pcm: bytes) -> None:
        await socket.send(pcm)

    async def end(self, socket: ServiceSocket) -> None:
        await self._task_of_service.finish(socket)

    def take(self, frame: str | bytes) -> bool:
        event = self._task_of_service.read(frame)
        if isinstance(event, Event):
            sentence = event.payload.output.sentence
            if not sentence.heartbeat and sentence.text:
                self.hear(sentence.text, final=sentence.sentence_end or sentence.end_time is not None)
        return event is None

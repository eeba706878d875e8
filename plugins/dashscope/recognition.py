"""Paraformer while the user speaks: https://help.aliyun.com/zh/model-studio/websocket-for-paraformer-real-time-service."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from astrbot_like.api.kit import options
from astrbot_like.api.kit.errors import ServiceError
from astrbot_like.api.kit.media import load_media
from astrbot_like.api.kit.speech_provider import ServiceSTTProvider
from astrbot_like.api.kit.wav import read_wav
from astrbot_like.api.provider import ProviderType, register_provider_adapter
from astrbot_like.api.speech import StreamingSTTProvider, STTStream

from .wire import ADDRESS, Event, Task

_RATE = 16000
_MOST_QUEUED = 1500  # pieces of 20 ms: half a minute that the network may lag behind


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
class ParaformerRecogniser(ServiceSTTProvider, StreamingSTTProvider):
    """Recognises while the user speaks.

    Config:
        language: ``zh``, ``en`` …; empty: the model finds out.
    """

    service = "DashScope"
    default_base = ADDRESS
    default_model = "paraformer-realtime-v2"

    def open_stream(self, *, language: str | None = None, on_partial: Callable[[str], None] | None = None) -> STTStream:
        """Begin an utterance."""
        return _Utterance(self, language, on_partial)

    async def get_text(self, audio_url: str) -> str:
        """The transcript of a 16 kHz mono WAV file."""
        media = await load_media(audio_url)
        try:
            pcm, rate, channels, width = read_wav(media.data)
        except ValueError as error:
            raise self.blame.missing("a WAV file", "Other formats are converted when ffmpeg is installed.") from error
        if (rate, channels, width) != (_RATE, 1, 2):
            pcm = await asyncio.to_thread(_resampled, pcm, rate, channels)
        utterance = _Utterance(self, None, None)
        for start in range(0, len(pcm), 3200):
            utterance.push(pcm[start : start + 3200])
        return await utterance.finish()

    def task_payload(self, language: str | None) -> dict[str, Any]:
        """What ``run-task`` asks for."""
        spoken = (language or options.text(self.provider_config, "language")).split("-")[0]
        parameters: dict[str, Any] = {"format": "pcm", "sample_rate": _RATE}
        if spoken:
            parameters["language_hints"] = [spoken]
        return {
            "task_group": "audio",
            "task": "asr",
            "function": "recognition",
            "model": self.get_model(),
            "parameters": parameters,
        }


class _Utterance:
    """One utterance: sound goes up as it comes, text comes down."""

    def __init__(
        self, provider: ParaformerRecogniser, language: str | None, on_partial: Callable[[str], None] | None
    ) -> None:
        self.partial = on_partial
        self._provider = provider
        self._language = language
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._sentences: list[str] = []
        self._open_sentence = ""
        self._overrun = False
        self._task = asyncio.create_task(self._run(), name="dashscope-utterance")

    def push(self, pcm: bytes) -> None:
        if self._queue.qsize() < _MOST_QUEUED:
            self._queue.put_nowait(pcm)
        else:
            self._overrun = True

    async def finish(self) -> str:
        self._queue.put_nowait(None)
        try:
            await self._task
        finally:
            await self.abort()
        if self._overrun:
            raise self._provider.blame.timeout("answer fast enough to follow the speech")
        return self._text()

    async def abort(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        provider = self._provider
        headers = {"Authorization": f"bearer {provider.ring.current}"}
        async with provider.http.websocket("", headers=headers) as socket:
            task = Task(socket, provider.blame)
            await task.begin(provider.task_payload(self._language))
            sending = asyncio.create_task(self._send(task), name="dashscope-uplink")
            try:
                await self._receive(task, sending)
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)

    async def _send(self, task: Task) -> None:
        while (pcm := await self._queue.get()) is not None:
            await task.audio(pcm)
        await task.finish()

    async def _receive(self, task: Task, sending: asyncio.Task[None]) -> None:
        while True:
            try:
                event = await task.next()
            except ServiceError as error:
                if error.failure == "timeout" and not sending.done():
                    continue  # the user is silent, not the service
                raise
            if event is None:
                return
            if isinstance(event, Event):
                self._heard(event)

    def _heard(self, event: Event) -> None:
        sentence = (event.payload.get("output") or {}).get("sentence") or {}
        text = str(sentence.get("text") or "")
        if not text:
            return
        if sentence.get("sentence_end") or sentence.get("end_time") is not None:
            self._sentences.append(text)
            self._open_sentence = ""
        else:
            self._open_sentence = text
        if self.partial is not None:
            self.partial(self._text())

    def _text(self) -> str:
        pieces = [*self._sentences, self._open_sentence]
        spaced = any(piece and piece[-1].isascii() for piece in pieces)
        return (" " if spaced else "").join(piece.strip() for piece in pieces if piece.strip())


def _resampled(pcm: bytes, rate: int, channels: int) -> bytes:
    import numpy as np
    import soxr

    samples = np.frombuffer(pcm, dtype=np.int16).astype(np.float32).reshape(-1, channels).mean(axis=1)
    return soxr.resample(samples, rate, _RATE).clip(-32768, 32767).astype(np.int16).tobytes()

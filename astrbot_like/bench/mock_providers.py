"""Providers of zero delay, as a plugin that the benchmark puts into its server's data directory.

What the chat model answers is said by the model's name: ``short``, ``talk-SENTENCES``, ``stamped-COUNT-INTERVAL_MS``
(each delta is the monotonic clock in nanoseconds, which all processes of a machine share) or ``endless``.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any

from astrbot_like.api.provider import (
    LLMResponse,
    Provider,
    ProviderType,
    TTSProvider,
    register_provider_adapter,
)
from astrbot_like.api.speech import StreamingSTTProvider
from astrbot_like.api.star import Star

RATE = 24_000
CHARACTERS_PER_SECOND = 15.0
PIECE_SECONDS = 0.1
SENTENCE = "This is one of the sentences that the bot says. "


class BenchProviders(Star):
    """Supplies ``bench_llm``, ``bench_stt`` and ``bench_tts``."""


@register_provider_adapter("bench_llm", "Answers at once.")
class BenchModel(Provider):
    """A chat model of zero delay."""

    def get_current_key(self) -> str:
        """None is needed."""
        return ""

    def set_key(self, key: str) -> None:
        """None is needed."""

    async def get_models(self) -> list[str]:
        """Behaviours."""
        return ["short", "talk-2", "stamped-100-5", "endless"]

    async def text_chat(self, *args: Any, **kwargs: Any) -> LLMResponse:
        """The whole answer."""
        text = ""
        async for part in self._deltas(kwargs.get("model")):
            text += part
        return LLMResponse(role="assistant", completion_text=text)

    async def text_chat_stream(self, *args: Any, **kwargs: Any) -> AsyncGenerator[LLMResponse, None]:
        """The same, in deltas."""
        text = ""
        async for part in self._deltas(kwargs.get("model")):
            text += part
            yield LLMResponse(role="assistant", completion_text=part, is_chunk=True)
        yield LLMResponse(role="assistant", completion_text=text)

    async def _deltas(self, model: str | None) -> AsyncGenerator[str, None]:
        name, *numbers = (model or self.get_model() or "short").split("-")
        if name == "talk":
            for _ in range(int(numbers[0])):
                for word in SENTENCE.split(" ")[:-1]:
                    yield word + " "
        elif name == "stamped":
            for _ in range(int(numbers[0])):
                await asyncio.sleep(int(numbers[1]) / 1000)
                yield f"{time.monotonic_ns()} "
        elif name == "endless":
            while True:
                for word in SENTENCE.split(" ")[:-1]:
                    await asyncio.sleep(0.005)
                    yield word + " "
        else:
            yield "All "
            yield "right."


class _Utterance:
    def __init__(self) -> None:
        self.partial: Callable[[str], None] | None = None
        self._bytes = 0

    def push(self, pcm: bytes) -> None:
        """Count."""
        self._bytes += len(pcm)

    async def finish(self) -> str:
        """Always the same words."""
        return "hello there" if self._bytes else ""

    async def abort(self) -> None:
        """Nothing to stop."""


@register_provider_adapter("bench_stt", "Hears at once.", provider_type=ProviderType.SPEECH_TO_TEXT)
class BenchRecogniser(StreamingSTTProvider):
    """A recogniser of zero delay."""

    async def get_text(self, audio_url: str) -> str:
        """Always the same words."""
        return "hello there"

    def open_stream(
        self, *, language: str | None = None, on_partial: Callable[[str], None] | None = None
    ) -> _Utterance:
        """A new utterance."""
        return _Utterance()


@register_provider_adapter("bench_tts", "Speaks at once.", provider_type=ProviderType.TEXT_TO_SPEECH)
class BenchSpeech(TTSProvider):
    """A synthesiser of zero delay: silence as long as the text would take to say."""

    def support_stream(self) -> bool:
        """It streams."""
        return True

    async def get_audio(self, text: str) -> str:
        """Not used: it streams."""
        raise NotImplementedError(text)

    async def get_audio_stream(self, text_queue: asyncio.Queue[str | None], audio_queue: asyncio.Queue[Any]) -> None:
        """Pieces of a tenth of a second, each a WAV file."""
        while (text := await text_queue.get()) is not None:
            seconds = len(text) / CHARACTERS_PER_SECOND
            while seconds > 0:
                await audio_queue.put((text, _silence(min(seconds, PIECE_SECONDS))))
                seconds -= PIECE_SECONDS
        await audio_queue.put(None)


def _silence(seconds: float) -> bytes:
    pcm = bytes(int(seconds * RATE) * 2)
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", 36 + len(pcm), b"WAVE", b"fmt ", 16, 1, 1, RATE, RATE * 2, 2, 16, b"data", len(pcm)),
    )
    return head + pcm

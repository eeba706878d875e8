"""Fake providers: what they answer, how long they take and how they fail is scripted. They note every call."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from astrbot_like.api.media import temp_file
from astrbot_like.api.provider.base import (
    AudioQueue,
    EmbeddingProvider,
    Provider,
    RerankProvider,
    STTProvider,
    TextQueue,
    TTSProvider,
)
from astrbot_like.api.provider.entities import LLMResponse, RerankResult, TokenUsage
from astrbot_like.api.speech import StreamingSTTProvider, STTStream

HANG = 10_000.0
"""Seconds of a call that never comes back, for a test's patience."""

FAKE_RATE = 24_000
"""Samples per second of the fake synthesiser."""

SECONDS_A_CHARACTER = 0.05
"""How long the fake synthesiser speaks on one character."""


@dataclass
class ToolRequest:
    """A tool call the fake model makes."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    id: str = "call_1"


@dataclass
class Answer:
    """One scripted answer of the fake model.

    Attributes:
        text: What it says.
        tools: Tools it wants called; ``text`` may be empty then.
        delay: Seconds before the first piece.
        pace: Seconds between pieces.
        reasoning: Reasoning, given before the text.
        fail: Raised in place of, or after ``fail_after`` pieces of, the answer.
        hang: Never answers.
    """

    text: str = ""
    tools: Sequence[ToolRequest] = ()
    delay: float = 0.0
    pace: float = 0.0
    reasoning: str = ""
    fail: BaseException | None = None
    fail_after: int = 0
    hang: bool = False


Script: TypeAlias = "Answer | str | Callable[[dict[str, Any]], Answer | str]"


class FakeChatProvider(Provider):
    """A chat model that answers from a script; when it is used up, the last answer is repeated.

    Args:
        script: Answers in order: text, ``Answer``, or a function of the call's arguments.

    Attributes:
        calls: Arguments of every call, in order.
    """

    def __init__(
        self,
        *script: Script,
        provider_id: str = "fake-chat",
        model: str = "fake",
        config: dict[str, Any] | None = None,
    ) -> None:
        super().__init__({"id": provider_id, "type": "fake_chat", "provider_type": "chat_completion", **(config or {})})
        self.set_model(model)
        self.script: list[Script] = list(script) or ["fake answer"]
        self.calls: list[dict[str, Any]] = []
        self.cancelled = 0
        self._key = ""

    def get_current_key(self) -> str:
        """The key set last."""
        return self._key

    def set_key(self, key: str) -> None:
        """Keep a key."""
        self._key = key

    async def get_models(self) -> list[str]:
        """The one model."""
        return [self.get_model()]

    def _next(self, call: dict[str, Any]) -> Answer:
        entry = self.script[min(len(self.calls), len(self.script) - 1)]
        self.calls.append(call)
        answer = entry(call) if callable(entry) else entry
        return Answer(text=answer) if isinstance(answer, str) else answer

    async def text_chat(self, *args: Any, **kwargs: Any) -> LLMResponse:
        """The next answer of the script."""
        final: LLMResponse | None = None
        async for response in self.text_chat_stream(*args, **kwargs):
            final = response
        assert final is not None
        return final

    async def text_chat_stream(self, *args: Any, **kwargs: Any) -> AsyncGenerator[LLMResponse, None]:
        """The next answer of the script, word by word."""
        call = {**dict(zip(("prompt", "session_id", "image_urls"), args, strict=False)), **kwargs}
        answer = self._next(call)
        try:
            await asyncio.sleep(HANG if answer.hang else answer.delay)
            if answer.fail is not None and answer.fail_after == 0:
                raise answer.fail
            if answer.reasoning:
                yield LLMResponse("assistant", reasoning_content=answer.reasoning, is_chunk=True)
            for index, piece in enumerate(_pieces(answer.text)):
                if answer.fail is not None and index >= answer.fail_after:
                    raise answer.fail
                yield LLMResponse("assistant", piece, is_chunk=True)
                await asyncio.sleep(answer.pace)
            yield _final(answer, call)
        except (asyncio.CancelledError, GeneratorExit):
            self.cancelled += 1
            raise


def _pieces(text: str) -> list[str]:
    words = text.split(" ")
    return [word if index == 0 else f" {word}" for index, word in enumerate(words)] if text else []


def _final(answer: Answer, call: dict[str, Any]) -> LLMResponse:
    response = LLMResponse(
        "tool" if answer.tools else "assistant",
        answer.text,
        tools_call_name=[tool.name for tool in answer.tools],
        tools_call_args=[tool.arguments for tool in answer.tools],
        tools_call_ids=[
            tool.id if len(answer.tools) == 1 else f"{tool.id}_{index}" for index, tool in enumerate(answer.tools)
        ],
        reasoning_content=answer.reasoning or None,
    )
    response.usage = TokenUsage(input_other=len(str(call.get("prompt") or "")), output=len(answer.text))
    return response


class FakeSTTProvider(STTProvider):
    """A recogniser that hears what it is told to.

    Attributes:
        heard: Sizes of the files given to it, in bytes.
    """

    def __init__(
        self, *texts: str, delay: float = 0.0, fail: BaseException | None = None, provider_id: str = "fake-stt"
    ) -> None:
        super().__init__({"id": provider_id, "type": "fake_stt", "provider_type": "speech_to_text"})
        self.texts = list(texts) or ["hello"]
        self.delay = delay
        self.fail = fail
        self.heard: list[int] = []

    def _next(self) -> str:
        return self.texts[min(len(self.heard) - 1, len(self.texts) - 1)]

    async def get_text(self, audio_url: str) -> str:
        """The next text."""
        self.heard.append(await asyncio.to_thread(_size, audio_url))
        await asyncio.sleep(self.delay)
        if self.fail is not None:
            raise self.fail
        return self._next()


def _size(path: str) -> int:
    return Path(path).stat().st_size


class FakeStreamingSTTProvider(FakeSTTProvider, StreamingSTTProvider):
    """A streaming recogniser that hears what it is told to, a word more with every push.

    Attributes:
        streams: All utterances begun, in order.
    """

    def __init__(self, *texts: str, **options: Any) -> None:
        super().__init__(*texts, **options)
        self.streams: list[FakeSTTStream] = []

    def open_stream(self, *, language: str | None = None, on_partial: Callable[[str], None] | None = None) -> STTStream:
        """Begin an utterance."""
        text = self.texts[min(len(self.streams), len(self.texts) - 1)]
        stream = FakeSTTStream(text, self.delay, self.fail, on_partial)
        self.streams.append(stream)
        return stream


class FakeSTTStream:
    """One utterance of the fake streaming recogniser.

    Attributes:
        pushed: Bytes of audio got so far.
        ended: ``finished``, ``aborted`` or empty.
    """

    def __init__(
        self, text: str, delay: float, fail: BaseException | None, partial: Callable[[str], None] | None
    ) -> None:
        self.partial = partial
        self.pushed = 0
        self.ended = ""
        self._text = text
        self._delay = delay
        self._fail = fail
        self._shown = 0

    def push(self, pcm: bytes) -> None:
        """Take audio; shows one more word."""
        self.pushed += len(pcm)
        words = self._text.split(" ")
        if self.partial is not None and self._shown < len(words):
            self._shown += 1
            asyncio.get_running_loop().call_soon(self.partial, " ".join(words[: self._shown]))

    async def finish(self) -> str:
        """The text."""
        self.ended = "finished"
        await asyncio.sleep(self._delay)
        if self._fail is not None:
            raise self._fail
        return self._text

    async def abort(self) -> None:
        """Drop it."""
        self.ended = self.ended or "aborted"


class FakeTTSProvider(TTSProvider):
    """A synthesiser that gives silence as long as the text.

    Attributes:
        spoken: Texts it was given, in order.
    """

    def __init__(
        self,
        *,
        delay: float = 0.0,
        fail: BaseException | None = None,
        stream: bool = True,
        provider_id: str = "fake-tts",
    ) -> None:
        super().__init__({"id": provider_id, "type": "fake_tts", "provider_type": "text_to_speech"})
        self.delay = delay
        self.fail = fail
        self.stream = stream
        self.spoken: list[str] = []

    def support_stream(self) -> bool:
        """As it was told."""
        return self.stream

    async def get_audio(self, text: str) -> str:
        """A WAV file of silence."""
        data = await self._speak(text)
        path = temp_file("fake_tts", ".wav")
        await asyncio.to_thread(path.write_bytes, data)
        return str(path)

    async def get_audio_stream(self, text_queue: TextQueue, audio_queue: AudioQueue) -> None:
        """Silence for every piece of text as it comes."""
        if not self.stream:
            await super().get_audio_stream(text_queue, audio_queue)
            return
        try:
            while (piece := await text_queue.get()) is not None:
                await audio_queue.put((piece, await self._speak(piece)))
        finally:
            await audio_queue.put(None)

    async def _speak(self, text: str) -> bytes:
        self.spoken.append(text)
        await asyncio.sleep(self.delay)
        if self.fail is not None:
            raise self.fail
        return silent_wav(len(text) * SECONDS_A_CHARACTER)


def silent_wav(seconds: float, rate: int = FAKE_RATE) -> bytes:
    """A WAV file of silence: mono, 16 bit."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(bytes(2 * round(seconds * rate)))
    return buffer.getvalue()


class FakeEmbeddingProvider(EmbeddingProvider):
    """An embedding model: the same text gives the same vector, texts that share words similar ones."""

    def __init__(self, dim: int = 16, provider_id: str = "fake-embedding") -> None:
        super().__init__({"id": provider_id, "type": "fake_embedding", "provider_type": "embedding"})
        self._dim = dim

    async def get_embedding(self, text: str) -> list[float]:
        """The vector of one text."""
        import zlib

        vector = [0.0] * self._dim
        for word in text.lower().split() or [""]:
            vector[zlib.crc32(word.encode()) % self._dim] += 1.0
        return vector

    async def get_embeddings(self, text: list[str]) -> list[list[float]]:
        """The vectors of several texts."""
        return [await self.get_embedding(one) for one in text]

    def get_dim(self) -> int:
        """Length of the vectors."""
        return self._dim


class FakeRerankProvider(RerankProvider):
    """A reranker that counts shared words."""

    def __init__(self, provider_id: str = "fake-rerank") -> None:
        super().__init__({"id": provider_id, "type": "fake_rerank", "provider_type": "rerank"})

    async def rerank(self, query: str, documents: list[str], top_n: int | None = None) -> list[RerankResult]:
        """Scores by shared words, best first."""
        wanted = set(query.lower().split())
        scores = [
            RerankResult(index, float(len(wanted & set(document.lower().split()))))
            for index, document in enumerate(documents)
        ]
        scores.sort(key=lambda result: -result.relevance_score)
        return scores[:top_n]

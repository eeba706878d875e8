"""What the engine expects of providers, as checks for their authors."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, TypeVar

from astrbot_like.api.media import temp_file
from astrbot_like.api.provider.base import (
    AbstractProvider,
    EmbeddingProvider,
    Provider,
    RerankProvider,
    STTProvider,
    TTSProvider,
)
from astrbot_like.api.provider.entities import LLMResponse, ProviderType
from astrbot_like.api.speech import StreamingSTTProvider
from astrbot_like.api.testing.providers import silent_wav

PATIENCE = 60.0
"""Seconds one call may take."""

CANCEL_PATIENCE = 5.0
"""Seconds a cancelled call may go on."""

ResultT = TypeVar("ResultT")


class ContractBroken(AssertionError):
    """A provider does not do what the engine relies on."""


def _expect(condition: object, message: str) -> None:
    if not condition:
        raise ContractBroken(message)


async def _within(work: Awaitable[ResultT], what: str) -> ResultT:
    try:
        return await asyncio.wait_for(work, PATIENCE)
    except TimeoutError:
        raise ContractBroken(f"{what} did not come back within {PATIENCE} seconds") from None


def _check_meta(provider: AbstractProvider, kind: ProviderType) -> None:
    meta = provider.meta()
    _expect(meta.id, "meta().id is empty: call super().__init__(provider_config, provider_settings)")
    _expect(meta.provider_type is kind, f"meta().provider_type is {meta.provider_type}, not {kind}")
    provider.set_model("another")
    _expect(provider.get_model() == "another", "get_model() does not give what set_model() was given")


async def _check_cancel(work: Awaitable[Any], what: str) -> None:
    """A call that is cancelled while it runs must end soon, and with CancelledError unless it had finished."""
    task = asyncio.ensure_future(work)
    await asyncio.sleep(0)
    task.cancel()
    _, late = await asyncio.wait({task}, timeout=CANCEL_PATIENCE)
    _expect(not late, f"{what} goes on {CANCEL_PATIENCE} seconds after it was cancelled")
    if not task.cancelled():
        error = task.exception()
        _expect(error is None, f"{what}, when cancelled, raised {error!r} in place of CancelledError")


async def check_chat_provider(
    provider: Provider, *, prompt: str = "Say hello.", model: str | None = None
) -> LLMResponse:
    """Ask as the engine does: whole, streamed, cancelled.

    Returns:
        The whole answer.

    Raises:
        ContractBroken: With what is wrong.
    """
    kept = provider.get_model()
    _check_meta(provider, ProviderType.CHAT_COMPLETION)
    provider.set_model(model or kept)
    _expect(isinstance(await _within(provider.get_models(), "get_models()"), list), "get_models() gives no list")
    contexts = [{"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Hi!"}]
    whole = await _within(
        provider.text_chat(prompt=prompt, contexts=list(contexts), system_prompt="Be brief."), "text_chat()"
    )
    _check_answer(whole, "text_chat()")
    _expect(len(contexts) == 2, "text_chat() changed the contexts it was given")
    chunks = await _within(_streamed(provider, prompt), "text_chat_stream()")
    if chunks is not None:
        _expect(chunks, "text_chat_stream() gives nothing")
        _expect(all(one.is_chunk for one in chunks[:-1]), "only the last response of a stream may lack is_chunk")
        _expect(not chunks[-1].is_chunk, "text_chat_stream() must end with one whole response (is_chunk=False)")
        _check_answer(chunks[-1], "the last response of text_chat_stream()")
        pieces = "".join(one.completion_text for one in chunks[:-1])
        _expect(
            pieces.strip() == chunks[-1].completion_text.strip(), "the chunks do not add up to the last response's text"
        )
    await _check_cancel(provider.text_chat(prompt=prompt), "text_chat()")
    return whole


def _check_answer(response: LLMResponse, what: str) -> None:
    _expect(isinstance(response, LLMResponse), f"{what} gives {type(response).__name__}, not LLMResponse")
    _expect(response.role in ("assistant", "tool", "err"), f"{what}: role is {response.role!r}")
    calls = len(response.tools_call_name), len(response.tools_call_args), len(response.tools_call_ids)
    _expect(len(set(calls)) == 1, f"{what}: names, arguments and ids of tool calls are not parallel: {calls}")
    _expect(response.completion_text or calls[0], f"{what} gives neither text nor tool calls")


async def _streamed(provider: Provider, prompt: str) -> list[LLMResponse] | None:
    try:
        return [response async for response in provider.text_chat_stream(prompt=prompt)]
    except NotImplementedError:
        return None


async def check_stt_provider(provider: STTProvider, *, audio: bytes | None = None) -> str:
    """Have audio recognised, whole and, where the provider can, while it comes.

    Args:
        audio: A WAV file, 16 kHz mono 16 bit; None: a second of silence.

    Returns:
        The words.

    Raises:
        ContractBroken: With what is wrong.
    """
    _check_meta(provider, ProviderType.SPEECH_TO_TEXT)
    data = audio or silent_wav(1.0, 16_000)
    path = temp_file("contract", ".wav")
    await asyncio.to_thread(path.write_bytes, data)
    try:
        text = await _within(provider.get_text(str(path)), "get_text()")
    finally:
        await asyncio.to_thread(path.unlink, missing_ok=True)
    _expect(isinstance(text, str), "get_text() gives no text")
    if isinstance(provider, StreamingSTTProvider):
        await _check_stream(provider, _pcm_of(data))
    return text


def _pcm_of(data: bytes) -> bytes:
    with wave.open(io.BytesIO(data)) as file:
        return file.readframes(file.getnframes())


async def _check_stream(provider: StreamingSTTProvider, pcm: bytes) -> None:
    seen: list[str] = []
    stream = provider.open_stream(on_partial=seen.append)
    for start in range(0, len(pcm), 640):
        stream.push(pcm[start : start + 640])
        await asyncio.sleep(0)
    _expect(isinstance(await _within(stream.finish(), "finish()"), str), "finish() gives no text")
    _expect(all(isinstance(one, str) for one in seen), "on_partial is called with something else than text")
    await _within(stream.abort(), "abort() after finish()")
    dropped = provider.open_stream()
    dropped.push(pcm[:640])
    await _within(dropped.abort(), "abort()")
    await _within(dropped.abort(), "abort() a second time")


async def check_tts_provider(provider: TTSProvider, *, text: str = "Hello there.") -> Path:
    """Have text spoken, whole and as a stream.

    Returns:
        The audio file.

    Raises:
        ContractBroken: With what is wrong.
    """
    _check_meta(provider, ProviderType.TEXT_TO_SPEECH)
    path = Path(await _within(provider.get_audio(text), "get_audio()"))
    _expect(await asyncio.to_thread(path.is_file), "get_audio() does not give the path of a file")
    texts: asyncio.Queue[str | None] = asyncio.Queue()
    audio: asyncio.Queue[Any] = asyncio.Queue()
    for piece in (text, f" {text}", None):
        texts.put_nowait(piece)
    await _within(provider.get_audio_stream(texts, audio), "get_audio_stream()")
    items = [audio.get_nowait() for _ in range(audio.qsize())]
    _expect(items and items[-1] is None, "get_audio_stream() must put None at the end")
    _expect(len(items) > 1, "get_audio_stream() gives no audio")
    for item in items[:-1]:
        data = item[1] if isinstance(item, tuple) else item
        _expect(isinstance(data, bytes), "audio must be bytes, or (text, bytes)")
        if provider.support_stream():
            _expect(data[:4] == b"RIFF", "get_audio_stream() must give WAV bytes")
    await _check_cancel(provider.get_audio(text), "get_audio()")
    return path


async def check_embedding_provider(provider: EmbeddingProvider) -> None:
    """Have texts embedded, one and several.

    Raises:
        ContractBroken: With what is wrong.
    """
    _check_meta(provider, ProviderType.EMBEDDING)
    one = await _within(provider.get_embedding("apple"), "get_embedding()")
    several = await _within(provider.get_embeddings(["apple", "pear"]), "get_embeddings()")
    _expect(len(several) == 2, "get_embeddings() must give a vector for each text")
    _expect({len(one), *map(len, several)} == {provider.get_dim()}, "the vectors' length is not get_dim()")


async def check_rerank_provider(provider: RerankProvider) -> None:
    """Have documents ordered.

    Raises:
        ContractBroken: With what is wrong.
    """
    _check_meta(provider, ProviderType.RERANK)
    documents = ["a dog", "an apple", "red apples"]
    results = await _within(provider.rerank("apple", documents, top_n=2), "rerank()")
    _expect(len(results) <= 2, "rerank() gives more than top_n results")
    _expect(all(0 <= one.index < 3 for one in results), "rerank() gives an index outside the documents")
    scores = [one.relevance_score for one in results]
    _expect(scores == sorted(scores, reverse=True), "rerank() must give the best first")

"""One small question to a provider of each kind, to see whether it works."""

from __future__ import annotations

import asyncio
import inspect
import tempfile
import wave
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from astrbot_like.domain.errors import BadRequest, ProviderError
from astrbot_like.engine.providers import ProviderEntry

T = TypeVar("T")
Question: TypeAlias = Callable[[ProviderEntry], Awaitable[T]]

PROMPT = "Reply with one short friendly sentence."
SENTENCE = "Testing, one, two, three."
LONGEST_ANSWER = 500
"""Characters of an answer that are shown."""


async def ask(entry: ProviderEntry, speakers: Sequence[ProviderEntry]) -> str:
    """The provider's answer in words.

    Args:
        entry: A provider with an instance.
        speakers: Text-to-speech providers that can make a sample for a recogniser.
    """
    match entry.kind:
        case "chat_completion":
            reply = await entry.instance.text_chat(prompt=PROMPT)
            if getattr(reply, "role", "") == "err":
                raise ProviderError(str(reply.completion_text), entry.id)
            text = str(reply.completion_text or "").strip()
            if not text:
                raise ProviderError(f"{entry.id} gave an empty answer. Check the model's name.", entry.id)
            return text[:LONGEST_ANSWER]
        case "text_to_speech":
            path = Path(await entry.instance.get_audio(SENTENCE))
            try:
                size = (await asyncio.to_thread(path.stat)).st_size
            finally:
                await asyncio.to_thread(path.unlink, missing_ok=True)
            return f"{size} bytes of speech"
        case "speech_to_text":
            return await _recognise(entry, speakers)
        case "embedding":
            vector = await entry.instance.get_embedding(SENTENCE)
            return f"a vector of {len(vector)} dimensions"
        case "rerank":
            ranked = await entry.instance.rerank("fruit", ["an apple", "a hammer"])
            return f"{len(ranked)} documents ranked"
        case _:
            raise BadRequest(f"Providers of type {entry.type!r} can't be tested.")


async def models(entry: ProviderEntry) -> list[str]:
    """Names of the models it offers, sorted; empty when it has no such list."""
    get_models = getattr(entry.instance, "get_models", None)
    if not callable(get_models):
        return []
    return sorted(str(name) for name in await _resolve(get_models()))


async def voices(entry: ProviderEntry) -> list[tuple[str, str, str]]:
    """``(id, name, language)`` of its voices; empty when it has no such list."""
    get_voices = getattr(entry.instance, "get_voices", None)
    if not callable(get_voices):
        return []
    found: list[tuple[str, str, str]] = []
    for voice in await _resolve(get_voices()):
        voice_id = str(getattr(voice, "id", voice))
        name = str(getattr(voice, "name", "") or voice_id)
        found.append((voice_id, name, str(getattr(voice, "language", "") or "")))
    return found


async def _recognise(entry: ProviderEntry, speakers: Sequence[ProviderEntry]) -> str:
    if speakers:
        path = Path(await speakers[0].instance.get_audio(SENTENCE))
        try:
            text = str(await entry.instance.get_text(str(path))).strip()
        finally:
            await asyncio.to_thread(path.unlink, missing_ok=True)
        return f"heard: {text}" if text else "answered, but heard nothing in the sample"
    with tempfile.TemporaryDirectory(prefix="provider-test-") as folder:
        path = Path(folder) / "silence.wav"
        await asyncio.to_thread(_write_silence, path)
        text = str(await entry.instance.get_text(str(path))).strip()
        return f"heard in a second of silence: {text or 'nothing'}"


def _write_silence(path: Path) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(32_000))


async def _resolve(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value

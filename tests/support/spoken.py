"""Speech for tests, made by the embedded speech engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from astrbot_like.api.audio import resample
from plugins.espeak_tts.main import EspeakTTS


@asynccontextmanager
async def espeak(**config: Any) -> AsyncIterator[EspeakTTS]:
    """The bundled speech provider, started and stopped."""
    provider = EspeakTTS({"id": "espeak", "type": "espeak_tts", **config}, {})
    try:
        yield provider
    finally:
        await provider.terminate()


async def say(text: str, *, hz: int = 16_000, **config: Any) -> bytes:
    """The speech of a text as mono s16le at ``hz``."""
    async with espeak(**config) as provider:
        pcm = b"".join([piece async for piece in provider.synthesise(text)])
        return resample(pcm, provider.sample_rate, hz)


async def say_all(texts: list[str], *, hz: int = 16_000, **config: Any) -> list[bytes]:
    """The speech of several texts."""
    async with espeak(**config) as provider:
        return [resample(b"".join([p async for p in provider.synthesise(t)]), provider.sample_rate, hz) for t in texts]

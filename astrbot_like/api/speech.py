"""Our own additions for speech: recognition while the user speaks, and choices of one reply's voice."""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

from astrbot_like.api.provider.base import STTProvider


class STTStream(Protocol):
    """One utterance being recognised.

    Attributes:
        partial: Called on the event loop with the text recognised so far.
    """

    partial: Callable[[str], None] | None

    def push(self, pcm: bytes) -> None:
        """Add audio: 16 kHz mono, signed 16-bit little-endian. Never blocks; what is queued inside is bounded."""
        ...

    async def finish(self) -> str:
        """The final transcript; only the tail is left to decode. Empty when nothing was recognised."""
        ...

    async def abort(self) -> None:
        """Drop the utterance; idempotent, also after ``finish``."""
        ...


class StreamingSTTProvider(STTProvider):
    """A recogniser that works while the user speaks."""

    @abc.abstractmethod
    def open_stream(self, *, language: str | None = None, on_partial: Callable[[str], None] | None = None) -> STTStream:
        """Begin an utterance. Must not block.

        Args:
            language: BCP 47 tag; None: the provider's own choice.
            on_partial: Called on the event loop with the text so far.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class VoiceInfo:
    """A voice that a TTS provider has.

    Attributes:
        id: What ``SpeechOptions.voice`` names.
        language: BCP 47 tag; empty when it speaks several.
        gender: ``female``, ``male`` or empty.
    """

    id: str
    name: str = ""
    language: str = ""
    gender: str = ""


@dataclass(frozen=True)
class SpeechOptions:
    """Choices for the speech of one reply; None leaves them to the provider's configuration.

    Attributes:
        voice: Id of a voice.
        language: BCP 47 tag.
        rate: Speed, 1.0 is normal.
    """

    voice: str | None = None
    language: str | None = None
    rate: float | None = None


NO_CHOICES = SpeechOptions()
"""Everything left to the provider."""

_options: ContextVar[SpeechOptions] = ContextVar("astrbot_like_speech_options", default=NO_CHOICES)


def current_speech_options() -> SpeechOptions:
    """The choices that hold for the reply being spoken; TTS providers read them when they speak."""
    return _options.get()


@contextmanager
def speech_options(options: SpeechOptions) -> Iterator[None]:
    """Let ``options`` hold in the block and in tasks started in it."""
    token = _options.set(options)
    try:
        yield
    finally:
        _options.reset(token)

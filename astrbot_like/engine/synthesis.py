"""Speech of one sentence from one text-to-speech provider, whichever way the provider works."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Protocol, cast

import msgspec

from astrbot_like.domain.audio import Pcm
from astrbot_like.domain.errors import BotError, ProviderError
from astrbot_like.engine.audio import decode_media, parse_wav
from astrbot_like.engine.voice_settings import VoiceSettings
from astrbot_like.runtime.clock import Clock
from astrbot_like.runtime.tasks import give_way, start_now

log = logging.getLogger(__name__)

HELD_BYTES = 48 * 1024
"""Audio of one sentence held ready; a streaming provider that is further ahead waits. One second at 24 kHz."""

TURNS_TO_CLIENT = 3
"""Turns of the event loop that audio takes to the client: through the player, the session, the socket's writer."""

_QUEUE_ITEMS = 4
_STOP_SECONDS = 1.0
_SETTLE_SECONDS = 0.25


class TtsSource(Protocol):
    """A configured text-to-speech provider."""

    @property
    def id(self) -> str:
        """The provider's id."""
        ...

    @property
    def type(self) -> str:
        """The provider's registered type."""
        ...

    instance: Any
    """The plugin's ``TTSProvider``."""


class Piece(msgspec.Struct, frozen=True):
    """Audio of a sentence, with the words it speaks where the provider says so (else empty)."""

    pcm: Pcm
    provider: str
    text: str = ""


class SentenceAudio:
    """The audio of one sentence between the task that makes it and the one that plays it."""

    __slots__ = ("_closed", "_held", "_more", "_pieces", "_room", "error", "started", "text", "total")

    def __init__(self, text: str) -> None:
        self.text = text
        self.started = False
        self.total = 0.0
        self.error: BotError | None = None
        self._pieces: deque[Piece] = deque()
        self._held = 0
        self._closed = False
        self._more = asyncio.Event()
        self._room = asyncio.Event()

    @property
    def closed(self) -> bool:
        """Whether all audio was made, so that ``total`` is the sentence's length."""
        return self._closed

    async def put(self, piece: Piece) -> None:
        """Add audio; waits while much is held."""
        self.started = True
        self.total += piece.pcm.seconds
        self._pieces.append(piece)
        self._held += len(piece.pcm.data)
        self._more.set()
        while self._held >= HELD_BYTES:
            self._room.clear()
            await self._room.wait()

    def close(self, error: BotError | None = None) -> None:
        """Nothing follows."""
        if not self._closed:
            self.error = error
            self._closed = True
            self._more.set()

    async def __aiter__(self) -> AsyncIterator[Piece]:
        while True:
            while self._pieces:
                piece = self._pieces.popleft()
                self._held -= len(piece.pcm.data)
                if self._held < HELD_BYTES:
                    self._room.set()
                yield piece
            if self._closed:
                return
            self._more.clear()
            await self._more.wait()


class Synthesiser:
    """Asks providers for the speech of a reply's sentences.

    Args:
        temp_dir: Files that a provider returns from below this folder are deleted once read; others are the provider's.
    """

    def __init__(self, settings: VoiceSettings, clock: Clock, temp_dir: Path | None) -> None:
        self._settings = settings
        self._clock = clock
        self._temp_dir = temp_dir
        self._spoke = False

    async def speak(self, source: TtsSource, text: str, audio: SentenceAudio, done: Callable[[], None]) -> None:
        """Put the speech of ``text`` into ``audio``.

        Args:
            done: Called when all audio is there, which may be before the provider has tidied up.

        Raises:
            ProviderError: The provider gave no audio, or without end.
            TimeoutError: It took longer than its deadline.
            Exception: Whatever the provider raises.
        """
        if source.instance.support_stream():
            await self._streamed(source, text, audio, done)
        else:
            await self._whole(source, text, audio)
            self._end(source, audio, done)

    def _end(self, source: TtsSource, audio: SentenceAudio, done: Callable[[], None]) -> None:
        if not audio.started:
            raise ProviderError(f"{source.id} gave no audio.", source.id)
        audio.close()
        done()

    async def _whole(self, source: TtsSource, text: str, audio: SentenceAudio) -> None:
        async with self._clock.timeout(self._settings.sentence_deadline):
            path = await source.instance.get_audio(text)
            if not path:
                raise ProviderError(f"{source.id} gave no audio.", source.id)
            pcm = await self._load(Path(path))
        await self._put(source, Piece(pcm, source.type), audio)

    async def _load(self, path: Path) -> Pcm:
        data = await asyncio.to_thread(self._read, path)
        return parse_wav(data) if data[:4] == b"RIFF" else await decode_media(data)

    def _read(self, path: Path) -> bytes:
        data = path.read_bytes()
        if self._temp_dir is not None and path.is_relative_to(self._temp_dir):
            path.unlink(missing_ok=True)
        return data

    async def _streamed(self, source: TtsSource, text: str, audio: SentenceAudio, done: Callable[[], None]) -> None:
        texts: asyncio.Queue[str | None] = asyncio.Queue()
        texts.put_nowait(text)
        texts.put_nowait(None)
        # A provider may have all of it at hand; the first audio of a reply goes on before more is made or dealt with.
        items: asyncio.Queue[Any] = asyncio.Queue(_QUEUE_ITEMS) if self._spoke else _GivingWay(_QUEUE_ITEMS)
        work = start_now(_run_stream(source.instance, texts, items), name="tts stream")
        try:
            budget = self._settings.sentence_deadline
            while True:
                started = self._clock.monotonic()
                if items.empty():
                    async with self._clock.timeout(budget):
                        item = await items.get()
                else:
                    item = items.get_nowait()
                # Only waiting for the provider counts, not the time in which it waits for playback.
                budget -= self._clock.monotonic() - started
                if isinstance(item, _Failure):
                    raise item.error
                if item is None:
                    break
                if (piece := await _to_piece(item, source.type)) is not None:
                    await self._put(source, piece, audio)
                    if not self._spoke:
                        self._spoke = True
                        await give_way(TURNS_TO_CLIENT)
            # A provider that fails may put its end mark first and raise then.
            await asyncio.wait({work}, timeout=_SETTLE_SECONDS)
            while not items.empty():
                if isinstance(left := items.get_nowait(), _Failure):
                    raise left.error
            self._end(source, audio, done)
            # What a provider does after its last item (closing a connection) may take its time, but not for ever.
            await asyncio.wait({work}, timeout=_STOP_SECONDS)
        finally:
            await stop_tasks(work)

    async def _put(self, source: TtsSource, piece: Piece, audio: SentenceAudio) -> None:
        if not piece.pcm.data:
            return
        if audio.total + piece.pcm.seconds > self._settings.sentence_seconds:
            raise ProviderError(f"{source.id} does not stop speaking; the sentence was cut off.", source.id)
        await audio.put(piece)


class _GivingWay(asyncio.Queue[Any]):
    """Gives way once after the first item."""

    _begun = False

    async def put(self, item: Any) -> None:
        """Add an item, waiting for room."""
        await super().put(item)
        if not self._begun:
            self._begun = True
            await give_way(TURNS_TO_CLIENT)


class _Failure(msgspec.Struct, frozen=True):
    error: Exception


async def _run_stream(provider: Any, texts: asyncio.Queue[str | None], items: asyncio.Queue[Any]) -> None:
    try:
        await provider.get_audio_stream(texts, items)
    except Exception as error:  # noqa: BLE001 - handed to the reader of the queue, which raises it
        await items.put(_Failure(error))
    else:
        await items.put(None)


async def _to_piece(item: Any, provider: str) -> Piece | None:
    """An item of a provider's audio queue: WAV bytes, or a pair of its words and WAV bytes."""
    words, data = cast("tuple[Any, Any]", item) if isinstance(item, tuple) else ("", item)
    if not data:
        return None
    if not isinstance(data, bytes | bytearray | memoryview):
        raise ProviderError("The provider put something that is not audio into its audio queue.")
    data = bytes(cast("bytes", data))
    pcm = parse_wav(data) if data[:4] == b"RIFF" else await decode_media(data)
    return Piece(pcm, provider, words if isinstance(words, str) else "")


async def stop_tasks(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks and wait a bounded time for them; one that does not let itself be cancelled is reported and left."""
    pending = [task for task in tasks if not task.done()]
    for task in pending:
        task.cancel()
    if not pending:
        return
    started = time.monotonic()
    _, stuck = await asyncio.wait(pending, timeout=_STOP_SECONDS)
    for task in stuck:
        log.warning(
            "task ignores its cancellation",
            extra={"task": task.get_name(), "seconds": round(time.monotonic() - started, 2)},
        )
    for task in pending:
        if task.done() and not task.cancelled():
            task.exception()

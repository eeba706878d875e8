"""The speech of a reply: sentences in, spoken text and audio out, in order and in time.

While a sentence plays the next ones are synthesised, a few at most. Audio leaves at the speed of playback plus a
small lead, so that little is wasted and a client's buffer is short when the reply is interrupted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

import msgspec

from astrbot_like.domain.audio import OUTPUT_RATE, SAMPLE_WIDTH, Pcm
from astrbot_like.domain.errors import BotError, ProviderError
from astrbot_like.domain.events import MetricsReported, SpeechChunk, SpokenText, TurnFailed
from astrbot_like.engine.audio import Resampler
from astrbot_like.engine.playback import PlaybackClock
from astrbot_like.engine.speakable import spoken_form
from astrbot_like.engine.synthesis import SentenceAudio, Synthesiser, TtsSource, stop_tasks
from astrbot_like.engine.voice_settings import VoiceSettings
from astrbot_like.runtime.channels import Channel
from astrbot_like.runtime.clock import Clock
from astrbot_like.runtime.tasks import start_now

if TYPE_CHECKING:
    from astrbot_like.api.speech import SpeechOptions


class SentenceSent(msgspec.Struct, frozen=True):
    """All speech of the last ``SpokenText`` was handed over."""


SpeechEvent: TypeAlias = SpokenText | SpeechChunk | SentenceSent | TurnFailed | MetricsReported


class TtsReports(Protocol):
    """Told how each provider fared; ``ProviderDirectory`` is one."""

    def succeeded(self, entry: TtsSource, /) -> None:
        """The provider gave output."""
        ...

    def failed(self, entry: TtsSource, error: BaseException, /) -> BotError:
        """It failed; gives the error for people."""
        ...


class SpeechOut:
    """Speaks one reply.

    Use with ``contextlib.aclosing`` around ``run``, so that everything stops when the reader is cancelled.

    Args:
        chain: Providers in the order they are tried. The next one takes over a sentence of which nothing was heard
            yet, and keeps the rest of the reply.
        reports: Told how each provider fared.
        options: Voice, language and speed of this reply.
        rate: Sampling rate of the chunks in Hz.
        temp_dir: Files that providers return from below this folder are deleted once read.
    """

    def __init__(
        self,
        chain: Sequence[TtsSource],
        reports: TtsReports,
        settings: VoiceSettings,
        clock: Clock,
        *,
        options: SpeechOptions | None = None,
        rate: int = OUTPUT_RATE,
        temp_dir: Path | None = None,
    ) -> None:
        self._chain = chain
        self._reports = reports
        self._settings = settings
        self._clock = clock
        self._options = options
        self._rate = rate
        self._synthesiser = Synthesiser(settings, clock, temp_dir)
        self._pace = PlaybackClock()
        self._first = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._named = False
        self.provider = ""
        """Type of the provider that speaks; empty before the first audio."""

    async def run(self, chunks: AsyncIterator[str]) -> AsyncGenerator[SpeechEvent, None]:
        """Events of the speech: each sentence's ``SpokenText``, then its audio.

        A sentence that can't be spoken gives a ``TurnFailed`` that is not fatal; the next one follows. Ends when
        ``chunks`` has ended and all audio was handed over.
        """
        ahead = self._settings.look_ahead
        sentences: Channel[SentenceAudio] = Channel(ahead + 1)
        places = asyncio.Semaphore(ahead + 1)
        reader = start_now(self._read(chunks, sentences, places), name="sentences")
        try:
            async for sentence in sentences:
                async for event in self._play(sentence):
                    yield event
                places.release()
            await reader
        finally:
            await stop_tasks(reader, *self._tasks)

    async def _read(
        self, chunks: AsyncIterator[str], sentences: Channel[SentenceAudio], places: asyncio.Semaphore
    ) -> None:
        try:
            async for text in chunks:
                await places.acquire()
                sentence = SentenceAudio(text)
                task = start_now(self._make(sentence), name="sentence")
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
                await sentences.send(sentence)
        finally:
            sentences.close()

    # --- making ------------------------------------------------------------------------------------

    async def _make(self, sentence: SentenceAudio) -> None:
        text = spoken_form(sentence.text)
        error: BotError | None = None
        if text:
            with self._chosen():
                error = await self._speak(text, sentence)
        sentence.close(error)

    def _chosen(self) -> AbstractContextManager[None]:
        if self._options is None:
            return nullcontext()
        from astrbot_like.api.speech import speech_options

        return speech_options(self._options)

    async def _speak(self, text: str, sentence: SentenceAudio) -> BotError | None:
        error: BotError = ProviderError("No text-to-speech provider is configured. Add one under Providers.")
        for index in range(self._first, len(self._chain)):
            source = self._chain[index]
            try:
                await self._synthesiser.speak(source, text, sentence, lambda s=source, i=index: self._done(s, i))
            except Exception as raised:  # noqa: BLE001 - a plugin's failure: logged by the report, shown as coded error
                error = self._reports.failed(source, raised)
                if sentence.started:
                    return error
                continue
            return None
        self._first = 0
        return error

    def _done(self, source: TtsSource, index: int) -> None:
        self._reports.succeeded(source)
        self._first = max(self._first, index)

    # --- playing -----------------------------------------------------------------------------------

    async def _play(self, sentence: SentenceAudio) -> AsyncIterator[SpeechEvent]:
        words = _Words(sentence.text)
        resampler: Resampler | None = None
        played = 0.0
        async for piece in sentence:
            self.provider = self.provider or piece.provider
            if spoken := words.before(piece.text):
                yield SpokenText(spoken)
            if resampler is None or resampler.source != piece.pcm.rate:
                if resampler is not None and (tail := resampler.flush()):
                    yield await self._paced(tail)
                resampler = Resampler(piece.pcm.rate, self._rate)
            for part in _cut(piece.pcm, self._settings.piece_seconds):
                played += len(part) / (SAMPLE_WIDTH * piece.pcm.rate)
                if pcm := resampler.push(part):
                    # Where the provider names its words one by one, what follows belongs to the next of them.
                    follows = sentence.total - played if sentence.closed and words.all_told else None
                    yield await self._paced(pcm, follows)
                    if not self._named:
                        self._named = True
                        yield MetricsReported({"tts": self.provider})
        if resampler is not None and (tail := resampler.flush()):
            yield await self._paced(tail)
        if resampler is not None:
            yield SentenceSent()
        if sentence.error is not None:
            yield TurnFailed(sentence.error.code, sentence.error.message, fatal=False)
        elif rest := words.rest():
            yield SpokenText(rest)

    async def _paced(self, pcm: bytes, follows: float | None = None) -> SpeechChunk:
        """The next chunk, when it is time to send it (``follows`` as in ``SpeechChunk``)."""
        seconds = len(pcm) / (SAMPLE_WIDTH * self._rate)
        wait = self._pace.ahead(self._clock.monotonic()) + seconds - self._settings.speech_lead
        if wait > 0.0 and self._pace.sent:
            await self._clock.sleep(wait)
        self._pace.add(seconds, self._clock.monotonic())
        return SpeechChunk(pcm, self._rate, follows)


class _Words:
    """Which part of a sentence's text goes before which of its audio."""

    __slots__ = ("_rest", "_told")

    def __init__(self, text: str) -> None:
        self._rest = text
        self._told = ""

    @property
    def all_told(self) -> bool:
        """Whether nothing is left to announce."""
        return not self._rest

    def before(self, words: str) -> str:
        """Text to announce before a piece that speaks ``words`` (empty: the provider does not say).

        Providers that say it repeat their words with each piece of them; words that are not those of the sentence
        (spelled-out numbers) announce all of it.
        """
        if not self._rest or (words and words == self._told):
            return ""
        self._told = words
        wanted = words.strip()
        lead = len(self._rest) - len(self._rest.lstrip())
        end = lead + len(wanted)
        if wanted and self._rest.startswith(wanted, lead) and not self._rest[end : end + 1].isalnum():
            while end < len(self._rest) and self._rest[end].isspace():
                end += 1
        else:
            end = len(self._rest)
        part, self._rest = self._rest[:end], self._rest[end:]
        return part

    def rest(self) -> str:
        """Text that no audio announced."""
        rest, self._rest = self._rest, ""
        return rest


def _cut(pcm: Pcm, seconds: float) -> list[bytes]:
    """Pieces of at most ``seconds``; what is barely longer stays whole."""
    size = int(seconds * pcm.rate) * SAMPLE_WIDTH
    data = pcm.data
    if len(data) <= size + size // 2:
        return [data]
    view = memoryview(data)
    return [bytes(view[at : at + size]) for at in range(0, len(data), size)]

"""Two streams of one reply, merged: text deltas as the model gives them, and the speech made from them.

Both are written to the turn's one bounded sink. Each keeps its own order; neither waits for the other: a delta is
handed to the sink at once, and speech is made by a task of its own from a buffer of text. The reply ends when both have
ended. Cancelling the task that owns a ``LiveReply`` stops the speech with it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from types import TracebackType
from typing import Protocol

from astrbot_like.domain.events import MetricsReported, SpeechChunk, SpokenText, TextDelta
from astrbot_like.engine.playback import HeardTracker
from astrbot_like.engine.sentences import SentenceSegmenter
from astrbot_like.engine.sink import TurnSink
from astrbot_like.engine.speech_out import SentenceSent, SpeechEvent
from astrbot_like.engine.timings import TurnTimings
from astrbot_like.engine.voice_settings import VoiceSettings
from astrbot_like.runtime.tasks import cancel_and_wait


class Speaker(Protocol):
    """Makes speech from chunks of text, in order."""

    def run(self, chunks: AsyncIterator[str]) -> AsyncGenerator[SpeechEvent, None]:
        """Events of the speech; ends when ``chunks`` has ended and everything was spoken."""
        ...


class SpeakableText:
    """Text on its way to the speaker: never full, so that a delta never waits for speech.

    What it holds is bounded by the length of a reply (``TurnSettings.reply_chars``).
    """

    def __init__(self, settings: VoiceSettings | None = None) -> None:
        self._chunks: deque[str] = deque()
        self._segmenter = SentenceSegmenter(settings)
        self._more = asyncio.Event()
        self._ended = False

    def push(self, text: str) -> None:
        """Add a delta; complete phrases become speakable."""
        self._add(self._segmenter.push(text))

    def flush(self) -> None:
        """What is held back becomes speakable: the text so far stands for itself."""
        self._add(self._segmenter.flush())

    def insert(self, phrase: str) -> None:
        """Make a phrase speakable that is no part of the reply's text."""
        self._add([phrase])

    def end(self) -> None:
        """Nothing follows."""
        self.flush()
        self._ended = True
        self._more.set()

    async def __aiter__(self) -> AsyncIterator[str]:
        while True:
            while self._chunks:
                yield self._chunks.popleft()
            if self._ended:
                return
            self._more.clear()
            await self._more.wait()

    def _add(self, chunks: list[str]) -> None:
        if chunks:
            self._chunks.extend(chunks)
            self._more.set()


class LiveReply:
    """The merged reply of one turn. Use as an async context manager around everything that produces text.

    Args:
        sink: Where both streams go.
        make_speaker: Builds the speaker when there is something to say.
        heard: Told what was spoken and when, for the history of an interrupted reply.
        settings: How the text is cut for speech.
    """

    def __init__(
        self,
        sink: TurnSink,
        make_speaker: Callable[[], Speaker],
        timings: TurnTimings,
        heard: HeardTracker,
        settings: VoiceSettings | None = None,
    ) -> None:
        self._sink = sink
        self._make_speaker = make_speaker
        self._timings = timings
        self._heard = heard
        self._settings = settings
        self._text: SpeakableText | None = None
        self._task: asyncio.Task[None] | None = None
        self._announced = False
        self.spoke = False
        """Whether any speech went out."""

    async def __aenter__(self) -> LiveReply:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is None or self._text is None:
            return
        if kind is not None and not issubclass(kind, Exception):
            await cancel_and_wait(self._task)
            return
        # After an error of the model what was said until then is still spoken to its end.
        self._text.end()
        try:
            await self._task
        except asyncio.CancelledError:
            await cancel_and_wait(self._task)
            raise

    async def delta(self, text: str) -> None:
        """A piece of the reply: onto the sink at once, and into speech as soon as it makes a phrase."""
        # Speech first: it is started by this and runs while the sink may have to wait for a slow reader.
        self._speakable().push(text)
        await self._sink.send(TextDelta(text))

    async def told(self, text: str) -> None:
        """A whole text that nobody wrote to be heard, such as a command's answer: a long one is shown, and announced
        once."""
        longest = self._settings.read_aloud if self._settings is not None else 0
        if not longest or len(text) <= longest:
            await self.delta(text)
            self.flush()
            return
        if not self._announced:
            self._announced = True
            self.say(announcement())
        await self._sink.send(TextDelta(text))

    def flush(self) -> None:
        """The text so far is complete; what is held back of it may be spoken."""
        if self._text is not None:
            self._text.flush()

    def say(self, phrase: str) -> None:
        """Speak something that is no part of the reply's text."""
        self._speakable().insert(phrase)

    def _speakable(self) -> SpeakableText:
        if self._text is None:
            self._text = SpeakableText(self._settings)
            self._task = asyncio.create_task(self._speak(self._text), name="speech")
        return self._text

    async def _timed(self, text: SpeakableText) -> AsyncIterator[str]:
        """The chunks, and the moment at which the speaker takes the first one."""
        async for chunk in text:
            if self._timings.tts_started is None:
                self._timings.tts_started = self._timings.now()
            yield chunk

    async def _speak(self, text: SpeakableText) -> None:
        sink, timings, heard = self._sink, self._timings, self._heard
        # Closed here and now when this task is cancelled, with all synthesis that is under way.
        async with aclosing(self._make_speaker().run(self._timed(text))) as events:
            async for event in events:
                if isinstance(event, SpeechChunk):
                    self.spoke = True
                    heard.audio(event, timings.now())
                    first = timings.audio_sent()
                    await sink.send(event)
                    if first:
                        await sink.send(MetricsReported(timings.first_audio_metrics()))
                    continue
                if isinstance(event, SentenceSent):
                    heard.sentence_sent()
                    continue
                if isinstance(event, SpokenText):
                    heard.text(event.text)
                await sink.send(event)
        if metrics := timings.speech_metrics():
            await sink.send(MetricsReported(metrics))


def announcement() -> str:
    """What is said instead of an answer that is only shown, in the language of the house's texts."""
    from astrbot_like.api.texts import text

    return text("answer.shown")

"""One live connection as the engine sees it: its voice segments, or its ears, and what it asks of its turns.

The reader of the socket calls the methods, which return at once. ``LiveTurns`` runs the turns that come of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from astrbot_like.domain.audio import INPUT_RATE, SAMPLE_WIDTH
from astrbot_like.domain.errors import BotError, NoAudio, ProcessingError, SessionBusy, StampMismatch, TooLarge
from astrbot_like.domain.events import LiveEvent, SessionFailed, SessionUpdated, UserPartial
from astrbot_like.domain.live import LiveOpen, LiveOutput
from astrbot_like.domain.messages import MessagePart
from astrbot_like.domain.ports import Sessions, TurnGateway
from astrbot_like.engine.ears import Ears, Listener, MakeEars
from astrbot_like.engine.listening import Voices
from astrbot_like.engine.live_choices import LiveChoices
from astrbot_like.engine.live_turns import LiveTurns, put_out
from astrbot_like.engine.settings import EngineSettings
from astrbot_like.engine.speech_in import Transcript, Utterance
from astrbot_like.runtime.clock import Clock
from astrbot_like.runtime.tasks import cancel_and_wait, start_now

_EARLY_SECONDS = 5
"""Speech that is kept while the first ears are made."""


class _Segment:
    """An open voice segment of client turn detection."""

    __slots__ = ("size", "stamp", "utterance")

    def __init__(self, stamp: str, utterance: Utterance) -> None:
        self.stamp = stamp
        self.utterance = utterance
        self.size = 0


class EarlyAudio:
    """What a client says between asking for server turn detection and being told that it is on."""

    __slots__ = ("_room", "pieces")

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self._room = _EARLY_SECONDS * INPUT_RATE * SAMPLE_WIDTH

    def add(self, pcm: bytes) -> None:
        """Keep a piece while there is room."""
        if len(pcm) <= self._room:
            self._room -= len(pcm)
            self.pieces.append(pcm)


class LiveSession:
    """Implements ``LiveSessionPort``. Idle it holds no task and no buffer.

    Args:
        ended: Told once when the session is closed.
    """

    def __init__(
        self,
        opened: LiveOpen,
        output: LiveOutput,
        *,
        gateway: TurnGateway,
        sessions: Sessions,
        voices: Voices,
        make_ears: MakeEars,
        settings: EngineSettings,
        clock: Clock,
        ended: Callable[[LiveSession], None],
    ) -> None:
        self._output = output
        self._voices = voices
        self._make_ears = make_ears
        self._settings = settings.voice
        self._clock = clock
        self._ended = ended
        self._choices = LiveChoices(opened, sessions, voices)
        self._turns = LiveTurns(output, gateway, self._choices, clock)
        self._limit = int(settings.voice.utterance_seconds * INPUT_RATE * SAMPLE_WIDTH)
        self._segment: _Segment | None = None
        self._ears: Ears | None = None
        self._early: EarlyAudio | None = None
        """Speech that came before the ears it was meant for."""
        self._jobs: set[asyncio.Task[Any]] = set()
        self._closed = False
        self.last_active = clock.monotonic()

    # --- what the reader calls --------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether a turn is running, from its acceptance to ``TurnEnded``."""
        return self._turns.busy

    @property
    def username(self) -> str:
        """The connection's user."""
        return self._choices.username

    def start_speaking(self, stamp: str) -> None:
        """Begin a voice segment; see ``LiveSessionPort``."""
        if self._choices.server_turns:
            raise ProcessingError("The server detects turns on this connection; just send speaking_part.")
        self._drop_segment()
        if self._choices.options.barge_in:
            self._turns.interrupt(reason="barge_in")
        self._segment = _Segment(stamp, self._listen())

    def audio(self, pcm: bytes) -> None:
        """Take a piece of speech; see ``LiveSessionPort``."""
        if self._ears is not None:
            self._ears.hear(pcm)
            return
        segment = self._segment
        if segment is None:
            if self._early is not None:
                self._early.add(pcm)
            return
        size = segment.size + len(pcm)
        if size > self._limit:
            raise TooLarge(f"The voice segment is longer than {self._settings.utterance_seconds:g} s.")
        segment.size = size
        segment.utterance.push(pcm)

    def end_speaking(self, stamp: str) -> None:
        """Finish the segment and start a turn from it; see ``LiveSessionPort``."""
        segment = self._segment
        if segment is None or segment.stamp != stamp:
            raise StampMismatch
        self._segment = None
        if segment.size == 0:
            self._abandon(segment.utterance)
            raise NoAudio
        if not self._turns.make_room():
            self._abandon(segment.utterance)
            raise SessionBusy
        self._answer(segment.utterance)

    def input(self, parts: tuple[MessagePart, ...], text: str) -> None:
        """Start a turn from text or parts; see ``LiveSessionPort``."""
        if not self._turns.make_room():
            raise SessionBusy
        self._touch()
        self._turns.read(parts, text)

    def interrupt(self, *, reason: str = "user") -> None:
        """Stop the running turn at once; nothing happens when none runs."""
        self._turns.interrupt(reason=reason)

    def playback(self, played_ms: float) -> None:
        """The client has played so much of the running reply's speech."""
        self._turns.played(played_ms / 1000)

    def update(self, changes: dict[str, Any]) -> None:
        """Change options; the answer comes on the output."""
        detection = changes.get("turn_detection")
        if detection == "server" and self._ears is None:
            self._early = self._early or EarlyAudio()
        elif detection == "client":
            self._early = None
        # At once: a change that needs to wait for nothing holds for the very next frame.
        self._own(start_now(self._update(changes), name="session update"))

    async def aclose(self) -> None:
        """The connection is gone: stop the turn, wait until it is stored, free all."""
        if self._closed:
            return
        self._closed = True
        self._drop_segment()
        if self._ears is not None:
            self._ears.close()
        self._output.close()
        await self._turns.aclose()
        await cancel_and_wait(*self._jobs)
        self._ended(self)

    # --- options ----------------------------------------------------------------------------------

    async def _update(self, changes: dict[str, Any]) -> None:
        try:
            await self._choices.update(changes)
            await self._set_turn_detection()
        except BotError as error:
            if "turn_detection" in changes:
                self._early = None
            await put_out(self._output, SessionFailed(error.code, error.message))
            return
        await put_out(self._output, SessionUpdated(self._choices.effective()))

    async def _set_turn_detection(self) -> None:
        wanted = self._choices.server_turns
        if wanted and self._ears is None:
            self._drop_segment()
            ears = await self._make_ears(_Listening(self))
            # Meanwhile the client may have changed its mind, or asked for the same again.
            if self._ears is None and self._choices.server_turns and not self._closed:
                self._ears = ears
                early, self._early = self._early, None
                for pcm in early.pieces if early is not None else ():
                    ears.hear(pcm)
        elif not wanted and self._ears is not None:
            self._ears.close()
            self._ears = None
        self._turns.ears = self._ears

    # --- listening --------------------------------------------------------------------------------

    def _listen(self) -> Utterance:
        """A new utterance that recognises while it is spoken."""
        self._touch()
        choices = self._choices
        wanted = choices.options.partial_transcripts or choices.server_turns
        on_partial = self._partial if wanted else None
        return self._voices.utterance(choices.turn_options(), choices.umo, on_partial)

    def _partial(self, text: str) -> None:
        if self._ears is not None:
            self._ears.partial(text)
        if self._choices.options.partial_transcripts and not self._output.closed:
            # Interim text is worth nothing to a client that is behind, so it is dropped rather than queued.
            self._output.try_send(UserPartial(text))

    def _answer(self, said: Utterance | Transcript) -> None:
        self._touch()
        self._turns.hear(said)

    def _touch(self) -> None:
        self.last_active = self._clock.monotonic()

    def _drop_segment(self) -> None:
        segment, self._segment = self._segment, None
        if segment is not None:
            self._abandon(segment.utterance)

    def _abandon(self, utterance: Utterance) -> None:
        """Drop an utterance; its recogniser is stopped beside what goes on."""
        self._job(utterance.abort())

    def _job(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self._own(asyncio.create_task(coroutine))

    def _own(self, task: asyncio.Task[None]) -> None:
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)


class _Listening(Listener):
    """What the ears ask of the session under server turn detection."""

    def __init__(self, session: LiveSession) -> None:
        self._session = session

    @property
    def replying(self) -> bool:
        """Whether the bot is answering."""
        return self._session._turns.replying

    def open_utterance(self) -> Utterance:
        """A new utterance that recognises while it is spoken."""
        return self._session._listen()

    def tell(self, event: LiveEvent) -> None:
        """Put an event of the session on the wire, at once."""
        if not self._session._closed:
            self._session._output.force(event)

    def interrupt(self) -> None:
        """The user speaks over the bot, and means it."""
        self._session._turns.interrupt(reason="barge_in")

    def hold(self, paused: bool) -> None:
        """Playback is on hold, or goes on: what is heard of the reply stands still meanwhile."""
        self._session._turns.hold(paused)

    def finished(self, utterance: Utterance | Transcript) -> None:
        """The user has finished an utterance: a turn begins."""
        self._session._turns.make_room()
        self._session._answer(utterance)

    def run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run something beside the reader, owned by the session."""
        self._session._job(coroutine)

"""One live connection as the engine sees it: voice segments, one running turn, interruption.

The reader of the socket calls the methods, which return at once; a task per running turn recognises the speech, submits
the turn and forwards its events. A generation belongs to each turn: what is late of an interrupted one is dropped here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from astrbot_like.domain.audio import INPUT_RATE, SAMPLE_WIDTH
from astrbot_like.domain.errors import (
    BotError,
    InternalError,
    InvalidMessageFormat,
    NoAudio,
    NoSpeech,
    ProcessingError,
    SessionBusy,
    StampMismatch,
    TooLarge,
)
from astrbot_like.domain.events import (
    BotMessageSaved,
    LiveEvent,
    MediaReply,
    MetricsReported,
    ReplyText,
    SessionFailed,
    SessionUpdated,
    SpeechChunk,
    SpokenText,
    TextDelta,
    ToolCallFinished,
    ToolCallStarted,
    TurnEnded,
    TurnEvent,
    TurnFailed,
    TurnInterrupted,
    TurnStarted,
    UserPartial,
)
from astrbot_like.domain.history import Session
from astrbot_like.domain.live import LiveOpen, LiveOptions, LiveOutput
from astrbot_like.domain.messages import MessagePart, PlainPart
from astrbot_like.domain.ports import ReplyStream, Sessions, TurnGateway
from astrbot_like.domain.turns import TurnOptions, TurnRequest
from astrbot_like.engine.ears import Ears, Listener, MakeEars
from astrbot_like.engine.listening import Voices
from astrbot_like.engine.playback import PlaybackClock
from astrbot_like.engine.settings import EngineSettings
from astrbot_like.engine.speech_in import Transcript, Utterance
from astrbot_like.runtime.channels import ChannelClosed
from astrbot_like.runtime.clock import Clock
from astrbot_like.runtime.ids import new_id
from astrbot_like.runtime.tasks import cancel_and_wait

log = logging.getLogger(__name__)

STALE = (TextDelta, SpokenText, SpeechChunk, ReplyText, ToolCallStarted, ToolCallFinished, MediaReply)
"""Events of a turn that an interruption makes worthless."""

AFTER_STOP = (TurnEnded, MetricsReported, BotMessageSaved)
"""What is forwarded of an interrupted turn."""

PREVIOUS_TURN_DEADLINE = 10.0
"""Seconds a new turn waits for the one it interrupted to be stored."""


def _is_stale(event: LiveEvent) -> bool:
    return isinstance(event, STALE)


class _Running:
    """The turn that is running.

    Attributes:
        entered: Its task has begun. One that is cancelled before that never gets to say that the turn has ended.
    """

    __slots__ = ("entered", "id", "interrupted", "played", "spoke", "stream", "task", "text")

    def __init__(self, turn_id: str) -> None:
        self.id = turn_id
        self.stream: ReplyStream | None = None
        self.task: asyncio.Task[None] | None = None
        self.entered = False
        self.interrupted = False
        self.spoke = False
        self.played = PlaybackClock()
        self.text: list[str] = []


class _Segment:
    """An open voice segment of client turn detection."""

    __slots__ = ("size", "stamp", "utterance")

    def __init__(self, stamp: str, utterance: Utterance) -> None:
        self.stamp = stamp
        self.utterance = utterance
        self.size = 0


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
        self._opened = opened
        self._output = output
        self._gateway = gateway
        self._sessions = sessions
        self._voices = voices
        self._make_ears = make_ears
        self._settings = settings
        self._clock = clock
        self._ended = ended
        self._options = LiveOptions()
        self._limit = int(settings.voice.utterance_seconds * INPUT_RATE * SAMPLE_WIDTH)
        self._session: Session | None = None
        self._segment: _Segment | None = None
        self._turn: _Running | None = None
        self._ears: Ears | None = None
        self._jobs: set[asyncio.Task[Any]] = set()
        self._closed = False
        self.last_active = clock.monotonic()

    # --- what the reader calls --------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether a turn is running, from its acceptance to ``TurnEnded``."""
        return self._turn is not None

    @property
    def username(self) -> str:
        """The connection's user."""
        return self._opened.username

    def start_speaking(self, stamp: str) -> None:
        """Begin a voice segment; see ``LiveSessionPort``."""
        if self._options.turn_detection == "server":
            raise ProcessingError("The server detects turns on this connection; just send speaking_part.")
        self._drop_segment()
        if self._options.barge_in:
            self.interrupt(reason="barge_in")
        self._segment = _Segment(stamp, self._listen())

    def audio(self, pcm: bytes) -> None:
        """Take a piece of speech; see ``LiveSessionPort``."""
        if self._ears is not None:
            self._ears.hear(pcm)
            return
        segment = self._segment
        if segment is None:
            return
        size = segment.size + len(pcm)
        if size > self._limit:
            raise TooLarge(f"The voice segment is longer than {self._settings.voice.utterance_seconds:g} s.")
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
        if not self._make_room():
            self._abandon(segment.utterance)
            raise SessionBusy
        self._begin(lambda turn: self._voice_turn(turn, segment.utterance))

    def input(self, parts: tuple[MessagePart, ...], text: str) -> None:
        """Start a turn from text or parts; see ``LiveSessionPort``."""
        if not self._make_room():
            raise SessionBusy
        self._begin(lambda turn: self._text_turn(turn, parts, text))

    def interrupt(self, *, reason: str = "user") -> None:
        """Stop the running turn at once; nothing happens when none runs."""
        turn = self._turn
        if turn is None or turn.interrupted:
            return
        turn.interrupted = True
        if not self._output.closed:
            self._output.discard(_is_stale)
            self._output.force(TurnInterrupted(reason))
        if self._ears is not None:
            self._ears.reply_ended()
        if turn.stream is not None:
            turn.stream.interrupt(reason=reason, heard_ms=self._heard_ms(turn))
        elif turn.task is not None and turn.entered:
            turn.task.cancel()

    def playback(self, played_ms: float) -> None:
        """The client has played so much of the running reply's speech."""
        if self._turn is not None:
            self._turn.played.report(played_ms / 1000, self._clock.monotonic())

    def update(self, changes: dict[str, Any]) -> None:
        """Change options; the answer comes on the output."""
        self._job(self._update(changes))

    async def aclose(self) -> None:
        """The connection is gone: stop the turn, wait until it is stored, free all."""
        if self._closed:
            return
        self._closed = True
        self._drop_segment()
        if self._ears is not None:
            self._ears.close()
        turn = self._turn
        self._output.close()
        self.interrupt(reason="disconnect")
        if turn is not None and turn.task is not None:
            await asyncio.wait({turn.task}, timeout=PREVIOUS_TURN_DEADLINE)
            await cancel_and_wait(turn.task)
        await cancel_and_wait(*self._jobs)
        self._ended(self)

    # --- options ----------------------------------------------------------------------------------

    async def _update(self, changes: dict[str, Any]) -> None:
        try:
            if (session_id := changes.get("session_id")) is not None:
                session = await self._sessions.get(session_id)
                if session is None:
                    raise ProcessingError(f"There is no session {session_id}.")
                session = await self._sessions.open(session_id, username=self._opened.username)
            else:
                session = self._session
            options = msgspec.structs.replace(self._options, **changes)
            self._voices.check_choice(self._turn_options(options))
            self._session, self._options = session, options
        except BotError as error:
            await self._send(SessionFailed(error.code, error.message))
            return
        except TypeError as error:
            await self._send(SessionFailed(InvalidMessageFormat.code, str(error)))
            return
        await self._set_turn_detection()
        effective = msgspec.structs.asdict(self._options)
        if self._session is not None:
            effective["session_id"] = self._session.session_id
        await self._send(SessionUpdated(effective))

    async def _set_turn_detection(self) -> None:
        wanted = self._options.turn_detection == "server"
        if wanted and self._ears is None:
            self._drop_segment()
            self._ears = await self._make_ears(_Listening(self))
        elif not wanted and self._ears is not None:
            self._ears.close()
            self._ears = None

    # --- listening --------------------------------------------------------------------------------

    def _listen(self) -> Utterance:
        """A new utterance that recognises while it is spoken."""
        self.last_active = self._clock.monotonic()
        wanted = self._options.partial_transcripts or self._options.turn_detection == "server"
        on_partial = self._partial if wanted else None
        umo = self._session.umo if self._session is not None else ""
        return self._voices.utterance(self._turn_options(), umo, on_partial)

    def _partial(self, text: str) -> None:
        if self._ears is not None:
            self._ears.partial(text)
        if self._options.partial_transcripts and not self._output.closed:
            # Interim text is worth nothing to a client that is behind, so it is dropped rather than queued.
            self._output.try_send(UserPartial(text))

    def _drop_segment(self) -> None:
        segment, self._segment = self._segment, None
        if segment is not None:
            self._abandon(segment.utterance)

    # --- turns ------------------------------------------------------------------------------------

    def _make_room(self) -> bool:
        """Whether a turn may begin now; with barge-in the running one is interrupted for it."""
        if self._turn is None:
            return True
        if not self._options.barge_in and self._options.turn_detection != "server":
            return False
        self.interrupt(reason="barge_in")
        return True

    def _begin(self, run: Callable[[_Running], Any]) -> None:
        self.last_active = self._clock.monotonic()
        previous = self._turn
        turn = self._turn = _Running(new_id())
        turn.task = asyncio.create_task(self._run(turn, previous, run), name=f"live turn {turn.id[:8]}")

    async def _run(self, turn: _Running, previous: _Running | None, run: Callable[[_Running], Any]) -> None:
        try:
            turn.entered = True
            if turn.interrupted:
                raise asyncio.CancelledError
            if previous is not None and previous.task is not None:
                await asyncio.wait({previous.task}, timeout=PREVIOUS_TURN_DEADLINE)
            await run(turn)
        except asyncio.CancelledError:
            if not turn.interrupted:
                raise
            await self._end(turn, TurnEnded("interrupted"))
        except BotError as error:
            await self._fail(turn, error)
        except Exception:
            log.exception("live turn failed")
            await self._fail(turn, InternalError())
        finally:
            if self._turn is turn:
                self._turn = None

    async def _voice_turn(self, turn: _Running, said: Utterance | Transcript) -> None:
        started_at = self._clock.monotonic()
        transcript = said if isinstance(said, Transcript) else await said.finish()
        if self._ears is not None and (not transcript.text or self._ears.is_echo(transcript.text)):
            # A noise, or the bot's own voice: not a turn, and nothing to tell.
            return
        await self._send(MetricsReported({"wav_assemble_time": transcript.assemble_seconds, "input_type": "audio"}))
        await self._send(MetricsReported({"stt": transcript.provider, "stt_time": transcript.seconds}))
        text = transcript.text.strip()
        if not text:
            raise NoSpeech
        await self._submit(turn, (PlainPart(text),), text, started_at, stt_time=transcript.seconds)

    async def _text_turn(self, turn: _Running, parts: tuple[MessagePart, ...], text: str) -> None:
        started_at = self._clock.monotonic()
        await self._send(MetricsReported({"input_type": "text"}))
        await self._submit(turn, parts, text, started_at)

    async def _submit(
        self,
        turn: _Running,
        parts: tuple[MessagePart, ...],
        text: str,
        started_at: float,
        *,
        stt_time: float | None = None,
    ) -> None:
        session = self._session
        if session is None:
            session = self._session = await self._sessions.open(None, username=self._opened.username)
        request = TurnRequest(
            turn_id=turn.id,
            message_id=turn.id,
            session_id=session.session_id,
            username=self._opened.username,
            parts=parts,
            text=text,
            options=self._turn_options(),
            origin="live",
            started_at=started_at,
            credential=self._opened.credential,
            stt_time=stt_time,
        )
        stream = turn.stream = await self._gateway.submit(request)
        await self._send(TurnStarted(turn.id, request.message_id, session.session_id))
        if turn.interrupted:
            stream.interrupt(reason="user", heard_ms=0)
        async for event in stream:
            await self._forward(turn, event)

    async def _forward(self, turn: _Running, event: TurnEvent) -> None:
        if turn.interrupted:
            if isinstance(event, TurnEnded):
                await self._end(turn, event)
            elif isinstance(event, AFTER_STOP):
                await self._send(event)
            return
        match event:
            case SpeechChunk():
                turn.spoke = True
                turn.played.add(len(event.pcm) / (SAMPLE_WIDTH * event.rate), self._clock.monotonic())
                if self._ears is not None:
                    self._ears.speaking(event)
            case SpokenText():
                if self._ears is not None:
                    self._ears.spoken(event.text)
            case ReplyText():
                # One whole text at the end, and only when nothing of it was spoken.
                turn.text.append(event.text)
                return
            case TurnEnded():
                if turn.text and not turn.spoke:
                    await self._send(ReplyText("\n".join(turn.text), streamed=True))
                await self._end(turn, event)
                return
            case TurnInterrupted():
                turn.interrupted = True
                self._output.discard(_is_stale)
            case _:
                pass
        await self._send(event)

    async def _fail(self, turn: _Running, error: BotError) -> None:
        if not turn.interrupted:
            await self._send(TurnFailed(error.code, error.message))
        await self._end(turn, TurnEnded("failed"))

    async def _end(self, turn: _Running, event: TurnEnded) -> None:
        # Free before the client can know: its next input may follow ``end`` at once.
        if self._turn is turn:
            self._turn = None
        if self._ears is not None:
            self._ears.reply_ended()
        await self._send(event)

    async def _send(self, event: LiveEvent) -> None:
        # A closed output: the client is gone; the turn is about to be stopped and must still come to its end.
        with contextlib.suppress(ChannelClosed):
            await self._output.send(event)

    def _heard_ms(self, turn: _Running) -> int:
        return int(turn.played.position(self._clock.monotonic()) * 1000)

    def _turn_options(self, options: LiveOptions | None = None) -> TurnOptions:
        chosen = options or self._options
        return TurnOptions(
            speak=True,
            llm_provider=chosen.llm_provider,
            model=chosen.model,
            stt_provider=chosen.stt_provider,
            tts_provider=chosen.tts_provider,
            voice=chosen.voice,
            language=chosen.language,
            persona=chosen.persona,
            output_rate=self._opened.rate,
            profile_id=self._session.profile_id if self._session is not None else None,
        )

    def _abandon(self, utterance: Utterance) -> None:
        """Drop an utterance; its recogniser is stopped beside what goes on."""
        self._job(utterance.abort())

    def _job(self, coroutine: Any) -> None:
        task = asyncio.create_task(coroutine)
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)


class _Listening(Listener):
    """What the ears ask of the session under server turn detection."""

    def __init__(self, session: LiveSession) -> None:
        self._session = session

    @property
    def replying(self) -> bool:
        """Whether the bot is answering."""
        return self._session._turn is not None and not self._session._turn.interrupted

    def open_utterance(self) -> Utterance:
        """A new utterance that recognises while it is spoken."""
        return self._session._listen()

    def tell(self, event: LiveEvent) -> None:
        """Put an event of the session on the wire, at once."""
        if not self._session._closed:
            self._session._output.force(event)

    def interrupt(self) -> None:
        """The user speaks over the bot, and means it."""
        self._session.interrupt(reason="barge_in")

    def hold(self, paused: bool) -> None:
        """Playback is on hold, or goes on: what is heard of the reply stands still meanwhile."""
        turn, now = self._session._turn, self._session._clock.monotonic()
        if turn is not None:
            (turn.played.pause if paused else turn.played.resume)(now)

    def finished(self, utterance: Utterance | Transcript) -> None:
        """The user has finished an utterance: a turn begins."""
        session = self._session
        session._make_room()
        session._begin(lambda turn: session._voice_turn(turn, utterance))

    def run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run something beside the reader, owned by the session."""
        self._session._job(coroutine)

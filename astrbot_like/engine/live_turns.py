"""The turns of one live connection, one at a time: begun, forwarded to the connection, interrupted.

A task per running turn recognises the speech, submits the turn and forwards its events. What is late of a turn that was
interrupted is dropped here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

from astrbot_like.domain.audio import SAMPLE_WIDTH
from astrbot_like.domain.errors import BotError, InternalError, NoSpeech
from astrbot_like.domain.events import (
    BotMessageSaved,
    LiveEvent,
    MediaReply,
    MetricsReported,
    ReplyText,
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
)
from astrbot_like.domain.live import LiveOutput
from astrbot_like.domain.messages import MessagePart, PlainPart
from astrbot_like.domain.ports import ReplyStream, TurnGateway
from astrbot_like.domain.turns import TurnRequest
from astrbot_like.engine.ears import Ears
from astrbot_like.engine.live_choices import LiveChoices
from astrbot_like.engine.playback import PlaybackClock
from astrbot_like.engine.speech_in import Transcript, Utterance
from astrbot_like.runtime.channels import ChannelClosed
from astrbot_like.runtime.clock import Clock
from astrbot_like.runtime.ids import new_id
from astrbot_like.runtime.tasks import cancel_and_wait, start_now

log = logging.getLogger(__name__)

STALE = (TextDelta, SpokenText, SpeechChunk, ReplyText, ToolCallStarted, ToolCallFinished, MediaReply)
"""Events of a turn that an interruption makes worthless."""

AFTER_STOP = (TurnEnded, MetricsReported, BotMessageSaved)
"""What is forwarded of an interrupted turn."""

PREVIOUS_TURN_DEADLINE = 10.0
"""Seconds a new turn waits for the one it interrupted to be stored."""


def _is_stale(event: LiveEvent) -> bool:
    return isinstance(event, STALE)


async def put_out(output: LiveOutput, event: LiveEvent, *, wake: bool = True) -> None:
    """Send an event to the connection, if it is still there (``wake`` as in ``Channel.try_send``)."""
    try:
        if not output.try_send(event, wake=wake):
            await output.send(event)
    except ChannelClosed:
        return  # the client is gone; the turn is about to be stopped and must still come to its end


class _Running:
    """The turn that is running.

    Attributes:
        entered: Its own work has begun. Before that it is not cancelled: it has yet to wait for the turn before it, and
            to say that it has ended.
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


_Run: TypeAlias = Callable[[_Running], Coroutine[Any, Any, None]]


class LiveTurns:
    """Runs the turns of one connection.

    Attributes:
        ears: Who listens under server turn detection; told of what is spoken.
    """

    def __init__(self, output: LiveOutput, gateway: TurnGateway, choices: LiveChoices, clock: Clock) -> None:
        self._output = output
        self._gateway = gateway
        self._choices = choices
        self._clock = clock
        self._turn: _Running | None = None
        self.ears: Ears | None = None

    @property
    def busy(self) -> bool:
        """Whether a turn is running, from its acceptance to ``TurnEnded``."""
        return self._turn is not None

    @property
    def replying(self) -> bool:
        """Whether a turn is running that was not interrupted."""
        return self._turn is not None and not self._turn.interrupted

    def make_room(self) -> bool:
        """Whether a turn may begin now; where input interrupts, the running one is interrupted for it."""
        if self._turn is None:
            return True
        if not self._choices.new_input_interrupts:
            return False
        self.interrupt(reason="barge_in")
        return True

    def hear(self, said: Utterance | Transcript) -> None:
        """Begin a turn from speech."""
        self._begin(lambda turn: self._voice_turn(turn, said))

    def read(self, parts: tuple[MessagePart, ...], text: str) -> None:
        """Begin a turn from text or parts."""
        self._begin(lambda turn: self._text_turn(turn, parts, text))

    def interrupt(self, *, reason: str) -> None:
        """Stop the running turn at once; nothing happens when none runs."""
        turn = self._turn
        if turn is None or turn.interrupted:
            return
        turn.interrupted = True
        if not self._output.closed:
            self._output.discard(_is_stale)
            self._output.force(TurnInterrupted(reason))
        if self.ears is not None:
            self.ears.reply_stopped()
        if turn.stream is not None:
            turn.stream.interrupt(reason=reason, heard_ms=self._heard_ms(turn))
        elif turn.task is not None and turn.entered:
            turn.task.cancel()

    def played(self, seconds: float) -> None:
        """The client has played so much of the running reply's speech."""
        if self._turn is not None:
            self._turn.played.report(seconds, self._clock.monotonic())

    def hold(self, paused: bool) -> None:
        """Playback is on hold, or goes on: what is heard of the reply stands still meanwhile."""
        turn, now = self._turn, self._clock.monotonic()
        if turn is not None:
            (turn.played.pause if paused else turn.played.resume)(now)
            if turn.stream is not None:
                turn.stream.hold(paused)

    async def aclose(self) -> None:
        """The connection is gone: stop the turn and wait until it is stored."""
        turn = self._turn
        self.interrupt(reason="disconnect")
        if turn is not None and turn.task is not None:
            await asyncio.wait({turn.task}, timeout=PREVIOUS_TURN_DEADLINE)
            await cancel_and_wait(turn.task)

    # --- one turn ---------------------------------------------------------------------------------

    def _begin(self, run: _Run) -> None:
        previous = self._turn
        turn = self._turn = _Running(new_id())
        turn.task = start_now(self._run(turn, previous, run), name=f"live turn {turn.id[:8]}")

    async def _run(self, turn: _Running, previous: _Running | None, run: _Run) -> None:
        try:
            # One that is interrupted waits all the same: turns end in the order in which they began.
            if previous is not None and previous.task is not None:
                await asyncio.wait({previous.task}, timeout=PREVIOUS_TURN_DEADLINE)
            turn.entered = True
            if turn.interrupted:
                raise asyncio.CancelledError
            await self._choices.settled()
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
        if self.ears is not None and (not transcript.text or self.ears.is_echo(transcript.text)):
            # A noise, or the bot's own voice: not a turn, and nothing to tell.
            return
        await self._note(MetricsReported({"wav_assemble_time": transcript.assemble_seconds, "input_type": "audio"}))
        await self._note(MetricsReported({"stt": transcript.provider, "stt_time": transcript.seconds}))
        text = transcript.text.strip()
        if not text:
            raise NoSpeech
        await self._submit(turn, (PlainPart(text),), text, started_at, stt_time=transcript.seconds)

    async def _text_turn(self, turn: _Running, parts: tuple[MessagePart, ...], text: str) -> None:
        started_at = self._clock.monotonic()
        await self._note(MetricsReported({"input_type": "text"}))
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
        choices = self._choices
        session = await choices.chat_session()
        request = TurnRequest(
            turn_id=turn.id,
            message_id=turn.id,
            session_id=session.session_id,
            username=choices.username,
            parts=parts,
            text=text,
            options=choices.turn_options(),
            origin="live",
            started_at=started_at,
            credential=choices.credential,
            stt_time=stt_time,
        )
        stream = turn.stream = await self._gateway.submit(request)
        if self.ears is not None and not turn.interrupted:
            self.ears.reply_began()
        await self._note(TurnStarted(turn.id, request.message_id, session.session_id))
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
                if self.ears is not None:
                    self.ears.speaking(event)
            case SpokenText():
                if self.ears is not None:
                    self.ears.spoken(event.text)
            case ReplyText():
                # One whole text at the end, and only when nothing of it was spoken.
                turn.text.append(event.text)
                return
            case TurnEnded():
                if turn.text and not turn.spoke:
                    await self._send(ReplyText("\n".join(turn.text), streamed=True))
                await self._end(turn, event)
                return
            case MetricsReported() if self._turn is turn:  # the turn's end, at least, follows
                await self._note(event)
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
        if self.ears is not None:
            self.ears.reply_ended()
        await self._send(event)

    async def _send(self, event: LiveEvent) -> None:
        await put_out(self._output, event)

    async def _note(self, event: LiveEvent) -> None:
        """Send what nobody waits for: it goes to the client with what follows, in one call of the system."""
        await put_out(self._output, event, wake=False)

    def _heard_ms(self, turn: _Running) -> int:
        return int(turn.played.position(self._clock.monotonic()) * 1000)

"""Server turn detection on one connection: audio in, utterances and judged interruptions out.

A voice over a reply first puts playback on hold. Enough speech, or a word that means something, makes it an
interruption; a cough, a "mhm" or the bot's own echo lets playback go on, and nothing was lost.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol

from astrbot_like.domain.audio import INPUT_RATE, SAMPLE_WIDTH
from astrbot_like.domain.errors import BotError
from astrbot_like.domain.events import (
    LiveEvent,
    PlaybackPaused,
    PlaybackResumed,
    SessionFailed,
    SpeechChunk,
    SpeechStarted,
    SpeechStopped,
)
from astrbot_like.engine.echo import ECHO_EARLIEST, EchoMemory, EchoVerdict
from astrbot_like.engine.end_of_turn import EndOfTurn
from astrbot_like.engine.endpointing import (
    SpeechAudio,
    SpeechBegan,
    SpeechEnded,
    TurnDetector,
    VoiceHeard,
    VoiceLost,
)
from astrbot_like.engine.interruption import InterruptionJudge, Verdict, is_backchannel, is_echo
from astrbot_like.engine.playback import HeardTracker
from astrbot_like.engine.speech_in import Transcript, Utterance
from astrbot_like.engine.vad import SileroModel, VoiceActivity
from astrbot_like.engine.voice_settings import VoiceSettings
from astrbot_like.runtime.clock import Clock

log = logging.getLogger(__name__)

TICK = 0.05
"""Seconds between looks at the clock while a voice is heard or judged."""

_REMEMBERED = 32
"""Sentences of the bot in which echo is looked for."""
_SOUND_REMEMBERED = 12.0
"""Seconds of the bot's sound in which echo is looked for: speech is sent ahead, and playback may be on hold."""
_COMPARED = 2.5
"""Seconds of heard sound that are compared with it."""
_COMPARE_EVERY = 0.15
"""Seconds of voice between two comparisons; one takes about a millisecond."""


class Listener(Protocol):
    """The session as its ears need it."""

    @property
    def replying(self) -> bool:
        """Whether the bot is answering."""
        ...

    def open_utterance(self) -> Utterance:
        """A new utterance that recognises while it is spoken."""
        ...

    def tell(self, event: LiveEvent) -> None:
        """Put an event of the session on the wire, at once."""
        ...

    def interrupt(self) -> None:
        """The user speaks over the bot, and means it."""
        ...

    def hold(self, paused: bool) -> None:
        """Playback is on hold, or goes on."""
        ...

    def finished(self, utterance: Utterance | Transcript) -> None:
        """The user has finished an utterance: a turn begins."""
        ...

    def run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run something beside the reader, owned by the session."""
        ...


class Ears:
    """Listens for one session."""

    def __init__(self, listener: Listener, model: SileroModel, settings: VoiceSettings, clock: Clock) -> None:
        self._listener = listener
        self._settings = settings
        self._clock = clock
        self._detector = TurnDetector(VoiceActivity(model), settings, EndOfTurn(settings))
        self._said = HeardTracker(keep=_REMEMBERED)
        self._sound = EchoMemory(_SOUND_REMEMBERED) if settings.echo_similarity <= 1.0 else None
        self._echo: EchoVerdict = "no"
        self._compared_at = 0.0
        self._echo_prone = False
        self._judge: InterruptionJudge | None = None
        self._audible = False
        """Whether the running reply has been heard: before that there is no playback to put on hold."""
        self._utterance: Utterance | None = None
        self._over_reply = False
        self._timer: asyncio.TimerHandle | None = None

    # --- from the connection ----------------------------------------------------------------------

    def hear(self, pcm: bytes) -> None:
        """Take audio, 16 kHz mono s16le."""
        now = self._clock.monotonic()
        detector = self._detector
        for event in detector.feed(pcm, now):
            match event:
                case SpeechAudio():
                    self._push(event.pcm)
                case _:
                    self._take(event, now)
        if self._judge is not None and detector.hearing:
            if detector.quiet > 0.0:
                self._rule(self._judge.quiet(now))
            elif detector.voiced > 0.0:
                self._compare(detector.voiced, now)
                self._rule(self._judge.voiced(detector.voiced, now, self._echo))
        if detector.hearing or self._judging:
            self._arm()

    def partial(self, text: str) -> None:
        """Interim recognition of the open utterance."""
        self._detector.partial(text)
        if self._judge is not None:
            now = self._clock.monotonic()
            self._rule(self._judge.words(text, self._recent(now), now))

    def close(self) -> None:
        """Stop listening."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._judging:
            self._rule("resume")
        if self._utterance is not None:
            self._listener.tell(SpeechStopped(self._ms()))
            self._drop()

    # --- from the reply ---------------------------------------------------------------------------

    def reply_began(self) -> None:
        """The bot begins to answer; nothing is to be heard of it yet."""
        self._audible = False
        self._judge = InterruptionJudge(self._settings, self._clock.monotonic(), wary=self._echo_prone)

    def spoken(self, text: str) -> None:
        """The bot says this next."""
        self._said.text(text)

    def speaking(self, chunk: SpeechChunk) -> None:
        """Speech was sent."""
        now = self._clock.monotonic()
        if self._judge is None:
            self.reply_began()
        if not self._audible and self._judge is not None:
            self._audible = True
            self._judge.reply_started = now
            if self._judge.judging:
                # Somebody speaks already.
                self._hold()
        dry = not self._said.playing(now)
        self._said.audio(chunk, now)
        if self._sound is not None:
            if dry:
                self._sound.silence()
            self._sound.said(chunk.pcm, chunk.rate)

    def reply_ended(self) -> None:
        """The reply is over: what is still on hold of it is played."""
        if self._judging:
            self._rule("resume")
        self._judge = None

    def reply_stopped(self) -> None:
        """The reply was interrupted, and what is on hold of it is dropped."""
        if self._judging:
            self._listener.hold(False)
        self._judge = None

    # --- turns ------------------------------------------------------------------------------------

    @property
    def _judging(self) -> bool:
        return self._judge is not None and self._judge.judging

    def _take(self, event: VoiceHeard | VoiceLost | SpeechBegan | SpeechEnded, now: float) -> None:
        match event:
            case VoiceHeard():
                if self._judge is not None:
                    self._rule(self._judge.voice(now))
            case VoiceLost():
                if self._judge is not None:
                    self._rule(self._judge.quiet(now))
            case SpeechBegan():
                self._over_reply = self._listener.replying
                self._begin(event.pcm)
            case SpeechEnded():
                self._end(event.silence)

    def _compare(self, voiced: float, now: float) -> None:
        """Whether the open utterance sounds like the bot, looked at now and then."""
        if voiced < self._compared_at:
            self._compared_at = 0.0
        if self._sound is None or self._utterance is None or voiced - self._compared_at < _COMPARE_EVERY:
            return
        self._compared_at = voiced
        if self._may_be_echo(now):
            # What is compared began with the voice: the pause before it would look alike everywhere.
            sound = self._utterance.tail(min(voiced + _COMPARE_EVERY, _COMPARED))
            self._echo = self._sound.verdict(sound, known=self._echo == "yes")
            self._echo_prone = self._echo_prone or self._echo == "yes"

    def _may_be_echo(self, now: float) -> bool:
        """Whether the bot was to be heard just now."""
        return bool(self._recent(now))

    def _begin(self, pcm: bytes) -> None:
        self._drop()
        self._echo, self._compared_at = "no", 0.0
        try:
            self._utterance = self._listener.open_utterance()
        except BotError as error:
            self._listener.tell(SessionFailed(error.code, error.message))
            return
        self._listener.tell(SpeechStarted(self._ms()))
        self._push(pcm)

    def _push(self, pcm: bytes) -> None:
        if self._utterance is None:
            return
        try:
            self._utterance.push(pcm)
        except BotError as error:
            # The utterance is over its limit: what was said until now is answered.
            self._listener.tell(SessionFailed(error.code, error.message))
            self._detector.reset()
            self._end(0.0)

    def _end(self, silence: float) -> None:
        utterance, self._utterance = self._utterance, None
        if utterance is None:
            return
        self._listener.tell(SpeechStopped(self._ms()))
        if self._was_echo(utterance, silence):
            self._listener.run(utterance.abort())
            self._settle()
        elif self._over_reply and self._listener.replying:
            self._listener.run(self._weigh(utterance))
        else:
            self._listener.finished(utterance)

    def _was_echo(self, utterance: Utterance, silence: float) -> bool:
        """Whether a whole utterance was the bot's voice and nothing else."""
        if self._sound is None or not self._may_be_echo(self._clock.monotonic()):
            return False
        spoken = utterance.seconds - silence - self._settings.pre_roll
        sound = utterance.tail(min(spoken, _COMPARED) + silence)[: -int(silence * INPUT_RATE) * SAMPLE_WIDTH or None]
        return spoken >= ECHO_EARLIEST and self._sound.verdict(sound) == "yes"

    def _settle(self) -> None:
        """What was said over the reply has no meaning: playback goes on, unless there is more to judge."""
        if self._judge is not None and not self._detector.hearing:
            self._rule(self._judge.meant_nothing())

    async def _weigh(self, utterance: Utterance) -> None:
        """What was said over a reply that was not interrupted for it: words make it a turn after all."""
        try:
            transcript = await utterance.finish()
        except BotError as error:
            log.info("speech over a reply was not recognised", extra={"error": error.message})
            self._settle()
            return
        text = transcript.text
        if not text or is_backchannel(text, self._settings.backchannels) or self.is_echo(text):
            self._settle()
            return
        self._listener.interrupt()
        self._listener.finished(transcript)

    def is_echo(self, text: str) -> bool:
        """Whether a text is what the bot has just said, come back through the microphone."""
        return is_echo(text, self._recent(self._clock.monotonic()), self._settings.echo_similarity)

    def _recent(self, now: float) -> str:
        return self._said.spoken_recently(now, self._settings.echo_seconds)

    def _rule(self, verdict: Verdict | None) -> None:
        match verdict:
            case None:
                return
            case "pause":
                if self._audible:
                    self._hold()
            case "resume":
                if self._audible:
                    self._said.resume(self._clock.monotonic())
                    self._listener.hold(False)
                    self._listener.tell(PlaybackResumed())
            case "stop":
                self._judge = None
                self._over_reply = False
                self._listener.interrupt()

    def _hold(self) -> None:
        self._said.pause(self._clock.monotonic())
        self._listener.hold(True)
        self._listener.tell(PlaybackPaused())

    def _drop(self) -> None:
        utterance, self._utterance = self._utterance, None
        if utterance is not None:
            self._listener.run(utterance.abort())

    # --- time -------------------------------------------------------------------------------------

    def _arm(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TICK, self._tick)

    def _tick(self) -> None:
        self._timer = None
        now = self._clock.monotonic()
        if self._judge is not None:
            self._rule(self._judge.tick(now))
        for event in self._detector.check(now):
            if not isinstance(event, SpeechAudio):
                self._take(event, now)
        if self._detector.hearing or self._judging:
            self._arm()

    def _ms(self) -> int:
        return int(self._clock.time() * 1000)


MakeEars = Callable[[Listener], Awaitable[Ears]]
"""Builds the ears of a session; the voice activity model is loaded, off the loop, with the first ones."""

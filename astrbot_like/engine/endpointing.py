"""When somebody begins to speak and when they have finished: turn detection by the server.

Time here is the time of the audio itself, so a burst of late frames is judged like the same frames on time. Only when a
client sends nothing at all (``check``) does the clock count.
"""

from __future__ import annotations

from collections import deque
from typing import TypeAlias

import msgspec

from astrbot_like.domain.audio import INPUT_RATE, SAMPLE_WIDTH
from astrbot_like.engine.end_of_turn import EndOfTurn
from astrbot_like.engine.vad import FRAME_BYTES, FRAME_SAMPLES, VoiceActivity
from astrbot_like.engine.voice_settings import VoiceSettings

FRAME_SECONDS = FRAME_SAMPLES / INPUT_RATE
_BYTES_PER_SECOND = INPUT_RATE * SAMPLE_WIDTH
_HYSTERESIS = 0.15
"""Speech goes on until the probability is this much under the threshold."""
_FORGIVEN = 0.1
"""Seconds of quiet within the first moments of speech that don't make it noise."""


class VoiceHeard(msgspec.Struct, frozen=True):
    """The first frame that sounds like voice. It may yet turn out to be noise."""


class VoiceLost(msgspec.Struct, frozen=True):
    """The voice heard was too short for speech."""


class SpeechBegan(msgspec.Struct, frozen=True):
    """Somebody speaks.

    Attributes:
        pcm: Audio from ``pre_roll`` before the voice up to now, 16 kHz mono s16le.
    """

    pcm: bytes


class SpeechAudio(msgspec.Struct, frozen=True):
    """More of the utterance, its pauses included."""

    pcm: bytes


class SpeechEnded(msgspec.Struct, frozen=True):
    """The utterance is over.

    Attributes:
        silence: Seconds of silence that ended it.
        voiced: Seconds of voice in it.
    """

    silence: float
    voiced: float


VadEvent: TypeAlias = VoiceHeard | VoiceLost | SpeechBegan | SpeechAudio | SpeechEnded


class TurnDetector:
    """Cuts a stream of audio into utterances.

    Args:
        activity: Speech probabilities of this session.
        end_of_turn: How long a silence ends a turn; kept by the session, since it learns from turn to turn.
    """

    __slots__ = (
        "_activity",
        "_end",
        "_ended_at",
        "_fed_at",
        "_off",
        "_on",
        "_quiet",
        "_recent",
        "_recent_bytes",
        "_seconds",
        "_settings",
        "_voiced",
        "_waiting",
        "speaking",
    )

    def __init__(self, activity: VoiceActivity, settings: VoiceSettings, end_of_turn: EndOfTurn | None = None) -> None:
        self._activity = activity
        self._settings = settings
        self._end = end_of_turn or EndOfTurn(settings)
        self._on = settings.vad_threshold
        self._off = max(0.01, settings.vad_threshold - _HYSTERESIS)
        self._recent: deque[bytes] = deque()
        self._recent_bytes = 0
        self._waiting = 0
        """Bytes at the end of ``_recent`` that came since the first voice."""
        self._voiced = 0.0
        self._quiet = 0.0
        self._fed_at = 0.0
        self._seconds = 0.0
        """Audio judged so far."""
        self._ended_at: float | None = None
        """Where in it the last utterance was taken to be over."""
        self.speaking = False
        """Whether an utterance is open."""

    @property
    def voiced(self) -> float:
        """Seconds of voice in the open (or beginning) utterance."""
        return self._voiced

    @property
    def quiet(self) -> float:
        """Seconds of silence since the last voice."""
        return self._quiet

    @property
    def hearing(self) -> bool:
        """Whether there is voice now that is not yet known to be speech, or an open utterance."""
        return self.speaking or self._voiced > 0.0

    def feed(self, pcm: bytes, now: float) -> list[VadEvent]:
        """Take audio of any length; what it shows, in order.

        Args:
            now: The clock's monotonic seconds.
        """
        self._fed_at = now
        events: list[VadEvent] = []
        if len(pcm) <= FRAME_BYTES:
            self._feed(pcm, events)
        else:
            # Piece by piece, so that the audio of each decision is known however large the client's frames are.
            for at in range(0, len(pcm), FRAME_BYTES):
                self._feed(pcm[at : at + FRAME_BYTES], events)
        return events

    def _feed(self, pcm: bytes, events: list[VadEvent]) -> None:
        probabilities = self._activity.push(pcm)
        if self.speaking:
            events.append(SpeechAudio(pcm))
        else:
            self._remember(pcm)
        for probability in probabilities:
            self._seconds += FRAME_SECONDS
            if self.speaking:
                self._go_on(probability, events)
            else:
                self._wait(probability, events)

    def check(self, now: float) -> list[VadEvent]:
        """End an utterance whose audio has stopped coming; call it now and then.

        A client that mutes its microphone in mid-sentence sends neither speech nor silence.
        """
        if not self.hearing or now - self._fed_at < self._end.needed() + FRAME_SECONDS - self._quiet:
            return []
        silence = self._quiet + now - self._fed_at
        if not self.speaking:
            self._forget_voice()
            return [VoiceLost()]
        return [self._finish(silence)]

    def partial(self, text: str) -> None:
        """Interim recognition of the open utterance: what is said decides how long to wait."""
        self._end.heard(text)

    def reset(self) -> None:
        """Drop the open utterance and what was heard."""
        self._activity.reset()
        self._recent.clear()
        self._recent_bytes = 0
        self._forget_voice()
        self.speaking = False

    # --- nobody speaks -------------------------------------------------------------------------------

    def _wait(self, probability: float, events: list[VadEvent]) -> None:
        if probability >= self._on:
            if self._voiced == 0.0:
                self._waiting = FRAME_SAMPLES * SAMPLE_WIDTH
                events.append(VoiceHeard())
            self._voiced += FRAME_SECONDS
            self._quiet = 0.0
            if self._voiced >= self._settings.min_speech:
                self._begin(events)
        elif self._voiced > 0.0:
            self._quiet += FRAME_SECONDS
            if self._quiet > _FORGIVEN:
                self._forget_voice()
                events.append(VoiceLost())

    def _begin(self, events: list[VadEvent]) -> None:
        self.speaking = True
        ended = self._ended_at
        self._end.begin(gap=None if ended is None else max(0.0, self._seconds - self._voiced - ended))
        audio = b"".join(self._recent)
        wanted = self._waiting + int(self._settings.pre_roll * _BYTES_PER_SECOND) // 2 * 2
        events.append(SpeechBegan(audio[-wanted:]))
        self._recent.clear()
        self._recent_bytes = 0
        self._waiting = 0

    def _remember(self, pcm: bytes) -> None:
        self._recent.append(pcm)
        self._recent_bytes += len(pcm)
        if self._voiced > 0.0:
            self._waiting += len(pcm)
        keep = int((self._settings.pre_roll + 2 * FRAME_SECONDS) * _BYTES_PER_SECOND) + self._waiting
        while self._recent and self._recent_bytes - len(self._recent[0]) >= keep:
            self._recent_bytes -= len(self._recent.popleft())

    def _forget_voice(self) -> None:
        self._voiced = 0.0
        self._quiet = 0.0
        self._waiting = 0

    # --- somebody speaks -----------------------------------------------------------------------------

    def _go_on(self, probability: float, events: list[VadEvent]) -> None:
        if probability >= (self._on if self._quiet else self._off):
            if self._quiet:
                self._end.pause(self._quiet)
            self._quiet = 0.0
            self._voiced += FRAME_SECONDS
            if self._voiced >= self._settings.voice_without_words and not self._end.words:
                # A television, or a recogniser that has gone silent: what is there is answered or dropped.
                events.append(self._finish(0.0))
            return
        self._quiet += FRAME_SECONDS
        if self._quiet >= self._end.needed() - 1e-9:
            events.append(self._finish(self._quiet))

    def _finish(self, silence: float) -> SpeechEnded:
        ended = SpeechEnded(silence, self._voiced)
        self.speaking = False
        self._ended_at = self._seconds
        self._forget_voice()
        self._end.ended()
        return ended

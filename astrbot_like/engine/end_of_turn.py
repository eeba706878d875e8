"""How long a silence means that the turn is over.

A complete sentence ends the turn early, a hanging one ("and then I ...") is given time, and the waiting time learns
from the pauses this speaker makes within sentences. All of it stays within the bounds of the settings.
"""

from __future__ import annotations

import re
from collections import deque
from typing import Literal, TypeAlias

from astrbot_like.engine.voice_settings import VoiceSettings
from astrbot_like.engine.word_lists import (
    COMPLETE_ENDS,
    COMPLETE_PHRASES,
    HANGING_ENDS,
    HANGING_WORDS,
    QUESTION_STARTS,
)

Completeness: TypeAlias = Literal["complete", "open", "hanging"]

_EARLY = 0.7
_PATIENT = 2.0
_PAUSES_KEPT = 24
_PAUSES_TO_LEARN = 4
_SHORTEST_PAUSE = 0.12
"""Shorter gaps are those between sounds, not between thoughts."""
_MARGIN = 1.35
"""Waiting time over the longest usual pause."""
_SECOND_THOUGHT = 0.8
"""Seconds within which speech after an end shows that the end was taken too early."""

_WORD = re.compile(r"[\w']+")


def completeness(text: str) -> Completeness:
    """How finished an utterance sounds, from its words alone (recognisers seldom give punctuation)."""
    text = text.strip().lower()
    if not text:
        return "open"
    if text.endswith(("...", "…", ",", "，", "、", "-", "—", ":", "：")):
        return "hanging"
    if text.endswith((".", "!", "?", "。", "！", "？")):
        return "complete"
    words = _WORD.findall(text)
    if not words:
        return "open"
    bare = " ".join(words)
    if bare in COMPLETE_PHRASES:
        return "complete"
    if words[-1] in HANGING_WORDS or text.endswith(HANGING_ENDS):
        return "hanging"
    if text.endswith(COMPLETE_ENDS) or (words[0] in QUESTION_STARTS and len(words) >= 4):
        return "complete"
    return "open"


class EndOfTurn:
    """The waiting time of one session; fed by its turn detector."""

    __slots__ = ("_base", "_pauses", "_settings", "_state", "_text")

    def __init__(self, settings: VoiceSettings) -> None:
        self._settings = settings
        self._base = settings.silence
        self._pauses: deque[float] = deque(maxlen=_PAUSES_KEPT)
        self._text = ""
        self._state: Completeness = "open"

    @property
    def base(self) -> float:
        """Seconds of silence after a sentence that is neither complete nor hanging, as learned so far."""
        return self._base

    @property
    def words(self) -> str:
        """What was recognised of the open utterance so far."""
        return self._text

    def begin(self, gap: float | None) -> None:
        """An utterance begins.

        Args:
            gap: Seconds since the last one was taken to be over, where that is known.
        """
        self._text = ""
        self._state = "open"
        if gap is not None and gap < _SECOND_THOUGHT:
            self.pause(self._base + gap)

    def heard(self, text: str) -> None:
        """Interim recognition of the utterance."""
        if text != self._text:
            self._text = text
            self._state = completeness(text)

    def pause(self, seconds: float) -> None:
        """The speaker went on after ``seconds`` of silence."""
        if seconds < _SHORTEST_PAUSE or not self._settings.adaptive_silence:
            return
        self._pauses.append(seconds)
        if len(self._pauses) >= _PAUSES_TO_LEARN:
            ordered = sorted(self._pauses)
            usual = ordered[int(0.9 * (len(ordered) - 1))]
            target = min(max(usual * _MARGIN, self._settings.shortest_silence), self._settings.longest_silence)
            self._base += 0.3 * (target - self._base)

    def ended(self) -> None:
        """The turn was taken to be over."""
        self._text = ""
        self._state = "open"

    def needed(self) -> float:
        """Seconds of silence that end the turn now."""
        settings = self._settings
        if not settings.adaptive_silence:
            return settings.silence
        factor = {"complete": _EARLY, "open": 1.0, "hanging": _PATIENT}[self._state]
        return min(max(self._base * factor, settings.shortest_silence), settings.longest_silence)

"""Whether voice during a reply is an interruption, and whether what was recognised is the bot's own voice.

Nothing is destroyed on suspicion: at the first voice playback is put on hold; only enough speech, or a word that means
something, makes it an interruption; a cough, a "mhm" or the bot's own voice lets playback go on.

A "mhm" is itself speech of half a second and more. While nothing was recognised of so short a voice, its words are
waited for, on hold; what is longer needs no words. Signs of listening come one after the other ("uh huh, uh huh"):
voice is counted anew after each short pause, and from where its words so far were known to be nothing else.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import Literal, TypeAlias

from astrbot_like.engine.echo import ECHO_EARLIEST, ECHO_SURE, EchoVerdict
from astrbot_like.engine.voice_settings import VoiceSettings
from astrbot_like.engine.word_lists import BACKCHANNELS, MISHEARD_SIGNS

Verdict: TypeAlias = Literal["pause", "stop", "resume"]

_QUIET_TO_RESUME = 0.35
"""Seconds of quiet after which voice that was no interruption is taken to be over."""
_SIGN_PATIENCE = 2.0
"""Multiple of ``min_interruption`` that a single sign of listening may take: slow ones have up to 0.77 s of voice."""
_BACKCHANNEL_PATIENCE = 2.5
"""Multiple of ``min_interruption`` that may follow words like "yeah, right, okay" without further ones being known."""
_BETWEEN_SIGNS = 0.13
"""Seconds of quiet that part two signs of listening; the stops within a word are shorter."""

_KNOWN_SIGNS = BACKCHANNELS | MISHEARD_SIGNS

_TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+(?:'\w+)?")
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


def tokens(text: str) -> list[str]:
    """Words in lower case; of scripts without blanks each character."""
    return _TOKEN.findall(text.lower().replace("’", "'"))


def is_backchannel(text: str, more: tuple[str, ...] = ()) -> bool:
    """Whether a text consists of nothing but signs of listening, also misheard ones. An empty text does."""
    known = _KNOWN_SIGNS.union(word.lower() for word in more) if more else _KNOWN_SIGNS
    words = tokens(text)
    # "all right okay" and "好的好的" are several of them: the longest known one is taken off the front each time.
    while words:
        for length in range(min(4, len(words)), 0, -1):
            head = words[:length]
            if ("".join(head) if _WIDE.match(head[0]) else " ".join(head)) in known:
                del words[:length]
                break
        else:
            return False
    return True


def is_echo(text: str, spoken: str, similarity: float) -> bool:
    """Whether recognised text closely matches what the bot has just spoken.

    Single words are never taken for echo: people answer with the bot's own words.

    Args:
        text: What was recognised.
        spoken: What the bot said lately.
        similarity: Share of the recognised words that must be found together and in order, 0 to 1.
    """
    heard = tokens(text)
    if len(heard) < (4 if _WIDE.search(text) else 2) or not spoken:
        return False
    return _match(heard, tokens(spoken)) >= similarity


def could_be_echo(text: str, spoken: str) -> bool:
    """Whether interim text may grow into echo: its words stand together and in order in what the bot said."""
    heard = tokens(text)
    return bool(heard) and _match(heard, tokens(spoken)) >= 0.99


def _match(heard: list[str], spoken: list[str]) -> float:
    """Share of ``heard`` that some stretch of ``spoken`` not much longer has in the same order."""
    if not spoken:
        return 0.0
    best = 0.0
    width = len(heard) + len(heard) // 3 + 1
    matcher: SequenceMatcher[str] = SequenceMatcher(autojunk=False)
    matcher.set_seq2(heard)
    present = set(heard)
    step = max(1, len(heard) // 6)
    for start in range(0, len(spoken), step):
        window = spoken[start : start + width]
        if not present.intersection(window):
            continue
        matcher.set_seq1(window)
        found = sum(block.size for block in matcher.get_matching_blocks())
        best = max(best, found / len(heard))
        if best >= 1.0:
            break
    return best


class InterruptionJudge:
    """Judges voice during one reply. Times are the clock's monotonic seconds.

    Attributes:
        reply_started: When the reply began, and from its first speech on when that was sent.

    Args:
        wary: The bot was heard at this microphone before: playback is not put on hold before it is known that a voice
            is not its own.
    """

    __slots__ = (
        "_base",
        "_echo",
        "_heard",
        "_ignored",
        "_paused_at",
        "_rearmed",
        "_settings",
        "_spoken",
        "_text",
        "_voice_ended",
        "_wary",
        "reply_started",
    )

    def __init__(self, settings: VoiceSettings, reply_started: float, *, wary: bool = False) -> None:
        self._settings = settings
        self._wary = wary
        self._echo: EchoVerdict = "no"
        self.reply_started = reply_started
        self._paused_at: float | None = None
        self._voice_ended: float | None = None
        self._heard = 0.0
        self._base = 0.0
        """Voice of the utterance that was judged before and let pass."""
        self._rearmed = True
        """Whether it has been quiet since: new voice is judged anew."""
        self._text = ""
        self._ignored = ""
        """Words that were judged before and let pass."""
        self._spoken = ""

    @property
    def judging(self) -> bool:
        """Whether playback is on hold."""
        return self._paused_at is not None

    @property
    def wake_at(self) -> float | None:
        """When ``tick`` has to be called at the latest; None: nothing is being judged."""
        if self._paused_at is None:
            return None
        limit = self._paused_at + self._settings.resume_after
        if self._voice_ended is None or (not self._text and self._enough(self._settings.min_interruption)):
            # So much voice may have been a word or a sign of listening: the recogniser will say.
            return limit
        return min(limit, self._voice_ended + _QUIET_TO_RESUME)

    def voice(self, now: float) -> Verdict | None:
        """Voice is heard (its first frame, or again after a short quiet)."""
        self._heard = self._base = 0.0
        self._text = self._ignored = ""
        self._echo = "no"
        if self._wary and self._paused_at is None:
            self._voice_ended = None
            self._rearmed = True
            return None
        return self._hold(now)

    def _hold(self, now: float) -> Verdict | None:
        self._voice_ended = None
        self._rearmed = False
        if self._paused_at is None and now - self.reply_started >= self._settings.reply_guard:
            self._paused_at = now
            return "pause"
        return None

    def voiced(self, seconds: float, now: float, echo: EchoVerdict = "no") -> Verdict | None:
        """The utterance holds so much voice by now.

        Voice that goes on after a short quiet is the same utterance, but is judged anew.

        Args:
            echo: Whether it sounds like what the bot said.
        """
        more = seconds > self._heard
        if more:
            if self._voice_ended is not None and now - self._voice_ended >= _BETWEEN_SIGNS:
                self._base = self._heard
            self._voice_ended = None
        self._echo = echo
        if echo == "yes":
            return self._own_voice(seconds)
        if self._wary and self._rearmed and (seconds - self._base < ECHO_EARLIEST or echo == "maybe"):
            return None
        if self._paused_at is None and more and self._rearmed:
            self._base = self._heard
            self._heard = seconds
            return self._hold(now)
        self._heard = seconds
        return self._decide(now)

    def words(self, text: str, spoken: str, now: float) -> Verdict | None:
        """Interim or final recognition of the voice.

        Args:
            spoken: What the bot said lately.
        """
        if text != self._text and is_backchannel(text, self._settings.backchannels):
            self._base = self._heard
        self._text = text
        self._spoken = spoken
        if self._echo == "yes":
            self._ignored = text
            return None
        return self._decide(now)

    def meant_nothing(self) -> Verdict | None:
        """The utterance was recognised: it was a sign of listening, an echo or no speech."""
        if self._paused_at is None:
            return None
        return self._resume()

    def _own_voice(self, seconds: float) -> Verdict | None:
        self._heard = self._base = seconds
        self._wary = True
        verdict = self._resume() if self._paused_at is not None else None
        # What is no longer the bot's voice is judged anew.
        self._rearmed = True
        return verdict

    def quiet(self, now: float) -> Verdict | None:
        """The voice has stopped (for now)."""
        if self._voice_ended is None:
            self._voice_ended = now
            if self._paused_at is None:
                self._rearmed = True
        return self.tick(now)

    def tick(self, now: float) -> Verdict | None:
        """Time has passed."""
        wake = self.wake_at
        if wake is None or now < wake - 1e-9:
            return None
        return self._resume()

    def _resume(self) -> Verdict:
        self._rearmed = self._voice_ended is not None
        self._paused_at = None
        self._voice_ended = None
        self._ignored = self._text
        return "resume"

    def _decide(self, now: float) -> Verdict | None:
        settings = self._settings
        if now - self.reply_started < settings.reply_guard:
            return None
        backchannel = is_backchannel(self._text, settings.backchannels)
        echo = bool(self._text) and could_be_echo(self._text, self._spoken)
        if self._text and self._text != self._ignored and not backchannel and not echo:
            return self._stop()
        if self._paused_at is None:
            return None
        if self._text:
            # What was said so far is only a sign of listening (or the bot itself): it takes more than that.
            needed = settings.min_interruption * _BACKCHANNEL_PATIENCE
        else:
            needed = settings.min_interruption * _SIGN_PATIENCE
        if self._echo == "maybe":
            needed = max(needed, ECHO_SURE)
        if self._enough(needed) and not echo:
            return self._stop()
        return self.tick(now)

    def _enough(self, seconds: float) -> bool:
        return self._heard - self._base >= seconds - 1e-9

    def _stop(self) -> Verdict:
        self._paused_at = None
        self._voice_ended = None
        return "stop"

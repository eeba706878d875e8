"""What of the bot's speech has been played, and which of its words have been heard.

The server can't hear the loudspeaker. It knows when it sent each piece of audio, at times the client reports how far
it has played (``playback`` frames), and playback can be on hold while an interruption is being judged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from astrbot_like.domain.audio import SAMPLE_WIDTH
from astrbot_like.domain.events import SpeechChunk

_WORDS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\s\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
_PAUSES = {
    ",": 1.0,
    ";": 1.5,
    ":": 1.5,
    ".": 2.5,
    "!": 2.5,
    "?": 2.5,
    "，": 1.0,
    "、": 0.7,
    "。": 2.5,
    "！": 2.5,
    "？": 2.5,
}
_USUAL_PACE = 20.0
"""Weight of the words that are spoken within one second."""
_ROUNDING = 1e-6


class PlaybackClock:
    """Where playback stands, from the clock since audio was sent, corrected by reports.

    Audio plays as soon as it is sent; when the client has run dry the next piece starts a new stretch.
    """

    __slots__ = ("_end", "_paused_at", "_sent")

    def __init__(self) -> None:
        self._sent = 0.0
        self._end = 0.0
        self._paused_at: float | None = None

    @property
    def sent(self) -> float:
        """Seconds of audio sent."""
        return self._sent

    def add(self, seconds: float, now: float) -> None:
        """A piece of audio was sent."""
        base = self._paused_at if self._paused_at is not None else now
        self._end = max(self._end, base) + seconds
        self._sent += seconds

    def ahead(self, now: float) -> float:
        """Seconds of audio sent that have not been played."""
        base = self._paused_at if self._paused_at is not None else now
        return max(0.0, self._end - base)

    def position(self, now: float) -> float:
        """Seconds of audio that have been played."""
        return min(self._sent, max(0.0, self._sent - self.ahead(now)))

    def report(self, played: float, now: float) -> None:
        """The client has played ``played`` seconds; believed up to what was sent to it."""
        played = min(max(played, 0.0), self._sent)
        base = self._paused_at if self._paused_at is not None else now
        self._end = base + (self._sent - played)

    def pause(self, now: float) -> None:
        """Playback is on hold."""
        if self._paused_at is None:
            self._paused_at = now

    def resume(self, now: float) -> None:
        """Playback goes on."""
        if self._paused_at is not None:
            self._end = max(self._end, self._paused_at) + (now - self._paused_at)
            self._paused_at = None


class WordTime(msgspec.Struct, frozen=True):
    """A word's end within its sentence.

    Attributes:
        end_char: Characters of the sentence up to and with this word.
        end: Seconds of the sentence's audio up to and with it.
    """

    end_char: int
    end: float


class _Sentence:
    __slots__ = ("follows", "seconds", "start", "text", "words")

    def __init__(self, text: str, start: float) -> None:
        self.text = text
        self.start = start
        self.seconds = 0.0
        self.follows: float | None = None
        """Seconds of it that were not sent yet; None: not known."""
        self.words: tuple[WordTime, ...] = ()


class HeardTracker:
    """Which part of the spoken text has been heard.

    Told each spoken sentence and each piece of its audio in the order of playback.

    Args:
        keep: Last sentences it remembers; None: all.
    """

    __slots__ = ("_keep", "_sentences", "clock")

    def __init__(self, keep: int | None = None) -> None:
        self.clock = PlaybackClock()
        self._keep = keep
        self._sentences: list[_Sentence] = []

    def text(self, text: str) -> None:
        """The sentence that the following audio speaks."""
        self.sentence_sent()
        self._sentences.append(_Sentence(text, self.clock.sent))
        if self._keep is not None and len(self._sentences) > self._keep:
            del self._sentences[0]

    def audio(self, chunk: SpeechChunk, now: float) -> None:
        """A piece of audio was sent."""
        seconds = len(chunk.pcm) / (SAMPLE_WIDTH * chunk.rate)
        self.clock.add(seconds, now)
        if self._sentences:
            self._sentences[-1].seconds += seconds
            self._sentences[-1].follows = chunk.follows

    def sentence_sent(self) -> None:
        """All audio of the last sentence was sent."""
        if self._sentences:
            self._sentences[-1].follows = 0.0

    def words(self, times: Sequence[WordTime]) -> None:
        """Word times of the last sentence, where the speech engine gives them."""
        if self._sentences:
            self._sentences[-1].words = tuple(times)

    def playback(self, played_ms: float, now: float) -> None:
        """The client reported its position."""
        self.clock.report(played_ms / 1000.0, now)

    def pause(self, now: float) -> None:
        """Playback is on hold while an interruption is being judged."""
        self.clock.pause(now)

    def resume(self, now: float) -> None:
        """Playback goes on."""
        self.clock.resume(now)

    def playing(self, now: float) -> bool:
        """Whether speech is being played (or on hold)."""
        return self.clock.ahead(now) > 0.0

    @property
    def spoken_text(self) -> str:
        """Everything given to the speech engine so far."""
        return "".join(sentence.text for sentence in self._sentences)

    def heard_text(self, now: float) -> str:
        """The words heard up to now; a word that was cut in its middle does not count."""
        position = self.clock.position(now)
        heard: list[str] = []
        for sentence in self._sentences:
            within = position - sentence.start
            if within <= 0.0:
                break
            total = self._length(sentence)
            if within >= total - _ROUNDING and sentence.seconds > 0.0:
                heard.append(sentence.text)
                continue
            heard.append(_heard_part(sentence, within, total))
            break
        return "".join(heard).rstrip()

    def _length(self, sentence: _Sentence) -> float:
        """Seconds of a sentence's speech; estimated from the pace so far while its engine still speaks."""
        if sentence.follows is not None:
            return sentence.seconds + sentence.follows
        whole = [other for other in self._sentences if other.follows == 0.0 and other.seconds > 0.0]
        seconds = sum(other.seconds for other in whole)
        pace = sum(_weight(other.text) for other in whole) / seconds if seconds else 0.0
        return max(sentence.seconds, _weight(sentence.text) / (pace or _USUAL_PACE))

    def spoken_recently(self, now: float, window: float) -> str:
        """Text whose audio was played within the last ``window`` seconds or is playing (for the echo filter)."""
        position = self.clock.position(now)
        return " ".join(
            s.text
            for s in self._sentences
            if s.seconds and s.start <= position + 0.5 and s.start + s.seconds >= position - window
        )


def _heard_part(sentence: _Sentence, seconds: float, total: float) -> str:
    text = sentence.text
    if sentence.words:
        ends = [word.end_char for word in sentence.words if word.end <= seconds]
        return text[: ends[-1]] if ends else ""
    return text[: estimate_heard_chars(text, seconds, total)]


def estimate_heard_chars(text: str, seconds: float, total: float) -> int:
    """Characters of ``text`` spoken after ``seconds`` of its ``total``, at the end of a word."""
    whole = _weight(text)
    if total <= 0.0 or not whole:
        return 0
    heard = 0
    for end, weight in _word_ends(text):
        if weight * total > seconds * whole + _ROUNDING:
            break
        heard = end
    return heard


def _word_ends(text: str) -> Iterator[tuple[int, float]]:
    """The end of each word, and how much is spoken up to there: words by their length, a pause for each mark."""
    spoken = 0.0
    for found in _WORDS.finditer(text):
        word = found.group()
        letters = sum(1 for char in word if char.isalnum())
        spoken += 2.5 * letters if _is_wide(word) else 1.0 + letters if letters else 0.0
        yield found.end(), spoken
        spoken += _PAUSES.get(word[-1], 0.0)


def _weight(text: str) -> float:
    ends = list(_word_ends(text))
    return ends[-1][1] + _PAUSES.get(text.rstrip()[-1], 0.0) if ends else 0.0


def _is_wide(word: str) -> bool:
    return "\u3040" <= word[0] <= "\u9fff" or "\uf900" <= word[0] <= "\ufaff"

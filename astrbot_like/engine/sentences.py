"""Cuts a reply into speakable chunks while it streams.

The first chunk goes out as soon as there is a clause to speak, later ones by sentence. The chunks joined are the
speakable text (``speakable.py``): nothing is lost and nothing is spoken twice, however the deltas were cut.

Why no library: none that is kept up works on a stream, and a streaming one has to know when to wait for the next word.
On the table of hard cases in the tests (``tests/support/hard_sentences.py``, 109 lines of plain text) pysbd 0.3.4 gets
91 right at 1 ms a line and syntok 1.4.4 gets 89; both fail on ``Fig. 3``, CJK quotations, Arabic and Hindi.
"""

from __future__ import annotations

import re

from astrbot_like.engine.speakable import SpeakableFilter, is_speakable
from astrbot_like.engine.voice_settings import VoiceSettings
from astrbot_like.engine.word_lists import BEFORE_MORE, SENTENCE_STARTS, SOMETIMES_LAST

_WIDE_ENDS = "。！？｡"
_WIDE_CLAUSES = "，、；："
_CLOSERS = "\"'”’»)\\]}」』）】》〉"
# A candidate for the end of a sentence: CJK full stops need nothing after them, others a blank. A run of marks is
# looked at once, from its beginning: models have been seen to write full stops for ever.
_END = re.compile(
    rf"(?:[{_WIDE_ENDS}]+[{_WIDE_ENDS}!?…]*[{_CLOSERS}]*[ \t]*\n?"
    rf"|(?<![.!?…؟।॥])[.!?…؟।॥]++[{_CLOSERS}]*+(?=\s)[ \t]*\n?|\n)"
)
_CLAUSE = re.compile(rf"(?:[{_WIDE_CLAUSES}]+[{_CLOSERS}]*|[,;:][{_CLOSERS}]*(?=\s)[ \t]*|\s[—–-]+(?=\s)[ \t]*|—)")
_CONJUNCTION = re.compile(
    r"\s(?=(?:and|but|or|so|because|which|that|while|when|where|if|then|although|since|unless|until)\s)"
)
_WIDE_CHAR = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7af]")
_WRAPPED_LINE = 50
"""Characters from which a line that goes on in lower case was wrapped rather than ended."""
_LAST_WORD = re.compile(r"([^\s(\[{\"'“‘]+)\Z")
_ORDINAL = re.compile(r"\s*(?:\d{1,3}|[A-Za-z]|[ivxIVX]{1,4})\Z")
_INITIALS = re.compile(r"(?:[A-Za-z]\.)+[A-Za-z]\Z")
_FIRST_WORD = re.compile(r"[A-Za-z']+")
_ALSO_WORDS = frozenset({"no", "p", "v", "ed", "art", "in", "am", "sun", "sat", "mar", "min", "max", "sec", "wed"})
"""Abbreviations that are also words."""
_LONGEST_NAME = 80
"""Characters that are looked at for a name before an initial."""
_NAME_BEFORE_INITIAL = re.compile(r"(?:\A|[A-Z][\w'’.-]*\s+|[(\"“]\s*)[A-Z]\Z")


class SentenceSegmenter:
    """Deltas in, speakable chunks out.

    Args:
        settings: ``first_chunk_words`` and ``longest_chunk`` are used.
    """

    __slots__ = ("_buffer", "_filter", "_first", "_scanned", "_settings")

    def __init__(self, settings: VoiceSettings | None = None) -> None:
        self._settings = settings or VoiceSettings()
        self._filter = SpeakableFilter()
        self._buffer = ""
        self._scanned = 0
        self._first = True

    def push(self, delta: str) -> list[str]:
        """Add a piece of the reply; returns the chunks that are complete now, in order."""
        self._buffer += self._filter.push(delta)
        return self._cut(final=False)

    def flush(self) -> list[str]:
        """The text so far is complete: everything held back comes out. The segmenter can be used again."""
        self._buffer += self._filter.flush()
        chunks = self._cut(final=True)
        rest, self._buffer, self._scanned, self._first = self._buffer, "", 0, True
        if rest.strip():
            chunks.append(rest)
        return chunks

    def _cut(self, *, final: bool) -> list[str]:
        chunks: list[str] = []
        while (end := self._next_end(final=final)) > 0:
            chunks.append(self._buffer[:end])
            self._buffer = self._buffer[end:]
            self._scanned = 0
            self._first = False
        return chunks

    def _next_end(self, *, final: bool) -> int:
        """Where the next chunk ends; 0: not yet."""
        text = self._buffer
        position, heard, speakable = self._scanned, 0, False
        while found := _END.search(text, position):
            verdict = _is_end(text, found, final=final)
            if verdict is None:
                break
            if verdict and not speakable:
                heard, speakable = found.end(), is_speakable(text[heard : found.end()])
            if verdict and speakable:
                return self._early_clause(text, found.start(), final=final) or found.end()
            position = found.end()
        # What was looked at and found to be no end is not looked at again, so a long sentence costs no more per delta.
        self._scanned = position
        if early := self._early_clause(text, len(text), final=final):
            return early
        return self._too_long(text)

    def _early_clause(self, text: str, limit: int, *, final: bool) -> int:
        words_wanted = self._settings.first_chunk_words
        if not self._first or not words_wanted or final:
            return 0
        limit = min(limit, self._settings.longest_chunk)
        for found in _CLAUSE.finditer(text, 0, limit):
            if _word_count(text[: found.start()]) >= words_wanted and not _between_digits(text, found):
                return found.end()
        for found in _CONJUNCTION.finditer(text, 0, limit):
            if _word_count(text[: found.start()]) >= 3 * words_wanted:
                return found.end()
        return 0

    def _too_long(self, text: str) -> int:
        limit = self._settings.longest_chunk
        if len(text) <= limit:
            return 0
        best = 0
        for found in _CLAUSE.finditer(text, 0, limit):
            if found.end() >= limit // 3 and not _between_digits(text, found):
                best = found.end()
        if best:
            return best
        blank = text.rfind(" ", 1, limit)
        if blank > 0 and is_speakable(text[:blank]):
            return blank + 1
        # A run without blanks: cut where the script has none, never inside a Latin word or an address.
        for at in range(limit, limit // 2, -1):
            if _WIDE_CHAR.match(text[at]) or _WIDE_CHAR.match(text[at - 1]):
                return at
        return limit if len(text) > 4 * limit else 0


def _is_end(text: str, found: re.Match[str], *, final: bool) -> bool | None:
    """Whether a candidate ends a sentence; None: what follows has to be seen first."""
    mark = found.group()
    if mark[0] in _WIDE_ENDS:
        # A closing quotation mark or a second mark may still come.
        return None if found.end() == len(text) and not final else True
    if mark == "\n":
        return _line_ends(text, found.start(), final=final)
    closed = mark.rstrip()[-1] in _CLOSERS
    if mark[0] in "!?؟।॥" and not closed:
        return True
    plain_stop = mark.rstrip() == "."
    if plain_stop and _ends_by_itself(_last_word(text, found.start())):
        return True
    following = text[found.end() :].lstrip()
    if not following and not final:
        return None
    first = following[:1]
    if closed or not plain_stop:
        # After a hesitation, or after quoted words, the sentence may go on.
        return not first.islower()
    return _full_stop_ends(text, found.start(), following, final=final)


def _ends_by_itself(word: str) -> bool:
    """Whether a full stop after that word is an end whatever follows."""
    return len(word) > 2 and word.isalpha() and word.islower() and word not in BEFORE_MORE | SOMETIMES_LAST


def _line_ends(text: str, start: int, *, final: bool) -> bool | None:
    """Whether a line break is one of meaning rather than of layout."""
    line = text[text.rfind("\n", 0, start) + 1 : start].rstrip()
    if len(line) < _WRAPPED_LINE or not (line[-1].isalnum() or line[-1] in ",;"):
        return True
    following = text[start + 1 : start + 2]
    return None if not following and not final else not following.islower()


def _full_stop_ends(text: str, start: int, following: str, *, final: bool) -> bool | None:
    word = _last_word(text, start)
    lower, first = word.lower(), following[:1]
    if _is_list_number(text, start):
        return False
    if lower in BEFORE_MORE and not (lower in _ALSO_WORDS and not first.isdigit()):
        return False
    if _INITIALS.search(word) and word.isupper():
        # "the U.S. Army", but "in the U.S. They": a capital says nothing, a usual first word does.
        rest = _FIRST_WORD.match(following)
        if rest is not None and rest.end() == len(following) and not final:
            return None
        return _starts_wide(first) or (rest is not None and rest.group() in SENTENCE_STARTS)
    if lower in SOMETIMES_LAST or _INITIALS.search(word):
        if lower in _ALSO_WORDS and word.islower():
            return not first.islower()
        return first.isupper() or _starts_wide(first)
    before = text[max(0, start - _LONGEST_NAME) : start]
    if len(word) == 1 and word.isupper() and word != "I" and _NAME_BEFORE_INITIAL.search(before):
        return False
    return True if word[-1:].isdigit() or len(word) > 2 else not first.islower()


def _is_list_number(text: str, start: int) -> bool:
    line = text[text.rfind("\n", 0, start) + 1 : start]
    return _ORDINAL.fullmatch(line) is not None


def _last_word(text: str, end: int) -> str:
    found = _LAST_WORD.search(text, max(0, end - 40), end)
    return found.group(1) if found else ""


def _starts_wide(first: str) -> bool:
    return _WIDE_CHAR.match(first) is not None


def _between_digits(text: str, found: re.Match[str]) -> bool:
    return text[found.start() - 1 : found.start()].isdigit() and text[found.end() : found.end() + 1].isdigit()


def _word_count(text: str) -> int:
    """Words; of scripts without blanks two characters count as one."""
    wide = len(_WIDE_CHAR.findall(text))
    return wide // 2 + sum(1 for word in _WIDE_CHAR.sub(" ", text).split() if is_speakable(word))

"""From a model's Markdown to the text that is spoken, while it streams.

Two steps with different jobs. ``SpeakableFilter`` takes away what is layout (emphasis marks, headings, link targets)
and what is never read aloud (code blocks, table rules); what it leaves is the *speakable text*, shown to people
sentence by sentence. ``spoken_form`` makes of one such sentence what a speech engine is given: emoji and address
details stay on the screen but are not pronounced.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_PLAIN = re.compile(r"[^`*_~\[!<\\\n]+")
_BLOCK_START = re.compile(r"[ \t]*(?:#{1,6}(?=[ \t]|$)[ \t]*|[-*+][ \t]+(?:\[[ xX]\][ \t]+)?|(?:>[ \t]?)+)")
_BLOCK_MAYBE = re.compile(r"[ \t]*(?:#{0,6}|[-*+](?:[ \t]*|[ \t]+\[[ xX]?\]?[ \t]*)|(?:>[ \t]?)*)\Z")
_RULE = re.compile(r"[ \t]*(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,}|={3,})[ \t]*\Z")
_RULE_MAYBE = re.compile(r"[ \t]*(?:[-*_=][ \t]*)+\Z")
_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})([^\n`]*)\Z")
_FENCE_MAYBE = re.compile(r"[ \t]*(?:`{1,2}|~{1,2})\Z")
_TABLE_RULE = re.compile(r"[ \t]*\|?[ \t:|-]*-[ \t:|-]*\Z")
_LINK = re.compile(
    r"\[([^\[\]\n]{0,300})\]\(\s*<?([^\s()<>]*(?:\([^\s()]*\)[^\s()<>]*)*)>?(?:\s+[\"'][^\"'\n]*[\"'])?\s*\)"
)
_LINK_MAYBE = re.compile(r"\[[^\[\]\n]{0,300}(?:\](?:\([^)\n]{0,600}\)?)?)?\Z")
_TAG = re.compile(r"</?[A-Za-z][^<>\n]{0,200}>|<!--.{0,400}?-->", re.DOTALL)
_TAG_MAYBE = re.compile(r"<(?:/?(?:[A-Za-z][^<>\n]{0,200})?|!(?:-(?:-.{0,400})?)?)\Z", re.DOTALL)
_AUTOLINK = re.compile(r"<((?:https?://|mailto:)[^\s<>]+)>")
_ESCAPABLE = frozenset("\\`*_{}[]()#+-.!|~>")
_LONGEST_SPAN = 400
"""Characters after which an unclosed back-tick or bracket, or a run of one mark, is taken as itself."""
_LONGEST_MARKED = 1000
"""Characters from which a line is no heading, rule or row of a table: a model may never end its line."""

_URL = re.compile(r"(?:https?://|www\.)([^\s/?#<>()\[\]\"'，。；！？、]+)([^\s<>()\[\]\"'，。；！？、]*)")
_EMOJI = re.compile(
    "[\U0001f000-\U0001faff\U00002600-\U000027bf\U0001f1e6-\U0001f1ff\U00002b00-\U00002bff\U0000fe0f\U0000200d\U000020e3"
    "\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f\U00002190-\U000021ff\U000025a0-\U000025ff]+"
)
_SPACES = re.compile(r"[ \t\r\n]+")


class _Step(NamedTuple):
    """How many characters are done with, and what of them is spoken; None in place of it: wait for more."""

    used: int
    text: str


class SpeakableFilter:
    """Takes Markdown in pieces and gives the speakable text in pieces.

    What comes out does not depend on how the text was cut into pieces: a mark that could be the start of something
    is held back until what follows decides.
    """

    __slots__ = ("_fence", "_held", "_line_start", "_open", "_previous")

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._held = ""
        self._fence = ""
        self._line_start = True
        self._previous = "\n"
        self._open: dict[str, int] = {"*": 0, "_": 0, "~": 0}

    def push(self, text: str) -> str:
        """Add a piece; returns the speakable text that is certain now."""
        self._held += text
        return self._run(final=False)

    def flush(self) -> str:
        """End the text; what was held back stands for itself."""
        rest = self._run(final=True)
        self._reset()
        return rest

    def _run(self, *, final: bool) -> str:
        out: list[str] = []
        position = 0
        held = self._held
        while position < len(held):
            step = self._step(held, position, final=final)
            if step is None:
                break
            position += step.used
            if step.text:
                out.append(step.text)
                self._previous = step.text[-1]
        self._held = held[position:]
        return "".join(out)

    def _step(self, held: str, at: int, *, final: bool) -> _Step | None:
        if self._fence:
            return self._skip_code(held, at, final=final)
        if self._line_start:
            step = self._block(held, at, final=final)
            if step is None:
                return None
            if self._fence or step.used:
                return step
        char = held[at]
        if char == "\n":
            self._line_start = True
            self._open.update({"*": 0, "_": 0, "~": 0})
            return _Step(1, "\n")
        plain = _PLAIN.match(held, at)
        if plain is not None:
            return _Step(plain.end() - at, plain.group())
        return self._inline(char, held, at, final=final)

    # --- what a line begins with -----------------------------------------------------------------

    def _block(self, held: str, at: int, *, final: bool) -> _Step | None:
        end = held.find("\n", at)
        whole_line = end >= 0 or final
        line = held[at : end if end >= 0 else len(held)]
        if len(line) > _LONGEST_MARKED:
            self._line_start = False
            return _Step(0, "")
        if fence := _FENCE.match(line):
            if not whole_line:
                return None
            self._fence = fence.group(1)
            return _Step(len(line) + (end >= 0), "")
        if _RULE.match(line) or _TABLE_RULE.match(line):
            if not whole_line:
                return None
            self._line_start = False
            return _Step(len(line), "")
        if line.lstrip(" \t").startswith("|"):
            if not whole_line:
                return None
            self._line_start = False
            return _Step(len(line), _table_row(line))
        if not whole_line and (_FENCE_MAYBE.match(line) or _BLOCK_MAYBE.match(line) or _RULE_MAYBE.match(line)):
            return None
        self._line_start = False
        start = _BLOCK_START.match(line)
        return _Step(start.end() if start else 0, "")

    def _skip_code(self, held: str, at: int, *, final: bool) -> _Step | None:
        end = held.find("\n", at)
        if end < 0 and not final:
            return None
        line = held[at : end if end >= 0 else len(held)].strip()
        if line.startswith(self._fence) and not line.strip(self._fence[0]):
            self._fence = ""
            self._line_start = True
        return _Step(len(held) - at if end < 0 else end + 1 - at, "")

    # --- what stands within a line ---------------------------------------------------------------

    def _inline(self, char: str, held: str, at: int, *, final: bool) -> _Step | None:
        match char:
            case "`":
                return self._code_span(held, at, final=final)
            case "[":
                return self._link(held, at, final=final)
            case "!":
                return self._image(held, at, final=final)
            case "<":
                return self._tag(held, at, final=final)
            case "\\":
                if at + 1 >= len(held):
                    return _Step(1, "\\") if final else None
                following = held[at + 1]
                return _Step(2, following) if following in _ESCAPABLE else _Step(1, "\\")
            case _:
                return self._emphasis(char, held, at, final=final)

    def _code_span(self, held: str, at: int, *, final: bool) -> _Step | None:
        ticks = _run_length(held, at)
        if ticks == _LONGEST_SPAN:
            return _Step(ticks, "")
        if at + ticks >= len(held) and not final:
            return None
        mark = "`" * ticks
        end = held.find(mark, at + ticks)
        line_end = held.find("\n", at)
        if end >= 0 and (line_end < 0 or end < line_end) and end - at <= _LONGEST_SPAN:
            return _Step(end + ticks - at, held[at + ticks : end].strip())
        if line_end < 0 and not final and len(held) - at <= _LONGEST_SPAN:
            return None
        return _Step(ticks, "")

    def _link(self, held: str, at: int, *, final: bool) -> _Step | None:
        if found := _LINK.match(held, at):
            return _Step(found.end() - at, _strip_marks(found.group(1)))
        if not final and _LINK_MAYBE.match(held, at):
            return None
        return _Step(1, "[")

    def _image(self, held: str, at: int, *, final: bool) -> _Step | None:
        if at + 1 >= len(held):
            return _Step(1, "!") if final else None
        if held[at + 1] != "[":
            return _Step(1, "!")
        if found := _LINK.match(held, at + 1):
            return _Step(found.end() - at, _strip_marks(found.group(1)))
        if not final and _LINK_MAYBE.match(held, at + 1):
            return None
        return _Step(1, "!")

    def _tag(self, held: str, at: int, *, final: bool) -> _Step | None:
        if found := _AUTOLINK.match(held, at):
            return _Step(found.end() - at, found.group(1))
        if found := _TAG.match(held, at):
            return _Step(found.end() - at, "\n" if found.group().lower().startswith(("<br", "</p", "</li")) else "")
        if not final and _TAG_MAYBE.match(held, at):
            return None
        return _Step(1, "<")

    def _emphasis(self, char: str, held: str, at: int, *, final: bool) -> _Step | None:
        length = _run_length(held, at)
        if length == _LONGEST_SPAN:
            return _Step(length, held[at : at + length])
        if at + length >= len(held) and not final:
            return None
        following = held[at + length] if at + length < len(held) else "\n"
        run = held[at : at + length]
        if char == "~" and length == 1:
            return _Step(1, run)
        inside_word = self._previous.isalnum() and following.isalnum()
        if inside_word and (char == "_" or (length == 1 and not self._open[char])):
            return _Step(length, run)
        if self._open[char] and not self._previous.isspace():
            self._open[char] -= 1
            return _Step(length, "")
        if not following.isspace() and (not self._previous.isalnum() or length > 1):
            self._open[char] += 1
            return _Step(length, "")
        return _Step(length, run)


def _run_length(text: str, at: int) -> int:
    """How often the character stands there; no more than ``_LONGEST_SPAN`` are counted."""
    end, most = at, min(len(text), at + _LONGEST_SPAN)
    while end < most and text[end] == text[at]:
        end += 1
    return end - at


def _strip_marks(text: str) -> str:
    return re.sub(r"[*`]|(?<!\w)_|_(?!\w)", "", text)


def _table_row(line: str) -> str:
    cells = [_strip_marks(cell).strip() for cell in line.strip().strip("|").split("|")]
    return ", ".join(cell for cell in cells if cell)


def speakable_text(markdown: str) -> str:
    """The speakable text of a whole reply."""
    keep = SpeakableFilter()
    return keep.push(markdown) + keep.flush()


def is_speakable(text: str) -> bool:
    """Whether there is anything in it to pronounce."""
    return any(char.isalnum() for char in text)


def spoken_form(chunk: str) -> str:
    """What a speech engine is given for a chunk of speakable text; empty when there is nothing to pronounce.

    Emoji and pictographs are left out, an address is named by its host, white space is one blank.
    """
    text = _URL.sub(_say_address, chunk) if "://" in chunk or "www." in chunk else chunk
    if not text.isascii():
        text = _EMOJI.sub(" ", text)
    text = _SPACES.sub(" ", text).strip()
    return text if is_speakable(text) else ""


def _say_address(found: re.Match[str]) -> str:
    tail = found.group(2)
    mark = tail[-1:] if tail[-1:] in (".", ",", "!", "?", ":", ";") else ""
    host = found.group(1)
    if not tail and host[-1:] in (".", ",", "!", "?", ":", ";"):
        host, mark = host[:-1], host[-1]
    return host.removeprefix("www.") + mark

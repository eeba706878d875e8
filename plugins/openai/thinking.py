"""What is mended in streamed text: reasoning between ``<think>`` and ``</think>``, and characters cut in halves."""

from __future__ import annotations

_OPEN, _CLOSE = "<think>", "</think>"


class ThinkSplitter:
    """Parts streamed text into reasoning and answer. Only a tag at the very start of the answer counts."""

    def __init__(self) -> None:
        self._state = "start"
        self._held = ""

    def feed(self, text: str) -> tuple[str, str]:
        """The reasoning and the answer in this piece; what may be half a tag is held back."""
        if self._state == "answer":
            return "", text
        if self._state == "answer begins":
            return self._begun("", text)
        self._held += text
        if self._state == "start":
            begun = self._held.lstrip()
            if _OPEN.startswith(begun[: len(_OPEN)]) and len(begun) < len(_OPEN):
                return "", ""
            if not begun.startswith(_OPEN):
                self._state = "answer"
                return "", self._take()
            self._state, self._held = "thinking", begun[len(_OPEN) :]
        thought, tag, answer = self._held.partition(_CLOSE)
        if tag:
            self._held = ""
            return self._begun(thought, answer)
        keep = next((size for size in range(len(_CLOSE) - 1, 0, -1) if self._held.endswith(_CLOSE[:size])), 0)
        thought, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
        return thought, ""

    def close(self) -> tuple[str, str]:
        """What was held back at the end of the stream."""
        held = self._take()
        return (held, "") if self._state == "thinking" else ("", held)

    def _begun(self, thought: str, answer: str) -> tuple[str, str]:
        """The answer without the line breaks that part it from the reasoning."""
        answer = answer.lstrip("\n")
        self._state = "answer" if answer else "answer begins"
        return thought, answer

    def _take(self) -> str:
        held, self._held = self._held, ""
        return held


class WholeCharacters:
    """Joins characters that were split between pieces: servers in JavaScript cut between the halves of an emoji."""

    def __init__(self) -> None:
        self._half = ""

    def feed(self, text: str) -> str:
        """The text up to its last whole character; a half that stands alone is replaced, the last one dropped."""
        text = self._half + text
        self._half = text[-1] if text and "\ud800" <= text[-1] <= "\udbff" else ""
        text = text.removesuffix(self._half)
        if text.isascii():
            return text
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

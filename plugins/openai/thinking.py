"""Reasoning that a model writes into its answer between ``<think>`` and ``</think>``, taken out while it streams."""

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
            self._state, self._held = "answer", ""
            return thought, answer.lstrip("\n")
        keep = next((size for size in range(len(_CLOSE) - 1, 0, -1) if self._held.endswith(_CLOSE[:size])), 0)
        thought, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
        return thought, ""

    def close(self) -> tuple[str, str]:
        """What was held back at the end of the stream."""
        held = self._take()
        return (held, "") if self._state == "thinking" else ("", held)

    def _take(self) -> str:
        held, self._held = self._held, ""
        return held

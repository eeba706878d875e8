"""The arguments of a tool call as a model writes them: JSON text, and not always right."""

from __future__ import annotations

from typing import Any, cast

import msgspec


class UnreadableArguments(dict[str, Any]):
    """Arguments that were not written as a JSON object. Whoever runs the call finds it empty.

    Attributes:
        written: What the model wrote.
        problem: What is wrong with it, for the model.
    """

    def __init__(self, written: str, problem: str) -> None:
        super().__init__()
        self.written = written
        self.problem = problem


def read_arguments(text: str) -> dict[str, Any]:
    """The arguments of a call; ``UnreadableArguments`` when the text is no JSON object."""
    text = text.strip()
    if not text:
        return {}
    try:
        decoded = msgspec.json.decode(text)
    except ValueError as error:  # msgspec's errors are of this kind, and those of halves of characters
        return UnreadableArguments(text, str(error))
    if decoded is None:
        return {}
    if not isinstance(decoded, dict):
        return UnreadableArguments(text, f"an object is expected, not {_kind(decoded)}")
    return cast("dict[str, Any]", decoded)


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case _:
            return "an array"

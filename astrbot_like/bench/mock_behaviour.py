"""How the mock upstream is to behave, written into the model's name: ``mock:tokens=200,rate=50,cut=20``."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import unquote

import msgspec

STAMP_MAGIC = 0x5AA5
_STAMP_SAMPLES = 8


class Behaviour(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One answer's behaviour. Everything is off by default: the whole answer at once, with no delay.

    Attributes:
        tokens: Tokens of the answer when ``reply`` gives none.
        reply: Text of the answer; it is streamed word by word.
        echo: Answer with what the last user message says.
        stamp: Let every token be ``<index>@<CLOCK_MONOTONIC in ns> ``, to measure how long it travels.
        sentence: A full stop after so many tokens (0: only at the end).
        delay: Seconds before the first token, or before any other answer.
        rate: Tokens a second, by an absolute schedule (0: as fast as they go).
        reasoning: Tokens of reasoning sent before the answer.
        tool: Name of a tool to call when the request offers it and its last message is no tool result.
        args: Arguments of the call, as JSON.
        calls: How many calls of that tool to make at once.
        error: HTTP status to fail with.
        retry_after: Value of that header in a failure ("": none).
        error_in_stream: Send an error object after so many tokens (-1: never).
        cut: Cut the connection after so many tokens (-1: never).
        hang: Fall silent for ever after so many tokens (-1: never).
        garbage: Send what is no JSON.
        drop: Close the connection instead of answering.
        transcript: What speech recognition hears.
        audio_ms: Milliseconds of speech for each text.
        audio_rate: Pace of speech, as a multiple of real time (0: as fast as it goes).
        dimensions: Length of embeddings.
    """

    tokens: int = 20
    reply: str = ""
    echo: bool = False
    stamp: bool = False
    sentence: int = 10
    delay: float = 0.0
    rate: float = 0.0
    reasoning: int = 0
    tool: str = ""
    args: str = "{}"
    calls: int = 1
    error: int = 0
    retry_after: str = ""
    error_in_stream: int = -1
    cut: int = -1
    hang: int = -1
    garbage: bool = False
    drop: bool = False
    transcript: str = "hello from the mock"
    audio_ms: int = 200
    audio_rate: float = 0.0
    dimensions: int = 8


def read_behaviour(model: str, base: Behaviour) -> Behaviour:
    """The behaviour that a model's name asks for.

    ``mock`` alone leaves ``base``; ``mock:{json}`` and ``mock:name=value,name=value`` change it. Values are
    percent-decoded.

    Raises:
        ValueError: A name is unknown or a value is of the wrong type.
    """
    _, _, told = model.partition(":")
    if not told:
        return base
    if told.startswith("{"):
        changes: dict[str, Any] = msgspec.json.decode(told.encode())
    else:
        pairs = (pair.partition("=") for pair in told.split(","))
        changes = {name: unquote(value) if sign else "1" for name, sign, value in pairs}
    try:
        return msgspec.convert({**msgspec.to_builtins(base), **changes}, Behaviour, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error


def answer_tokens(behaviour: Behaviour, said: str) -> list[str]:
    """The tokens of the answer; with ``stamp`` they are placeholders that ``stamped`` fills when they are sent."""
    text = f"You said: {said}" if behaviour.echo else behaviour.reply
    if text:
        words = text.split(" ")
        return [word + " " for word in words[:-1]] + words[-1:]
    tokens: list[str] = []
    for index in range(behaviour.tokens):
        last = index == behaviour.tokens - 1
        stop = "." if last or (behaviour.sentence and (index + 1) % behaviour.sentence == 0) else ""
        tokens.append(f"word{index}{stop}" + ("" if last else " "))
    return tokens


def stamped(index: int, token: str) -> str:
    """A token that tells its index and the moment it was sent."""
    stop = "." if token.rstrip().endswith(".") else ""
    return f"{index}@{time.monotonic_ns()}{stop} "


def stamped_pcm(text: str, milliseconds: int, sample_rate: int) -> bytes:
    """Speech whose samples tell where they come from: magic, a number made of the text, then a ramp.

    Samples 0 to 7 are the magic, the text's number in three samples of 15 bits, and the count of samples in two; each
    later sample is its own index modulo 8192, so that a lost, doubled or mixed stretch shows.
    """
    from array import array
    from zlib import crc32

    count = max(_STAMP_SAMPLES, sample_rate * milliseconds // 1000)
    number = crc32(text.encode())
    head = [
        STAMP_MAGIC & 0x7FFF, number & 0x7FFF, number >> 15 & 0x7FFF, number >> 30, count & 0x7FFF, count >> 15, 0, 0,
    ]  # fmt: skip
    return array("h", [*head, *(index % 8192 for index in range(_STAMP_SAMPLES, count))]).tobytes()

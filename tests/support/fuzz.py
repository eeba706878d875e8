"""Random and mutated frames, reproducible from a seed."""

from __future__ import annotations

import base64
import copy
import json
import random
from typing import Any

import msgspec

SEEDS: list[dict[str, Any]] = [
    {"t": "start_speaking", "stamp": "s"},
    {"t": "speaking_part", "data": base64.b64encode(bytes(640)).decode()},
    {"t": "end_speaking", "stamp": "s"},
    {"t": "text_input", "text": "hi"},
    {"t": "text_input", "message": [{"type": "plain", "text": "hi"}, {"type": "image", "attachment_id": "nothing"}]},
    {"t": "interrupt"},
    {"t": "playback", "data": {"played_ms": 5}},
    {"t": "session_update", "data": {"barge_in": True, "partial_transcripts": True}},
    {"t": "session_update", "data": {"turn_detection": "server"}},
    {"t": "session_update", "data": {"turn_detection": "client", "session_id": "s"}},
    {"ct": "chat", "t": "bind", "session_id": "s", "after": 0},
    {"ct": "chat", "t": "send", "message": [{"type": "plain", "text": "hi"}], "message_id": "m", "session_id": "s"},
    {"ct": "chat", "t": "send", "message": [{"type": "plain", "text": "hi"}], "enable_streaming": False},
    {"ct": "chat", "t": "interrupt", "message_id": "m"},
    {"ct": "chat", "t": "ping"},
    {"t": "send", "message": "hi", "username": "ann"},
]

ODD: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        -1,
        1e308,
        2**70,
        "",
        " ",
        "\0",
        "\ud83d\ude00" * 50,
        "x" * 5000,
        [],
        {},
        [[[]]],
        {"a": {}},
    ),
    *("../../etc/passwd", "'; drop table messages; --", "<script>", "%s%n", "s", ["s"], {"type": "plain"}),
]


LARGE = 200_000
"""Characters of a large frame, which is within the limit of a frame."""
DEEP = 20_000
"""Levels of a deep one."""
SEEDS_ENCODED = [json.dumps(seed) for seed in SEEDS]


class Fatal(msgspec.Struct, frozen=True):
    """A frame after which a connection must be closed, and with which code."""

    data: bytes
    code: int


class Fuzzer:
    """Makes frames."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._large = 0

    def frame(self) -> str | bytes:
        """The next frame: valid, wrong in a field, deep, large, or no JSON at all."""
        choice = self.random.random()
        if choice < 0.04:
            return self.random.randbytes(self.random.randrange(200))
        if choice < 0.25:
            return self.random.choice(SEEDS_ENCODED)
        if choice < 0.74:
            return json.dumps(self._mutated(json.loads(self.random.choice(SEEDS_ENCODED))))
        if choice < 0.745:
            return self._deep()
        if choice < 0.746:
            return self._heavy()
        return self._torn(self.random.choice(SEEDS_ENCODED))

    def fatal(self, limit: int) -> Fatal:
        """A text frame that can't be read: no UTF-8, or larger than ``limit`` bytes."""
        self._large += 1
        if self._large % 50 == 0:
            return Fatal(b'{"t":"ping","x":"' + b"x" * limit + b'"}', 1009)
        seed = self.random.choice(SEEDS_ENCODED).encode()
        at = self.random.randrange(len(seed))
        return Fatal(seed[:at] + self.random.choice([b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\xf8"]) + seed[at:], 1007)

    def junk(self) -> bytes:
        """Bytes for a connection that are hardly a frame of RFC 6455."""
        return self.random.randbytes(self.random.randrange(1, 300))

    def _deep(self) -> str:
        depth = self.random.randrange(DEEP)
        match self.random.randrange(3):
            case 0:
                return "[" * depth + "]" * depth
            case 1:
                return '{"t":' * depth + "1" + "}" * depth
            case _:
                return '{"t":"session_update","data":' + "[" * depth + "]" * depth + "}"

    def _heavy(self) -> str:
        text = "x" * self.random.randrange(LARGE)
        match self.random.randrange(3):
            case 0:
                return json.dumps({"t": "text_input", "text": text})
            case 1:
                return json.dumps({"t": "speaking_part", "data": text})
            case _:
                return json.dumps({"t": "ping", **{f"k{n}": n for n in range(len(text) // 20)}})

    def _odd(self) -> Any:
        return copy.deepcopy(self.random.choice(ODD))

    def _mutated(self, frame: dict[str, Any]) -> Any:
        for _ in range(self.random.randrange(1, 4)):
            names = list(frame) or ["t"]
            name = self.random.choice(names)
            kind = self.random.randrange(5)
            if kind == 0:
                frame.pop(name, None)
            elif kind == 1:
                frame[name] = self._odd()
            elif kind == 2:
                frame[str(self._odd())[:20]] = self._odd()
            elif kind == 3 and isinstance(frame.get(name), dict | list):
                inner = frame[name]
                if isinstance(inner, list):
                    inner.append(self._odd())
                else:
                    inner[self.random.choice(["text", "voice", "played_ms", "x"])] = self._odd()
            else:
                frame["t"] = self.random.choice(SEEDS)["t"]
        return frame if self.random.random() < 0.95 else [frame]

    def _torn(self, text: str) -> str:
        at = self.random.randrange(len(text) + 1)
        match self.random.randrange(4):
            case 0:
                return text[:at]
            case 1:
                return text[:at] + chr(self.random.randrange(1, 0xD7FF)) + text[at:]
            case 2:
                return text[at:] + text[:at]
            case _:
                return text.replace('"', self.random.choice(["'", "", '\\"']))

"""Random and mutated frames, reproducible from a seed."""

from __future__ import annotations

import base64
import copy
import json
import random
from typing import Any

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


class Fuzzer:
    """Makes frames."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def frame(self) -> str | bytes:
        """The next frame: valid, wrong in a field, or no JSON at all."""
        choice = self._random.random()
        if choice < 0.04:
            return self._random.randbytes(self._random.randrange(200))
        if choice < 0.25:
            return json.dumps(self._random.choice(SEEDS))
        if choice < 0.75:
            return json.dumps(self._mutated(json.loads(json.dumps(self._random.choice(SEEDS)))))
        return self._torn(json.dumps(self._random.choice(SEEDS)))

    def _odd(self) -> Any:
        return copy.deepcopy(self._random.choice(ODD))

    def _mutated(self, frame: dict[str, Any]) -> Any:
        for _ in range(self._random.randrange(1, 4)):
            names = list(frame) or ["t"]
            name = self._random.choice(names)
            kind = self._random.randrange(5)
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
                    inner[self._random.choice(["text", "voice", "played_ms", "x"])] = self._odd()
            else:
                frame["t"] = self._random.choice(SEEDS)["t"]
        return frame if self._random.random() < 0.95 else [frame]

    def _torn(self, text: str) -> str:
        at = self._random.randrange(len(text) + 1)
        match self._random.randrange(4):
            case 0:
                return text[:at]
            case 1:
                return text[:at] + chr(self._random.randrange(1, 0xD7FF)) + text[at:]
            case 2:
                return text[at:] + text[:at]
            case _:
                return text.replace('"', self._random.choice(["'", "", '\\"']))

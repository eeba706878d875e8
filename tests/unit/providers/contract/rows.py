"""The rows of the table in ``docs/providers.md``: every bundled provider type, and what it cannot have.

A cell is filled by the tests that are marked ``exercises(type, ability)``: those of the contract suite for services,
those of the engines themselves for what runs on this machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ABILITIES = ("text", "stream", "tools", "images", "cancel", "error mapping", "test button", "listing")

OF_A_KIND: dict[str, tuple[str, ...]] = {
    "chat": ABILITIES,
    "recognition": ("text", "stream", "cancel", "error mapping", "test button"),
    "speech": ("text", "stream", "cancel", "error mapping", "test button", "listing"),
    "embedding": ("text", "cancel", "error mapping", "test button", "listing"),
}
"""What a provider of that kind can have at all."""

STAND_IN = "a stand-in of the service"


@dataclass(frozen=True)
class Row:
    """One provider type.

    Attributes:
        kind: Key of ``OF_A_KIND``.
        against: What it was exercised against.
        lacks: Abilities that the service or engine does not have, and why.
    """

    kind: str
    against: str = STAND_IN
    lacks: Mapping[str, str] = field(default_factory=dict)


_OWN_MODEL = "the real engine, a small model made by the test"
_WHOLE_FILES = "its interface takes whole recordings"
_NO_LIST = "its interface lists no voices"
ROWS: dict[str, Row] = {
    "offline_assistant": Row(
        "chat",
        "itself",
        {
            "images": "template sentences see no pictures",
            "cancel": "an answer is there at once",
            "error mapping": "nothing it depends on can fail",
        },
    ),
    "openai_chat_completion": Row("chat", "the mock upstream"),
    "openai_responses": Row("chat", "the mock upstream"),
    "anthropic_chat_completion": Row("chat"),
    "googlegenai_chat_completion": Row("chat"),
    "pocketsphinx_stt": Row("recognition", "the real engine"),
    "openai_whisper_api": Row("recognition", lacks={"stream": _WHOLE_FILES}),
    "azure_stt": Row("recognition"),
    "dashscope_stt": Row("recognition"),
    "elevenlabs_stt_api": Row("recognition"),
    "volcengine_stt": Row("recognition"),
    "faster_whisper": Row("recognition", _OWN_MODEL, {"stream": _WHOLE_FILES}),
    "sherpa_onnx_stt": Row("recognition", _OWN_MODEL),
    "espeak_tts": Row("speech", "the real engine"),
    "openai_tts_api": Row("speech"),
    "elevenlabs_tts_api": Row("speech"),
    "azure_tts": Row("speech"),
    "gsv_tts_selfhost": Row("speech", lacks={"listing": "a voice is a recording on the server"}),
    "dashscope_tts": Row("speech", lacks={"listing": _NO_LIST}),
    "volcengine_tts": Row("speech", lacks={"listing": _NO_LIST}),
    "edge_tts": Row("speech", "the real library, a stand-in of the service"),
    "piper_tts": Row("speech", _OWN_MODEL, {"listing": "a voice is a file"}),
    "openai_embedding": Row("embedding"),
    "gemini_embedding": Row("embedding"),
}

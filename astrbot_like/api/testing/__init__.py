"""To test plugins without a server: fake providers, events that keep what is sent, services in memory."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from astrbot_like.api.testing.contract import (
    ContractBroken,
    check_chat_provider,
    check_embedding_provider,
    check_rerank_provider,
    check_stt_provider,
    check_tts_provider,
)
from astrbot_like.api.testing.events import TEST_PLATFORM, FakeEvent, make_event, make_message
from astrbot_like.api.testing.providers import (
    Answer,
    FakeChatProvider,
    FakeEmbeddingProvider,
    FakeRerankProvider,
    FakeStreamingSTTProvider,
    FakeSTTProvider,
    FakeSTTStream,
    FakeTTSProvider,
    ToolRequest,
    silent_wav,
)
from astrbot_like.api.testing.services import FakeHost, fake_services

if TYPE_CHECKING:
    from astrbot_like.api.testing.tester import PluginFailed, PluginTester, Reply

__all__ = [
    "TEST_PLATFORM",
    "Answer",
    "ContractBroken",
    "FakeChatProvider",
    "FakeEmbeddingProvider",
    "FakeEvent",
    "FakeHost",
    "FakeRerankProvider",
    "FakeSTTProvider",
    "FakeSTTStream",
    "FakeStreamingSTTProvider",
    "FakeTTSProvider",
    "PluginFailed",
    "PluginTester",
    "Reply",
    "ToolRequest",
    "check_chat_provider",
    "check_embedding_provider",
    "check_rerank_provider",
    "check_stt_provider",
    "check_tts_provider",
    "fake_services",
    "make_event",
    "make_message",
    "silent_wav",
]


def __getattr__(name: str) -> Any:
    # The tester stands on the engine and the plugin host; fakes alone must not load them.
    if name in ("PluginFailed", "PluginTester", "Reply"):
        return getattr(importlib.import_module("astrbot_like.api.testing.tester"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""To test plugins without a server: fake providers, events that keep what is sent, services in memory."""

from __future__ import annotations

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

__all__ = [
    "TEST_PLATFORM",
    "Answer",
    "FakeChatProvider",
    "FakeEmbeddingProvider",
    "FakeEvent",
    "FakeHost",
    "FakeRerankProvider",
    "FakeSTTProvider",
    "FakeSTTStream",
    "FakeStreamingSTTProvider",
    "FakeTTSProvider",
    "ToolRequest",
    "fake_services",
    "make_event",
    "make_message",
    "silent_wav",
]

"""The checks for authors of providers pass what is right and name what is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from astrbot_like.api.current import bind_host
from astrbot_like.api.provider import LLMResponse, RerankResult
from astrbot_like.api.testing import (
    ContractBroken,
    FakeChatProvider,
    FakeEmbeddingProvider,
    FakeHost,
    FakeRerankProvider,
    FakeStreamingSTTProvider,
    FakeSTTProvider,
    FakeTTSProvider,
    check_chat_provider,
    check_embedding_provider,
    check_rerank_provider,
    check_stt_provider,
    check_tts_provider,
    contract,
)


@pytest.fixture(autouse=True)
def host(tmp_path: Path) -> Iterator[None]:
    with bind_host(FakeHost(tmp_path)):
        yield


async def test_the_fakes_keep_the_contract() -> None:
    assert (await check_chat_provider(FakeChatProvider("hello you"))).completion_text == "hello you"
    assert await check_stt_provider(FakeSTTProvider("x")) == "x"
    assert await check_stt_provider(FakeStreamingSTTProvider("x y")) == "x y"
    assert (await check_tts_provider(FakeTTSProvider())).is_file()
    assert (await check_tts_provider(FakeTTSProvider(stream=False))).is_file()
    await check_embedding_provider(FakeEmbeddingProvider())
    await check_rerank_provider(FakeRerankProvider())


class NoEnd(FakeChatProvider):
    async def text_chat_stream(self, *args: Any, **kwargs: Any) -> Any:
        yield LLMResponse("assistant", "a", is_chunk=True)

    async def text_chat(self, *args: Any, **kwargs: Any) -> LLMResponse:
        return LLMResponse("assistant", "a")


class OtherText(FakeChatProvider):
    async def text_chat_stream(self, *args: Any, **kwargs: Any) -> Any:
        yield LLMResponse("assistant", "a", is_chunk=True)
        yield LLMResponse("assistant", "b")


class Deaf(FakeChatProvider):
    """Swallows cancellation."""

    async def text_chat(self, *args: Any, **kwargs: Any) -> LLMResponse:
        for _ in range(3):
            try:
                await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                await asyncio.sleep(1)
        return LLMResponse("assistant", "late")


class Silent(FakeTTSProvider):
    async def get_audio_stream(self, text_queue: Any, audio_queue: Any) -> None:
        await audio_queue.put(b"")


class WrongLength(FakeEmbeddingProvider):
    def get_dim(self) -> int:
        return 3


class WorstFirst(FakeRerankProvider):
    async def rerank(self, query: str, documents: list[str], top_n: int | None = None) -> list[RerankResult]:
        return [RerankResult(0, 0.1), RerankResult(1, 0.9)]


BROKEN: list[tuple[Any, Any, str]] = [
    (check_chat_provider, NoEnd(), "must end with one whole response"),
    (check_chat_provider, OtherText(), "do not add up"),
    (check_chat_provider, FakeChatProvider(""), "neither text nor tool calls"),
    (check_chat_provider, Deaf("x"), "after it was cancelled"),
    (check_tts_provider, Silent(), "must put None at the end"),
    (check_embedding_provider, WrongLength(), "get_dim"),
    (check_rerank_provider, WorstFirst(), "best first"),
    (check_chat_provider, FakeChatProvider("x", provider_id=""), "meta"),
]


@pytest.mark.parametrize(("check", "provider", "message"), BROKEN, ids=lambda value: type(value).__name__)
async def test_what_is_wrong_is_named(check: Any, provider: Any, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contract, "CANCEL_PATIENCE", 0.2)
    with pytest.raises(ContractBroken, match=message):
        await check(provider)

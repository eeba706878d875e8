"""Provider base classes and registration."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from astrbot_like.api.current import bind_host
from astrbot_like.api.provider import (
    LLMResponse,
    Provider,
    ProviderType,
    RerankProvider,
    STTProvider,
    TTSProvider,
    register_provider_adapter,
)
from astrbot_like.api.provider.register import provider_cls_map, provider_registry
from astrbot_like.api.registration import collecting
from astrbot_like.api.speech import SpeechOptions, current_speech_options, speech_options
from astrbot_like.api.testing import (
    Answer,
    FakeChatProvider,
    FakeEmbeddingProvider,
    FakeHost,
    FakeRerankProvider,
    FakeStreamingSTTProvider,
    FakeSTTProvider,
    FakeTTSProvider,
    ToolRequest,
)
from tests.support.virtual_time import run_virtual


class Minimal(Provider):
    """The least a chat provider must define."""

    def get_current_key(self) -> str:
        return ""

    def set_key(self, key: str) -> None: ...

    async def get_models(self) -> list[str]:
        return ["m"]

    async def text_chat(self, *args: Any, **kwargs: Any) -> LLMResponse:
        return LLMResponse("assistant", "pong")


async def test_minimal_provider() -> None:
    provider = Minimal({"id": "i", "type": "t", "key": ["a", "b"], "provider_type": "chat_completion"}, {"s": 1})
    provider.set_model("m")
    meta = provider.meta()
    assert (meta.id, meta.model, meta.type, meta.provider_type) == ("i", "m", "t", ProviderType.CHAT_COMPLETION)
    assert provider.provider_settings == {"s": 1}
    assert provider.get_keys() == ["a", "b"]
    assert Minimal({}, {}).get_keys() == [""]
    await provider.test()
    with pytest.raises(NotImplementedError):
        async for _ in provider.text_chat_stream(prompt="x"):
            pass


def test_abstract_classes_can_not_be_made() -> None:
    for cls in (Provider, STTProvider, TTSProvider, RerankProvider):
        with pytest.raises(TypeError):
            cls({}, {})  # type: ignore[abstract]


async def test_self_test_fails_with_the_models_error() -> None:
    class Failing(Minimal):
        async def text_chat(self, *args: Any, **kwargs: Any) -> LLMResponse:
            return LLMResponse("err", "no credit")

    with pytest.raises(RuntimeError, match="no credit"):
        await Failing({}, {}).test()


async def test_pop_record_keeps_the_system_message() -> None:
    context = [{"role": "system"}, {"role": "user"}, {"role": "assistant"}, {"role": "user", "n": 2}]
    await Minimal({}, {}).pop_record(context)
    assert context == [{"role": "system"}, {"role": "user", "n": 2}]


async def test_default_speech_stream_speaks_once(tmp_path: Path) -> None:
    with bind_host(FakeHost(tmp_path)):
        provider = FakeTTSProvider(stream=False)
        texts: asyncio.Queue[Any] = asyncio.Queue()
        audio: asyncio.Queue[Any] = asyncio.Queue()
        for piece in ("a", "b", None):
            texts.put_nowait(piece)
        await provider.get_audio_stream(texts, audio)
        spoken, wav = audio.get_nowait()
        assert spoken == "ab"
        assert wav[:4] == b"RIFF"
        assert audio.get_nowait() is None
        assert provider.spoken == ["ab"]


async def test_failed_speech_still_ends_the_stream(tmp_path: Path) -> None:
    with bind_host(FakeHost(tmp_path)):
        texts: asyncio.Queue[Any] = asyncio.Queue()
        audio: asyncio.Queue[Any] = asyncio.Queue()
        texts.put_nowait("a")
        texts.put_nowait(None)
        with pytest.raises(OSError, match="gone"):
            await FakeTTSProvider(stream=False, fail=OSError("gone")).get_audio_stream(texts, audio)
        assert audio.get_nowait() is None


async def test_recogniser_self_test(tmp_path: Path) -> None:
    with bind_host(FakeHost(tmp_path)):
        provider = FakeSTTProvider("x")
        await provider.test()
        assert provider.heard[0] > 16_000
        assert list((tmp_path / "data" / "temp").iterdir()) == []


def test_batches_keep_their_order_and_are_tried_again() -> None:
    run_virtual(_batches())


async def _batches() -> None:
    class Flaky(FakeEmbeddingProvider):
        failures = 2

        async def get_embeddings(self, text: list[str]) -> list[list[float]]:
            await asyncio.sleep(0 if "w1" in text else 0.01)
            if self.failures and "w9" in text:
                self.failures -= 1
                raise OSError("busy")
            return await super().get_embeddings(text)

    provider = Flaky()
    seen: list[tuple[int, int]] = []
    texts = [f"w{index}" for index in range(20)]
    vectors = await provider.get_embeddings_batch(texts, batch_size=3, progress_callback=lambda *at: seen.append(at))  # type: ignore[arg-type,func-returns-value]
    assert vectors == [await provider.get_embedding(text) for text in texts]
    assert seen[-1] == (20, 20)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


async def test_reranking() -> None:
    results = await FakeRerankProvider().rerank("red apple", ["a pear", "red apple pie", "apple"], top_n=2)
    assert [result.index for result in results] == [1, 2]
    await FakeRerankProvider().test()


def test_registration(tmp_path: Path) -> None:
    template: dict[str, Any] = {"key": ""}
    host = FakeHost(tmp_path)
    with bind_host(host), collecting() as collector:

        @register_provider_adapter("mine", "d", ProviderType.TEXT_TO_SPEECH, template, "Mine")
        class Mine(FakeTTSProvider): ...

        assert provider_cls_map["mine"].cls_type is Mine
        assert [one.type for one in provider_registry] == ["mine"]
        with pytest.raises(ValueError, match="mine"):
            register_provider_adapter("mine", "again")(Mine)
        provider_registry.remove(provider_registry[0])
        assert "mine" not in provider_cls_map
        register_provider_adapter("mine", "again")(Mine)
        del provider_cls_map["mine"]
        assert len(provider_registry) == 0
    first = collector.providers[0]
    assert (first.cls, first.meta.desc, first.meta.provider_display_name) == (Mine, "d", "Mine")
    assert template == {"key": "", "type": "mine", "enable": False, "id": "mine"}


async def test_fake_chat_follows_its_script() -> None:
    provider = FakeChatProvider("a b", Answer(tools=[ToolRequest("t", {"x": 1})]), lambda call: call["prompt"])
    pieces = [response async for response in provider.text_chat_stream(prompt="p")]
    assert [response.completion_text for response in pieces] == ["a", " b", "a b"]
    assert [response.is_chunk for response in pieces] == [True, True, False]
    wanted = await provider.text_chat(prompt="q")
    assert (wanted.role, wanted.tools_call_name, wanted.tools_call_args) == ("tool", ["t"], [{"x": 1}])
    assert (await provider.text_chat(prompt="echo")).completion_text == "echo"
    assert [call["prompt"] for call in provider.calls] == ["p", "q", "echo"]


async def test_fake_chat_fails_half_way_and_notes_cancellation() -> None:
    provider = FakeChatProvider(Answer("a b c", fail=OSError("cut"), fail_after=2), Answer(hang=True))
    seen = []
    with pytest.raises(OSError, match="cut"):
        async for response in provider.text_chat_stream(prompt="x"):
            seen.append(response.completion_text)  # noqa: PERF401
    assert seen == ["a", " b"]
    task = asyncio.create_task(provider.text_chat(prompt="x"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert provider.cancelled == 1


async def test_fake_streaming_recogniser() -> None:
    provider = FakeStreamingSTTProvider("what time is it")
    partials: list[str] = []
    stream = provider.open_stream(on_partial=partials.append)
    stream.push(bytes(640))
    stream.push(bytes(640))
    assert await stream.finish() == "what time is it"
    await stream.abort()
    assert partials == ["what", "what time"]
    assert provider.streams[0].ended == "finished"


def test_speech_options_hold_in_their_block() -> None:
    assert current_speech_options() == SpeechOptions()
    with speech_options(SpeechOptions(voice="v", rate=1.5)):
        assert current_speech_options().voice == "v"
    assert current_speech_options().voice is None

"""Base classes of providers. The host builds them as ``cls(provider_config, provider_settings)``."""

from __future__ import annotations

import abc
import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any, Literal, TypeAlias

from astrbot_like.api.provider.entities import LLMResponse, ProviderMeta, ProviderType, RerankResult, ToolCallsResult
from astrbot_like.api.tools import ToolSet

TEST_DEADLINE = 45.0
"""Seconds a provider's self-test may take."""


class AbstractProvider(abc.ABC):  # noqa: B024 - its kinds add the abstract methods
    """What all providers share.

    Attributes:
        provider_config: The instance's configuration: ``id``, ``type``, ``enable``, ``provider_type``, ``key`` …
        provider_settings: Settings common to all providers of the kind.
        model_name: Model in use.
    """

    kind: ProviderType = ProviderType.CHAT_COMPLETION

    def __init__(self, provider_config: dict[str, Any], provider_settings: dict[str, Any] | None = None) -> None:
        self.provider_config = provider_config
        self.provider_settings = provider_settings if provider_settings is not None else {}
        self.model_name = ""

    def set_model(self, model_name: str) -> None:
        """Choose the model."""
        self.model_name = model_name

    def get_model(self) -> str:
        """The model in use."""
        return self.model_name

    def meta(self) -> ProviderMeta:
        """What this instance is."""
        return ProviderMeta(
            id=str(self.provider_config.get("id", "")),
            model=self.get_model(),
            type=str(self.provider_config.get("type", "")),
            provider_type=_kind_of(self.provider_config, self.kind),
        )

    async def test(self) -> None:  # noqa: B027 - optional
        """Check that the provider works.

        Raises:
            Exception: It does not; the text says why.
        """


def _kind_of(config: dict[str, Any], fallback: ProviderType) -> ProviderType:
    try:
        return ProviderType(config.get("provider_type"))
    except ValueError:
        return fallback


class Provider(AbstractProvider):
    """A chat model."""

    @abc.abstractmethod
    def get_current_key(self) -> str:
        """The API key in use."""
        raise NotImplementedError

    def get_keys(self) -> list[str]:
        """All configured API keys; ``[""]`` when there is none."""
        keys = self.provider_config.get("key") or [""]
        return [keys] if isinstance(keys, str) else list(keys)

    @abc.abstractmethod
    def set_key(self, key: str) -> None:
        """Use another API key."""
        raise NotImplementedError

    @abc.abstractmethod
    async def get_models(self) -> list[str]:
        """Names of the models the service offers."""
        raise NotImplementedError

    @abc.abstractmethod
    async def text_chat(
        self,
        prompt: str | None = None,
        session_id: str | None = None,
        image_urls: list[str] | None = None,
        audio_urls: list[str] | None = None,
        func_tool: ToolSet | None = None,
        contexts: list[Any] | None = None,
        system_prompt: str | None = None,
        tool_calls_result: ToolCallsResult | list[ToolCallsResult] | None = None,
        model: str | None = None,
        extra_user_content_parts: list[Any] | None = None,
        tool_choice: Literal["auto", "required"] = "auto",
        request_max_retries: int | None = None,
        **kwargs: Any,
    ) -> LLMResponse:
        """One whole answer of the model.

        Args:
            prompt: What the user says; None when ``contexts`` end with it.
            image_urls, audio_urls: URLs, paths or ``base64://`` that go with the prompt.
            func_tool: Tools the model may call.
            contexts: Earlier messages in OpenAI's form.
            tool_calls_result: Tool calls already answered.
            model: Another model than the one in use.
            tool_choice: ``required`` makes the model call a tool.
            request_max_retries: How often a failed request is sent again.
        """
        raise NotImplementedError

    async def text_chat_stream(
        self,
        prompt: str | None = None,
        session_id: str | None = None,
        image_urls: list[str] | None = None,
        audio_urls: list[str] | None = None,
        func_tool: ToolSet | None = None,
        contexts: list[Any] | None = None,
        system_prompt: str | None = None,
        tool_calls_result: ToolCallsResult | list[ToolCallsResult] | None = None,
        model: str | None = None,
        tool_choice: Literal["auto", "required"] = "auto",
        request_max_retries: int | None = None,
        extra_user_content_parts: list[Any] | None = None,
        **kwargs: Any,
    ) -> AsyncGenerator[LLMResponse, None]:
        """The answer as it is made: responses with ``is_chunk`` set, then one whole response.

        Raises:
            NotImplementedError: The provider does not stream; callers use ``text_chat``.
        """
        raise NotImplementedError(f"{self.__class__.__name__} does not stream.")
        yield LLMResponse("err")  # makes this function a generator

    async def pop_record(self, context: list[Any]) -> None:
        """Take the oldest exchange out of ``context``; a leading system message stays."""
        others = [index for index, message in enumerate(context) if _role(message) != "system"]
        for index in reversed(others[:2]):
            del context[index]

    async def test(self, timeout: float = TEST_DEADLINE) -> None:
        """Ask the model for one word.

        Raises:
            Exception: The model did not answer.
        """
        async with asyncio.timeout(timeout):
            response = await self.text_chat(prompt="REPLY `PONG` ONLY")
        if response.role == "err":
            raise RuntimeError(response.completion_text or "the model answered with an error")


def _role(message: Any) -> str:
    return str(message.get("role") if isinstance(message, dict) else getattr(message, "role", ""))


class STTProvider(AbstractProvider):
    """A speech recogniser."""

    kind = ProviderType.SPEECH_TO_TEXT

    @abc.abstractmethod
    async def get_text(self, audio_url: str) -> str:
        """The words spoken in a file.

        Args:
            audio_url: Path or URL of the audio.
        """
        raise NotImplementedError

    async def test(self) -> None:
        """Recognise half a second of silence.

        Raises:
            Exception: The recogniser failed.
        """
        path = await asyncio.to_thread(_silence)
        try:
            async with asyncio.timeout(TEST_DEADLINE):
                await self.get_text(str(path))
        finally:
            await asyncio.to_thread(path.unlink, missing_ok=True)


def _silence() -> Path:
    import wave

    from astrbot_like.api.media import temp_file

    path = temp_file("silence", ".wav")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(16_000))
    return path


TextQueue: TypeAlias = "asyncio.Queue[str | None]"
AudioQueue: TypeAlias = "asyncio.Queue[bytes | tuple[str, bytes] | None]"


class TTSProvider(AbstractProvider):
    """A speech synthesiser."""

    kind = ProviderType.TEXT_TO_SPEECH

    def support_stream(self) -> bool:
        """Whether ``get_audio_stream`` gives audio before the text has ended."""
        return False

    @abc.abstractmethod
    async def get_audio(self, text: str) -> str:
        """Speak ``text``; returns the path of an audio file."""
        raise NotImplementedError

    async def get_audio_stream(self, text_queue: TextQueue, audio_queue: AudioQueue) -> None:
        """Speak pieces of text as they come, until None comes; then put None.

        Args:
            text_queue: Pieces of text, then None.
            audio_queue: Takes WAV bytes, or ``(text, WAV bytes)``; finally None.

        The default waits for the whole text and calls ``get_audio`` once.
        """
        pieces: list[str] = []
        while (piece := await text_queue.get()) is not None:
            pieces.append(piece)
        spoken = "".join(pieces)
        try:
            if spoken.strip():
                path = Path(await self.get_audio(spoken))
                await audio_queue.put((spoken, await asyncio.to_thread(path.read_bytes)))
        finally:
            await audio_queue.put(None)

    async def test(self) -> None:
        """Speak one word.

        Raises:
            Exception: The synthesiser failed.
        """
        async with asyncio.timeout(TEST_DEADLINE):
            await self.get_audio("hi")


ProgressCallback: TypeAlias = Callable[[int, int], Awaitable[None] | None]


class EmbeddingProvider(AbstractProvider):
    """A model that turns text into vectors."""

    kind = ProviderType.EMBEDDING

    @abc.abstractmethod
    async def get_embedding(self, text: str) -> list[float]:
        """The vector of one text."""
        raise NotImplementedError

    @abc.abstractmethod
    async def get_embeddings(self, text: list[str]) -> list[list[float]]:
        """The vectors of several texts."""
        raise NotImplementedError

    @abc.abstractmethod
    def get_dim(self) -> int:
        """Length of the vectors."""
        raise NotImplementedError

    async def get_embeddings_batch(
        self,
        texts: list[str],
        batch_size: int = 16,
        tasks_limit: int = 3,
        max_retries: int = 3,
        progress_callback: ProgressCallback | None = None,
    ) -> list[list[float]]:
        """The vectors of many texts, some batches at a time, in the order of the texts.

        Args:
            batch_size: Texts in one request.
            tasks_limit: Requests at a time.
            max_retries: Tries for one batch.
            progress_callback: Called with (texts done, texts in all).

        Raises:
            Exception: A batch failed ``max_retries`` times.
        """
        gate = asyncio.Semaphore(tasks_limit)
        batches = [texts[start : start + batch_size] for start in range(0, len(texts), batch_size)]
        done = 0

        async def embed(batch: list[str]) -> list[list[float]]:
            nonlocal done
            async with gate:
                vectors = await self._embed_batch(batch, max_retries)
            done += len(batch)
            if progress_callback is not None:
                outcome = progress_callback(done, len(texts))
                if outcome is not None:
                    await outcome
            return vectors

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(embed(batch)) for batch in batches]
        return [vector for task in tasks for vector in task.result()]

    async def _embed_batch(self, batch: list[str], max_retries: int) -> list[list[float]]:
        for attempt in range(1, max_retries):
            try:
                return await self.get_embeddings(batch)
            except Exception:  # noqa: BLE001 - whatever a service raises: tried again, the last try raises
                await asyncio.sleep(2 ** (attempt - 1))
        return await self.get_embeddings(batch)

    async def test(self) -> None:
        """Embed one text.

        Raises:
            Exception: The model failed.
        """
        async with asyncio.timeout(TEST_DEADLINE):
            await self.get_embedding("astrbot")


class RerankProvider(AbstractProvider):
    """A model that orders documents by how well they fit a question."""

    kind = ProviderType.RERANK

    @abc.abstractmethod
    async def rerank(self, query: str, documents: list[str], top_n: int | None = None) -> list[RerankResult]:
        """The documents' scores, best first.

        Args:
            top_n: How many results; None: all.
        """
        raise NotImplementedError

    async def test(self) -> None:
        """Rank one document.

        Raises:
            Exception: The model failed.
        """
        async with asyncio.timeout(TEST_DEADLINE):
            if not await self.rerank("Apple", ["apple", "banana"]):
                raise RuntimeError("the reranker gave no result")


Providers: TypeAlias = Provider | STTProvider | TTSProvider | EmbeddingProvider | RerankProvider

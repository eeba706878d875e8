"""AstrBot's own provider classes, for plugins that derive from them.

Here each type is a plugin of its own, so these classes do their work through the class that is registered for the type
when they are used. What a plugin overrides of the public interface counts; AstrBot's private methods are not there.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, ClassVar, TypeVar

from astrbot_like.api.current import current_host
from astrbot_like.api.exceptions import ProviderNotFoundError
from astrbot_like.api.provider.base import (
    AbstractProvider,
    AudioQueue,
    EmbeddingProvider,
    Provider,
    STTProvider,
    TextQueue,
    TTSProvider,
)
from astrbot_like.api.provider.entities import LLMResponse

T = TypeVar("T")


class _Through(AbstractProvider):
    """Works through an instance of the class that the host has for ``house_type``."""

    house_type: ClassVar[str] = ""
    _working: Any = None

    @property
    def working(self) -> Any:
        """The instance that does the work, made from this one's configuration when it is first needed.

        Raises:
            ProviderNotFoundError: No running plugin offers the type.
        """
        if self._working is None:
            known = current_host(type(self).__module__).provider_types.get(self.house_type)
            if known is None or known.cls_type is None:
                raise ProviderNotFoundError(f"No plugin that is switched on offers providers of {self.house_type}.")
            config = {**self.provider_config, "type": self.house_type}
            self._working = known.cls_type(config, self.provider_settings)
        return self._working

    def set_model(self, model_name: str) -> None:
        """Choose the model."""
        super().set_model(model_name)
        self.working.set_model(model_name)

    async def initialize(self) -> None:
        """Prepare what does the work."""
        if (prepare := getattr(self.working, "initialize", None)) is not None:
            await prepare()

    async def terminate(self) -> None:
        """End what does the work."""
        if self._working is not None and (end := getattr(self._working, "terminate", None)) is not None:
            await end()


class SourceChat(_Through, Provider):
    """A chat model."""

    def get_current_key(self) -> str:
        """The key in use."""
        return self.working.get_current_key()

    def set_key(self, key: str) -> None:
        """Use another key."""
        self.working.set_key(key)

    async def get_models(self) -> list[str]:
        """Names of the service's models."""
        return await self.working.get_models()

    async def text_chat(self, *args: Any, **options: Any) -> LLMResponse:
        """Ask the model; see ``Provider.text_chat``."""
        return await self.working.text_chat(*args, **options)

    async def text_chat_stream(self, *args: Any, **options: Any) -> AsyncGenerator[LLMResponse, None]:
        """Ask the model; see ``Provider.text_chat_stream``."""
        async for response in self.working.text_chat_stream(*args, **options):
            yield response


class SourceSTT(_Through, STTProvider):
    """Speech recognition."""

    async def get_text(self, audio_url: str) -> str:
        """The words in a recording."""
        return await self.working.get_text(audio_url)


class SourceTTS(_Through, TTSProvider):
    """Speech synthesis."""

    def support_stream(self) -> bool:
        """Whether audio comes in pieces."""
        return self.working.support_stream()

    async def get_audio(self, text: str) -> str:
        """Path of a spoken text."""
        return await self.working.get_audio(text)

    async def get_audio_stream(self, text_queue: TextQueue, audio_queue: AudioQueue) -> None:
        """Speak texts as they come; see ``TTSProvider.get_audio_stream``."""
        await self.working.get_audio_stream(text_queue, audio_queue)


class SourceEmbedding(_Through, EmbeddingProvider):
    """Embeddings."""

    async def get_embedding(self, text: str) -> list[float]:
        """The vector of a text."""
        return await self.working.get_embedding(text)

    async def get_embeddings(self, text: list[str]) -> list[list[float]]:
        """The vectors of texts."""
        return await self.working.get_embeddings(text)

    def get_dim(self) -> int:
        """Length of a vector."""
        return self.working.get_dim()


class ProviderOpenAIOfficial(SourceChat):
    """Every server that speaks OpenAI's Chat Completions."""

    house_type = "openai_chat_completion"


class ProviderOpenAIResponses(SourceChat):
    """OpenAI's Responses API."""

    house_type = "openai_responses"


class ProviderAnthropic(SourceChat):
    """Anthropic's models."""

    house_type = "anthropic_chat_completion"


class ProviderGoogleGenAI(SourceChat):
    """Google's models."""

    house_type = "googlegenai_chat_completion"


class ProviderOpenAIWhisperAPI(SourceSTT):
    """OpenAI's recognition."""

    house_type = "openai_whisper_api"


class ProviderOpenAITTSAPI(SourceTTS):
    """OpenAI's speech."""

    house_type = "openai_tts_api"


class ProviderEdgeTTS(SourceTTS):
    """Microsoft Edge's speech."""

    house_type = "edge_tts"


class ProviderDashscopeTTSAPI(SourceTTS):
    """DashScope's speech."""

    house_type = "dashscope_tts"


class ProviderElevenLabsTTSAPI(SourceTTS):
    """ElevenLabs' speech."""

    house_type = "elevenlabs_tts_api"


class ProviderGSVTTS(SourceTTS):
    """A GPT-SoVITS server."""

    house_type = "gsv_tts_selfhost"


class AzureTTSProvider(SourceTTS):
    """Azure's speech."""

    house_type = "azure_tts"


class ProviderVolcengineTTS(SourceTTS):
    """Volcengine's speech."""

    house_type = "volcengine_tts"


class OpenAIEmbeddingProvider(SourceEmbedding):
    """OpenAI's embeddings."""

    house_type = "openai_embedding"


class GeminiEmbeddingProvider(SourceEmbedding):
    """Google's embeddings."""

    house_type = "gemini_embedding"


async def retry_provider_request(
    provider_label: str,
    request_factory: Callable[[], Awaitable[T]],
    *,
    retry_rate_limits: bool = True,
    max_attempts: int | None = None,
) -> T:
    """Run a request, once: providers of this host repeat by themselves what may be repeated."""
    return await request_factory()

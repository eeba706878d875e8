"""``context.provider_manager`` and ``context.platform_manager``: plain objects that plugins may change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from astrbot_like.api.provider.entities import Personality, ProviderType
from astrbot_like.api.views import HostObject

if TYPE_CHECKING:
    from astrbot_like.api.func_tools import FunctionToolManager
    from astrbot_like.api.platform.base import Platform
    from astrbot_like.api.provider.base import Providers
    from astrbot_like.api.services import PlatformService, ProviderService
    from astrbot_like.api.star.managers import PersonaManager


class ProviderManager:
    """``context.provider_manager``."""

    def __init__(self, service: ProviderService, personas: PersonaManager) -> None:
        self._service = service
        self._personas = personas

    llm_tools: FunctionToolManager = HostObject(lambda host: host.tools)  # type: ignore[assignment]

    @property
    def provider_insts(self) -> list[Any]:
        """The chat models."""
        return list(self._service.instances(ProviderType.CHAT_COMPLETION))

    @property
    def stt_provider_insts(self) -> list[Any]:
        """The recognisers."""
        return list(self._service.instances(ProviderType.SPEECH_TO_TEXT))

    @property
    def tts_provider_insts(self) -> list[Any]:
        """The synthesisers."""
        return list(self._service.instances(ProviderType.TEXT_TO_SPEECH))

    @property
    def embedding_provider_insts(self) -> list[Any]:
        """The embedding models."""
        return list(self._service.instances(ProviderType.EMBEDDING))

    @property
    def rerank_provider_insts(self) -> list[Any]:
        """The rerankers."""
        return list(self._service.instances(ProviderType.RERANK))

    @property
    def inst_map(self) -> dict[str, Any]:
        """All providers by id."""
        return {one.meta().id: one for kind in ProviderType for one in self._service.instances(kind)}

    @property
    def curr_provider_inst(self) -> Any:
        """The chat model in use."""
        return self._service.using(ProviderType.CHAT_COMPLETION)

    @property
    def curr_stt_provider_inst(self) -> Any:
        """The recogniser in use."""
        return self._service.using(ProviderType.SPEECH_TO_TEXT)

    @property
    def curr_tts_provider_inst(self) -> Any:
        """The synthesiser in use."""
        return self._service.using(ProviderType.TEXT_TO_SPEECH)

    @property
    def personas(self) -> list[Personality]:
        """All personas in v3 form."""
        return self._personas.personas_v3

    @property
    def selected_default_persona(self) -> Personality:
        """The persona in force where nothing else is chosen."""
        return self._personas.selected_default_persona_v3

    def get_insts(self) -> list[Any]:
        """The chat models."""
        return self.provider_insts

    async def get_provider_by_id(self, provider_id: str) -> Providers | None:
        """A provider (``Context.get_provider_by_id`` is the synchronous form)."""
        return self._service.by_id(provider_id)

    def get_using_provider(self, provider_type: ProviderType, umo: str | None = None) -> Providers | None:
        """The provider in use (old form)."""
        return self._service.using(provider_type, umo)

    async def get_using_provider_async(self, provider_type: ProviderType, umo: str | None = None) -> Providers | None:
        """The provider in use."""
        return self._service.using(provider_type, umo)

    async def set_provider(self, provider_id: str, provider_type: ProviderType, umo: str | None = None) -> None:
        """Choose a provider for a session, or generally.

        Raises:
            ValueError: There is none of that id.
        """
        if self._service.by_id(provider_id) is None:
            raise ValueError(f"提供商 {provider_id} 不存在，无法设置。")
        await self._service.set_using(provider_type, provider_id, umo)

    async def load_provider(self, provider_config: dict[str, Any]) -> None:
        """Build and start a provider."""
        await self._service.load(provider_config)

    async def reload(self, provider_config: dict[str, Any]) -> None:
        """Restart a provider with a configuration."""
        await self._service.reload(provider_config)

    async def terminate_provider(self, provider_id: str) -> None:
        """Stop a provider."""
        await self._service.terminate(provider_id)


class PlatformManager:
    """``context.platform_manager``."""

    def __init__(self, service: PlatformService) -> None:
        self._service = service

    @property
    def platform_insts(self) -> list[Platform]:
        """The running platforms."""
        return self._service.instances

    def get_insts(self) -> list[Platform]:
        """The running platforms."""
        return self._service.instances

    def get_all_stats(self) -> dict[str, Any]:
        """Figures of all platforms."""
        return {"platforms": [one.get_stats() for one in self._service.instances]}

    async def load_platform(self, platform_config: dict[str, Any]) -> None:
        """Build and start a platform."""
        await self._service.load(platform_config)

    async def reload(self, platform_config: dict[str, Any]) -> None:
        """Restart a platform with a configuration."""
        await self._service.reload(platform_config)

    async def terminate_platform(self, platform_id: str) -> None:
        """Stop a platform."""
        await self._service.terminate(platform_id)

"""The plugin host with the services its plugins get, the provider directory and the platforms."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from astrbot_like.api.knowledge import KnowledgeBaseManager
from astrbot_like.api.star.context import Context, ContextServices
from astrbot_like.config import Settings
from astrbot_like.domain.errors import ProcessingError
from astrbot_like.engine.documents import DocumentReader
from astrbot_like.engine.mcp_servers import McpServers
from astrbot_like.engine.providers import ProviderDirectory
from astrbot_like.host.profiles import ProfileBook
from astrbot_like.host.services.agent import PluginAgent
from astrbot_like.host.services.conversations import Conversations
from astrbot_like.host.services.cron import CronJobs
from astrbot_like.host.services.knowledge import DocumentTexts
from astrbot_like.host.services.personas import PluginPersonas
from astrbot_like.host.services.platforms import PluginPlatforms
from astrbot_like.host.services.plugins import PluginPlugins
from astrbot_like.host.services.preferences import PluginPreferences
from astrbot_like.host.services.providers import PluginProviders
from astrbot_like.host.services.speaking_up import SpeakingUp
from astrbot_like.host.stores import Stores
from astrbot_like.operations.plugin_views import provider_texts
from astrbot_like.platforms.manager import PlatformInstances
from astrbot_like.plugin_host.manager import PluginHost
from astrbot_like.plugin_host.records import Plugin
from astrbot_like.plugin_host.render import Renderer
from astrbot_like.runtime.clock import Clock
from astrbot_like.runtime.tasks import Supervisor

API_VERSION = "4.27.4"
"""The AstrBot version whose plugin API is offered (``astrbot_version`` of a plugin's metadata is held against it)."""


class ProviderCatalogue:
    """Registered provider types, for operations and for the directory."""

    def __init__(self, host: PluginHost) -> None:
        self._host = host

    def get(self, type_name: str) -> Any:
        """The record of that type, or None."""
        return self._host.provider_types.get(type_name)

    def all(self) -> Sequence[Any]:
        """All registered types."""
        return list(self._host.provider_types.values())

    def plugin_of(self, type_name: str) -> str:
        """Name of the plugin that supplies a type; empty when unknown."""
        plugin = self._owner(type_name)
        return plugin.name if plugin is not None else ""

    def texts_of(self, type_name: str) -> dict[str, dict[str, Any]]:
        """Words of a type by locale, as its plugin translates them."""
        plugin = self._owner(type_name)
        return provider_texts(plugin, type_name) if plugin is not None else {}

    def _owner(self, type_name: str) -> Plugin | None:
        record = self._host.provider_types.get(type_name)
        return self._host.owner(record.cls_type.__module__) if record is not None else None


class TextPictures:
    """Implements the pipeline's ``Renderer``."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer

    async def text_to_image(self, text: str) -> str:
        """Path of the picture of a text.

        Raises:
            ProcessingError: It could not be drawn.
        """
        try:
            return await self._renderer.render_t2i(text, use_network=False, return_url=False)
        except RuntimeError as error:
            raise ProcessingError(f"The text could not be drawn: {error}") from error


@dataclass(frozen=True, kw_only=True)
class PluginParts:
    """What the host keeps of the plugin side."""

    host: PluginHost
    directory: ProviderDirectory
    catalogue: ProviderCatalogue
    platforms: PlatformInstances
    platform_service: PluginPlatforms
    pictures: TextPictures
    agent: PluginAgent
    cron: CronJobs
    mcp: McpServers
    knowledge: KnowledgeBaseManager

    async def aclose(self) -> None:
        """Stop the plugins, then what they used."""
        await self.host.aclose()
        await self.directory.aclose()
        await self.knowledge.terminate()


async def build_plugins(
    settings: Settings,
    stores: Stores,
    book: ProfileBook,
    queue: asyncio.Queue[Any],
    supervisor: Supervisor,
    clock: Clock,
    data: Path,
) -> PluginParts:
    """Build the plugin host and claim its import names; plugins are loaded later."""
    renderer = Renderer(data / "temp")
    host = PluginHost(
        settings.plugins,
        data_dir=data,
        supervisor=supervisor,
        preferences=PluginPreferences(stores.preferences),
        config_for=book.get,
        renderer=renderer,
        api_version=API_VERSION,
    )

    def provider_settings() -> dict[str, Any]:
        # ``speech_workers``: how many processes an engine that needs them for itself may use.
        return {**book.get().get("provider_settings", {}), "speech_workers": settings.server.workers}

    def platform_settings() -> dict[str, Any]:
        return book.get().get("platform_settings", {})

    async def platform_loaded() -> None:
        await host.dispatch.hook("platform_loaded", None)

    catalogue = ProviderCatalogue(host)
    directory = ProviderDirectory(
        catalogue,
        provider_settings,
        clock,
        breaker_failures=settings.turn.breaker_failures,
        breaker_seconds=settings.turn.breaker_seconds,
    )
    platforms = PlatformInstances(host.platform_types, platform_settings, queue, clock, platform_loaded)
    platform_service = PluginPlatforms(platforms, host.platform_types)
    agent = PluginAgent()

    async def speak(umo: str, note: str) -> None:
        await SpeakingUp(host.context).speak(umo, note)

    cron = CronJobs(stores.records.jobs, speak, clock, supervisor)
    plugin_providers = PluginProviders(directory, book)
    texts = DocumentTexts(data / "temp", DocumentReader(settings.documents))
    knowledge = KnowledgeBaseManager(data / "knowledge_base", plugin_providers, texts)
    host.attach(
        Context(
            ContextServices(
                providers=plugin_providers,
                conversations=Conversations(stores.sessions, stores.history, stores.conversations),
                personas=PluginPersonas(stores.personas, book),
                platforms=platform_service,
                agent=agent,
                config=book,
                tools=host.tools,
                history=stores.platform_messages,
                cron=cron,
                knowledge=knowledge,
                plugins=PluginPlugins(host),
                stars=lambda: host.stars,
                start_task=host.old_forms.start_task,
                register_command=host.old_forms.register_command,
            )
        )
    )

    async def follow(change: str, plugin: Plugin) -> None:
        """Make providers and platforms of a plugin anew when it comes, and stop them when it goes."""

        def of_plugin(cls: type) -> bool:
            return host.owner(cls.__module__) is plugin

        types = [name for name, record in host.provider_types.items() if of_plugin(record.cls_type)]
        kinds = [name for name, record in host.platform_types.items() if of_plugin(record.cls)]
        if change == "loaded":
            await directory.reload_types(types)
            await platforms.reload_types(kinds)
        else:
            await cron.forget(lambda handler: host.owner_of(handler) is plugin)
            await directory.stop_types(types)
            await platforms.stop_types(kinds)

    host.watch(follow)
    await host.open()
    return PluginParts(
        host=host,
        directory=directory,
        catalogue=catalogue,
        platforms=platforms,
        platform_service=platform_service,
        pictures=TextPictures(renderer),
        agent=agent,
        cron=cron,
        mcp=McpServers(host.tools, supervisor, clock),
        knowledge=knowledge,
    )

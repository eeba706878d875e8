"""The plugins a host knows, and its tables, as the API's module-level names and the rest of the house see them."""

from __future__ import annotations

import contextvars
from collections.abc import Awaitable, Callable, Mapping, MutableSequence, Sequence
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from astrbot_like.api import current
from astrbot_like.api.config import AstrBotConfig
from astrbot_like.api.func_tools import FunctionToolManager
from astrbot_like.api.host_tables import ActiveEvents
from astrbot_like.api.preferences import PreferenceStore, SharedPreferences
from astrbot_like.api.registration import HandlerRegistration, PlatformRegistration
from astrbot_like.api.texts import text
from astrbot_like.domain.errors import NotFound
from astrbot_like.plugin_host.discovery import PluginSource
from astrbot_like.plugin_host.guard import PluginScope
from astrbot_like.plugin_host.imports import PluginNamespace
from astrbot_like.plugin_host.metadata import PluginMetadata
from astrbot_like.plugin_host.records import Plugin
from astrbot_like.plugin_host.runner import plugin_context
from astrbot_like.plugin_host.tables import PluginTables
from astrbot_like.plugin_host.web_routes import RegisteredApi, WebRoutes, module_of

if TYPE_CHECKING:
    from astrbot_like.api.provider.entities import ProviderMetaData
    from astrbot_like.api.services import Renderer
    from astrbot_like.api.star.context import Context
    from astrbot_like.api.star.metadata import StarMetadata
    from astrbot_like.api.util import SessionWaiters


class KnownPlugins:
    """The passive side of ``PluginHost``: it implements ``api.services.PluginHost``.

    Args:
        data_dir: The data directory.
        preferences: Where plugins' small values are kept.
        config_for: The configuration that holds for a session (None: generally), in AstrBot's form.
        renderer: Text and HTML to pictures.
        offer_file: Makes a URL for a local file; None: there is no file service.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        preferences: PreferenceStore,
        config_for: Callable[[str | None], AstrBotConfig],
        renderer: Renderer,
        offer_file: Callable[[str], Awaitable[str]] | None,
    ) -> None:
        self.data_dir = data_dir.resolve()
        self.preferences = SharedPreferences(preferences)
        self.renderer = renderer
        self.tables = PluginTables(self.owner, self._registered_apis)
        self.active_events = ActiveEvents()
        self._config_for = config_for
        self._offer_file = offer_file
        self._plugins: dict[str, Plugin] = {}
        self._orders: dict[str, int] = {}
        self._namespace = PluginNamespace(self.data_dir)
        self._context: Context | None = None

    @property
    def root(self) -> Path:
        """The directory that holds the data directory."""
        return self.data_dir.parent

    @property
    def config(self) -> AstrBotConfig:
        """The host's general configuration."""
        return self._config_for(None)

    @property
    def context(self) -> Context:
        """What plugins get as ``context``.

        Raises:
            RuntimeError: ``attach`` was not called yet.
        """
        if self._context is None:
            raise RuntimeError("the plugin host has no context yet")
        return self._context

    def attach(self, context: Context) -> None:
        """Give the host the context its plugins get; before any plugin is loaded."""
        self._context = context

    @property
    def tools(self) -> FunctionToolManager:
        """All tools that models may call."""
        return self.tables.tools

    @property
    def provider_types(self) -> dict[str, ProviderMetaData]:
        """Types of providers that plugins registered, by name."""
        return self.tables.provider_types

    @property
    def platform_types(self) -> dict[str, PlatformRegistration]:
        """Types of platform adapters that plugins registered, by name."""
        return self.tables.platform_types

    @property
    def web_routes(self) -> WebRoutes:
        """The plugins' own web APIs."""
        return self.tables.web_routes

    @property
    def waiters(self) -> SessionWaiters:
        """The session waiters."""
        return self.tables.waiters

    async def register_file(self, path: str) -> str:
        """Offer a local file by URL.

        Raises:
            RuntimeError: ``callback_api_base`` is not configured.
        """
        if self._offer_file is None:
            raise RuntimeError(text("file_service.off"))
        return await self._offer_file(path)

    @property
    def stars(self) -> Sequence[StarMetadata]:
        """AstrBot's records of the loaded plugins, in order of loading."""
        return [plugin.star_metadata for plugin in self.plugins() if plugin.star_metadata is not None]

    @property
    def star_map(self) -> Mapping[str, StarMetadata]:
        """Main module → plugin."""
        return {
            plugin.module: plugin.star_metadata for plugin in self.plugins() if plugin.star_metadata and plugin.module
        }

    @property
    def handlers(self) -> Sequence[HandlerRegistration]:
        """All handlers of imported plugins in order of dispatch, those of plugins that start or are off, too."""
        found = [
            (-record.priority, plugin.order, number, record)
            for plugin in self._plugins.values()
            for number, record in enumerate(plugin.declared.handlers)
        ]
        return [record for *_, record in sorted(found, key=lambda one: one[:3])]

    def owner(self, module: str) -> Plugin | None:
        """The plugin a module belongs to."""
        prefix = self._namespace.prefix
        if prefix and module.startswith(f"{prefix}."):
            return self._plugins.get(module[len(prefix) + 1 :].split(".", 1)[0])
        return None

    def owner_of(self, function: Callable[..., Any]) -> Plugin | None:
        """The plugin a function belongs to."""
        return self.owner(module_of(function))

    def owns_module(self, module: str) -> bool:
        """Whether this host loaded that module for a plugin."""
        return self.owner(module) is not None

    def plugin_of_module(self, module: str) -> StarMetadata | None:
        """AstrBot's record of the plugin a module belongs to."""
        plugin = self.owner(module)
        return None if plugin is None else plugin.star_metadata

    def enter(self, plugin: Plugin | None) -> contextvars.Context:
        """A copy of the running context in which this host, and the plugin, are the current ones."""
        context = contextvars.copy_context() if plugin is None else plugin_context(plugin)
        context.run(current.set_host, self)
        return context

    def plugins(self) -> list[Plugin]:
        """All plugins, in loading order, failed and disabled ones too."""
        return sorted(self._plugins.values(), key=attrgetter("order"))

    def find(self, name: str) -> Plugin:
        """A plugin by name or by its folder's name.

        Raises:
            NotFound: There is none.
        """
        found = self._plugins.get(name) or next((one for one in self._plugins.values() if one.name == name), None)
        if found is None:
            raise NotFound(f"There is no plugin named {name}.")
        return found

    def _new(self, source: PluginSource) -> Plugin:
        order = self._orders.setdefault(source.directory, len(self._orders))
        metadata = PluginMetadata(name=source.directory, author="", desc="", version="")
        plugin = Plugin(source, order, metadata, PluginScope(source.directory, source.folder))
        earlier = self._plugins.get(source.directory)
        if earlier is not None:  # what is known against it stays known after a reload
            plugin.problems, plugin.blocked = earlier.problems, earlier.blocked
            plugin.left_threads = earlier.left_threads
        self._plugins[source.directory] = plugin
        return plugin

    def _registered_apis(self) -> MutableSequence[RegisteredApi]:
        return [] if self._context is None else self._context.registered_web_apis

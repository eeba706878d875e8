"""What plugins fill: handlers, tools, types of providers and platforms, web routes, waits."""

from __future__ import annotations

from collections.abc import Callable, MutableSequence
from typing import TYPE_CHECKING, Any

from astrbot_like.api.func_tools import FunctionToolManager
from astrbot_like.api.registration import PlatformRegistration
from astrbot_like.api.tools import FunctionTool
from astrbot_like.api.util import SessionWaiters
from astrbot_like.plugin_host import loader
from astrbot_like.plugin_host.handlers import HandlerIndex
from astrbot_like.plugin_host.records import Plugin
from astrbot_like.plugin_host.web_routes import RegisteredApi, WebRoutes

if TYPE_CHECKING:
    from astrbot_like.api.provider.entities import ProviderMetaData


class PluginTables:
    """The tables of one host. Plain objects: some plugins edit them.

    Args:
        owner: Finds the plugin of a module.
        web_apis: The list in which plugins' web routes stand.

    Attributes:
        provider_types, platform_types: Type name → what was registered under it.
    """

    def __init__(
        self, owner: Callable[[str], Plugin | None], web_apis: Callable[[], MutableSequence[RegisteredApi]]
    ) -> None:
        self._owner = owner
        self.index = HandlerIndex()
        self.tools = FunctionToolManager()
        self.provider_types: dict[str, ProviderMetaData] = {}
        self.platform_types: dict[str, PlatformRegistration] = {}
        self.waiters = SessionWaiters()
        self.web_routes = WebRoutes(web_apis, owner)

    def claim_types(self, plugin: Plugin) -> None:
        """Enter the provider and platform types that a plugin's modules declared."""
        for provider in plugin.declared.providers:
            self.provider_types[provider.meta.type] = provider.meta
        for platform in plugin.declared.platforms:
            self.platform_types[platform.meta.name] = platform

    def activate(self, plugin: Plugin) -> None:
        """Enter a started plugin's handlers and tools, bound to its object."""
        for tool in plugin.declared.tools:
            tool.handler = loader.bound_to(plugin, tool.handler)
            self.tools.add_tool(tool)
        self.index.add(plugin, loader.bind_handlers(plugin))

    def drop(self, plugin: Plugin, package: str) -> None:
        """Take out everything that is a plugin's.

        Args:
            plugin: Whose.
            package: Import name of its folder.
        """
        self.index.remove(plugin)
        self.waiters.stop_all(f"{package}.")
        for name in [tool.name for tool in self.tools.func_list if self.owner_of_tool(tool) is plugin]:
            self.tools.remove_func(name)
        self.web_routes.remove(plugin)
        for name, provider in list(self.provider_types.items()):
            if self._defines(plugin, provider.cls_type):
                del self.provider_types[name]
        for name, platform in list(self.platform_types.items()):
            if self._defines(plugin, platform.cls):
                del self.platform_types[name]

    def owner_of_tool(self, tool: FunctionTool[Any]) -> Plugin | None:
        """The plugin a tool belongs to; None for the host's own and those of MCP servers."""
        handler = getattr(tool.handler, "func", tool.handler)
        for module in (tool.handler_module_path, type(tool).__module__, getattr(handler, "__module__", None)):
            owner = self._owner(module) if module else None
            if owner is not None:
                return owner
        return None

    def _defines(self, plugin: Plugin, cls: Any) -> bool:
        return cls is not None and self._owner(getattr(cls, "__module__", "")) is plugin

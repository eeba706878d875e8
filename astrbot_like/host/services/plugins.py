"""Plugins that manage plugins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from astrbot_like.domain.errors import PluginError
from astrbot_like.plugin_host.manager import PluginHost
from astrbot_like.plugin_host.records import Plugin


class PluginPlugins:
    """Implements ``PluginService`` over the plugin host."""

    def __init__(self, host: PluginHost) -> None:
        self._host = host

    async def turn_on_plugin(self, plugin_name: str) -> None:
        """Start a plugin that is off."""
        _started(await self._host.enable(plugin_name))

    async def turn_off_plugin(self, plugin_name: str) -> None:
        """Stop a plugin and keep it off."""
        await self._host.disable(plugin_name)

    async def reload(self, specified_plugin_name: str | None = None) -> Any:
        """Start a plugin, or all, from its files again."""
        names = [specified_plugin_name] if specified_plugin_name else [one.name for one in self._host.plugins()]
        for name in names:
            _started(await self._host.reload(name))

    async def install_plugin(self, repo_url: str) -> Any:
        """Install a plugin from an address or a local path."""
        path = Path(repo_url)
        plugin = await self._host.install(path if path.is_absolute() else repo_url)
        _started(plugin)
        return {"name": plugin.name, "repo": plugin.metadata.repo}

    async def update_plugin(self, plugin_name: str) -> None:
        """Replace a plugin by its newest version."""
        await self._host.update(plugin_name)

    async def uninstall_plugin(self, plugin_name: str, delete_config: bool = False, delete_data: bool = False) -> None:
        """Remove a plugin."""
        await self._host.uninstall(plugin_name, delete_config=delete_config, delete_data=delete_data)


def _started(plugin: Plugin) -> None:
    if plugin.failure is not None:
        raise PluginError(f"{plugin.name} does not start: {plugin.failure.reason}", plugin.name)

"""What an administrator can do with plugins, without HTTP."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from astrbot_like.domain.errors import BadRequest, NotFound, StorageError
from astrbot_like.operations.plugin_views import README_NAMES, PluginConfigView, PluginView, form_texts, plugin_view
from astrbot_like.plugin_host.config_forms import FieldProblem, check_values
from astrbot_like.plugin_host.manager import PluginHost
from astrbot_like.plugin_host.records import Plugin
from astrbot_like.plugin_host.star_records import LOGO
from astrbot_like.storage.attachment_files import display_name

CHANGELOG_NAMES = ("CHANGELOG.md", "changelog.md")
CONFIG_FILES = "files"
"""Folder of uploaded configuration files within a plugin's data folder."""
TOOLS_OFF = "inactivated_llm_tools"
"""Preference that holds the names of tools that are not offered; AstrBot's key."""
LONGEST_README = 1024 * 1024


class ConfigRefused(BadRequest):
    """Values that don't fit the plugin's form.

    Args:
        problems: Each with its field.
    """

    def __init__(self, problems: Sequence[FieldProblem]) -> None:
        super().__init__("; ".join(f"{one.path}: {one.problem}" for one in problems))
        self.problems = list(problems)


class PluginOperations:
    """Operations on plugins.

    Args:
        host: The plugin host.
    """

    def __init__(self, host: PluginHost) -> None:
        self._host = host
        host.watch(self._follow)

    async def list(self) -> list[PluginView]:
        """All plugins, in loading order."""
        plugins, clashes = self._host.plugins(), self._clashes()
        return await asyncio.to_thread(lambda: [plugin_view(self._host, plugin, clashes) for plugin in plugins])

    async def get(self, name: str) -> PluginView:
        """One plugin.

        Raises:
            NotFound: There is none of that name.
        """
        return await self._shown(self._host.find(name))

    async def install_from_address(self, address: str) -> PluginView:
        """Install from a Git address, or ``owner/name`` of GitHub."""
        return await self._shown(await self._host.install(address))

    async def install_from_path(self, path: Path) -> PluginView:
        """Install from a ZIP file or a folder on this machine."""
        return await self._shown(await self._host.install(path))

    async def update(self, name: str, source: str | Path | None = None) -> PluginView:
        """Replace by the newest version; the old one stays when the new one does not start."""
        return await self._shown(await self._host.update(name, source))

    async def uninstall(self, name: str, *, delete_config: bool = False, delete_data: bool = False) -> None:
        """Remove an installed plugin, and on request its configuration and its files."""
        await self._host.uninstall(name, delete_config=delete_config, delete_data=delete_data)

    async def enable(self, name: str) -> PluginView:
        """Switch on."""
        return await self._shown(await self._host.enable(name))

    async def disable(self, name: str) -> PluginView:
        """Switch off, for good."""
        return await self._shown(await self._host.disable(name))

    async def reload(self, name: str) -> PluginView:
        """Stop and start from its files; the way to retry a failed one."""
        return await self._shown(await self._host.reload(name))

    async def config(self, name: str) -> PluginConfigView:
        """Form and values."""
        schema, values = await asyncio.to_thread(self._host.config_of, name)
        return PluginConfigView(schema or {}, values, form_texts(self._host.find(name)))

    async def set_config(self, name: str, values: Any) -> PluginConfigView:
        """Save new values and restart the plugin with them.

        Args:
            values: The whole form; missing fields get their defaults.

        Raises:
            ConfigRefused: Values don't fit the form; nothing is saved.
            NotFound: The plugin has no form.
        """
        schema, _ = await asyncio.to_thread(self._host.config_of, name)
        if schema is None:
            raise NotFound(f"{name} has nothing to configure.")
        checked, problems = check_values(schema, values)
        if problems:
            raise ConfigRefused(problems)
        await asyncio.to_thread(self._host.save_config, name, checked)
        await self._host.reload(name)
        return PluginConfigView(schema, checked, form_texts(self._host.find(name)))

    async def config_file_folder(self, name: str, key: str) -> Path:
        """Where files of a field of type ``file`` are kept.

        Args:
            key: The field; fields in objects are named with dots.

        Raises:
            NotFound: There is no such plugin.
            BadRequest: Its form has no such field of that type.
        """
        plugin = self._host.find(name)
        schema, _ = await asyncio.to_thread(self._host.config_of, name)
        field: Any = {"items": schema or {}}
        for step in key.split("."):
            field = (field.get("items") or {}).get(step) or {}
        if field.get("type") != "file":
            raise BadRequest(f"{name} has no field {key} that takes files.")
        return self._host.folders.data_folder(plugin.name) / CONFIG_FILES / key

    async def keep_config_file(self, folder: Path, filename: str, source: Path) -> str:
        """Move an uploaded file to where a plugin finds it; one of the same name is replaced.

        Returns:
            Its path relative to the plugin's data folder, with forward slashes.
        """
        name = display_name(filename)

        def move() -> None:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.move(source, folder / name)

        try:
            await asyncio.to_thread(move)
        except OSError as error:
            raise StorageError from error
        return f"{CONFIG_FILES}/{folder.name}/{name}"

    async def set_tool(self, name: str, *, active: bool) -> None:
        """Offer a tool to models or not, for good.

        Raises:
            NotFound: There is none of that name.
        """
        tools = self._host.tools
        if not (tools.activate_llm_tool(name) if active else tools.deactivate_llm_tool(name)):
            raise NotFound(f"There is no tool named {name}.")
        off = await self._tools_off() - {name}
        await self._host.preferences.global_put(TOOLS_OFF, sorted(off if active else off | {name}))

    async def _follow(self, change: str, _plugin: Plugin) -> None:
        if change == "loaded":
            for name in await self._tools_off():
                self._host.tools.deactivate_llm_tool(name)

    async def _tools_off(self) -> set[str]:
        return set(await self._host.preferences.global_get(TOOLS_OFF, []))

    async def readme(self, name: str) -> str:
        """Its README, Markdown; empty when it has none."""
        return await asyncio.to_thread(_text_of, self._host.find(name).source.folder, README_NAMES)

    async def changelog(self, name: str) -> str:
        """Its list of changes, Markdown; empty when it has none."""
        return await asyncio.to_thread(_text_of, self._host.find(name).source.folder, CHANGELOG_NAMES)

    async def logo(self, name: str) -> Path:
        """Its picture, PNG.

        Raises:
            NotFound: It has none.
        """
        path = self._host.find(name).source.folder / LOGO
        if not await asyncio.to_thread(path.is_file):
            raise NotFound(f"{name} has no logo.")
        return path

    async def _shown(self, plugin: Plugin) -> PluginView:
        return await asyncio.to_thread(plugin_view, self._host, plugin, self._clashes())

    def _clashes(self) -> dict[str, set[str]]:
        return {
            name: {entry.plugin_name for entry in entries}
            for name, entries in self._host.tables.index.commands().items()
        }


def _text_of(folder: Path, names: Sequence[str]) -> str:
    path = next((folder / name for name in names if (folder / name).is_file()), None)
    if path is None:
        return ""
    with path.open("rb") as file:
        return file.read(LONGEST_README).decode("utf-8-sig", errors="replace")

"""Plugins in a data directory that no server uses now: listed, installed, removed, switched, without loading them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from astrbot_like.api.preferences import GLOBAL, PreferenceStore
from astrbot_like.domain.errors import BotError, NotFound
from astrbot_like.plugin_host import discovery
from astrbot_like.plugin_host.discovery import PluginSource
from astrbot_like.plugin_host.install import PluginFolders
from astrbot_like.plugin_host.manager import DISABLED_KEY
from astrbot_like.plugin_host.metadata import PluginMetadata, check_version, read_metadata
from astrbot_like.plugin_host.requirements import Requirements
from astrbot_like.plugin_host.settings import PluginSettings


class PluginSummary(msgspec.Struct, frozen=True):
    """A plugin in a line.

    Attributes:
        state: ``on`` or ``off`` when it is not loaded; else the state of the running plugin.
        problem: Why it does not or will not run; empty: nothing is known against it.
    """

    name: str
    version: str
    origin: str
    state: str
    problem: str = ""


class PluginFiles:
    """Operations on the plugins of a data directory.

    Args:
        data_dir: The data directory.
        settings: Where plugins come from, limits.
        preferences: Where it is kept which plugins are off.
        api_version: The AstrBot version whose API this host offers.
        bundled: Folder of the bundled plugins; None: the program's own.
    """

    def __init__(
        self,
        data_dir: Path,
        settings: PluginSettings,
        preferences: PreferenceStore,
        *,
        api_version: str,
        bundled: Path | None = None,
    ) -> None:
        self._data_dir = data_dir
        self._settings = settings
        self._preferences = preferences
        self._bundled = bundled if bundled is not None else discovery.bundled_folder()
        self._api_version = api_version
        self._requirements = Requirements(data_dir / "site-packages", settings)
        self._folders = PluginFolders(data_dir, settings, self._requirements, api_version=api_version)

    async def list(self) -> list[PluginSummary]:
        """All plugins that a server would load, in loading order."""
        return [summary for _, summary in await asyncio.to_thread(self._found)]

    async def install(self, source: str | Path) -> PluginSummary:
        """Install from an address, a ZIP file or a folder; it is loaded at the server's next start."""
        async with self._folders.fetch(source) as fetched:
            await self._folders.place(fetched)
            return PluginSummary(fetched.metadata.name, fetched.metadata.version, "user", "on")

    async def remove(self, name: str, *, delete_config: bool = False, delete_data: bool = False) -> None:
        """Delete an installed plugin.

        Raises:
            NotFound: There is none of that name in ``data/plugins``.
        """
        source, summary = await self._one(name)
        if source.origin != "user":
            raise NotFound(f"{name} is not in data/plugins; it can be switched off, not removed.")
        await self._folders.delete(source.directory, summary.name, config=delete_config, data=delete_data)
        await self.switch(summary.name, on=True, known=True)

    async def switch(self, name: str, *, on: bool, known: bool = False) -> None:
        """Switch a plugin on or off.

        Args:
            known: It is known to be (or to have been) there.

        Raises:
            NotFound: There is none of that name.
        """
        if not known:
            name = (await self._one(name))[1].name
        names = [one for one in self._off() if one != name] + ([] if on else [name])
        await self._preferences.put(GLOBAL, GLOBAL, DISABLED_KEY, names)

    async def _one(self, name: str) -> tuple[PluginSource, PluginSummary]:
        found = await asyncio.to_thread(self._found)
        match = next((one for one in found if name in (one[1].name, one[0].directory)), None)
        if match is None:
            raise NotFound(f"There is no plugin named {name}.")
        return match

    def _off(self) -> list[str]:
        stored = self._preferences.peek(GLOBAL, GLOBAL, DISABLED_KEY, [])
        return [str(one) for one in stored] if isinstance(stored, list) else []

    def _found(self) -> list[tuple[PluginSource, PluginSummary]]:
        user = self._data_dir / "plugins" if self._settings.enabled else None
        bundled = self._bundled if self._settings.bundled else None
        off = {*self._off(), *self._settings.disabled}
        sources = discovery.discover(user, bundled=bundled, entry_points=self._settings.enabled)
        return [(source, self._summary(source, off)) for source in sources]

    def _summary(self, source: PluginSource, off: set[str]) -> PluginSummary:
        try:
            metadata = read_metadata(source.folder)
        except BotError as error:
            return PluginSummary(source.directory, "", source.origin, "on", error.message)
        name, version = (metadata.name, metadata.version) if metadata else (source.directory, "")
        state = "off" if name in off else "on"
        return PluginSummary(name, version, source.origin, state, self._problem(source, metadata))

    def _problem(self, source: PluginSource, metadata: PluginMetadata | None) -> str:
        """What can be held against a plugin without running it."""
        try:
            if metadata is not None:
                check_version(metadata, self._api_version)
            compile(source.main.read_bytes(), source.main.name, "exec", dont_inherit=True)
        except BotError as error:
            return error.message
        except OSError as error:
            return f"{source.main.name} can't be read: {error.strerror}"
        except (SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None)
            return f"{source.main.name}{f', line {line}' if line else ''}: {getattr(error, 'msg', error)}"
        return ""

"""The plugin host: owner of every plugin of one application.

``PluginHost`` finds, starts and stops plugins and holds the tables they fill. What the engine asks of plugins during a
turn is in ``dispatch``; the life of one plugin is in ``loader``.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from astrbot_like.api import compat, current
from astrbot_like.api.config import AstrBotConfig
from astrbot_like.api.preferences import GLOBAL, PreferenceStore
from astrbot_like.domain.errors import BotError, NotFound, PluginError
from astrbot_like.plugin_host import discovery, loader
from astrbot_like.plugin_host.config_forms import Schema
from astrbot_like.plugin_host.dispatch import Dispatcher
from astrbot_like.plugin_host.file_watch import FileWatch
from astrbot_like.plugin_host.guard import PluginScope, TaskTracking
from astrbot_like.plugin_host.imports import AliasFinder, drop_bytecode
from astrbot_like.plugin_host.install import PluginFolders
from astrbot_like.plugin_host.known import KnownPlugins
from astrbot_like.plugin_host.lifecycle import Lifecycle, Watcher
from astrbot_like.plugin_host.old_forms import OldForms
from astrbot_like.plugin_host.records import Plugin, PluginState
from astrbot_like.plugin_host.requirements import Requirements
from astrbot_like.plugin_host.settings import PluginSettings
from astrbot_like.plugin_host.watchdog import LagReport, LoopWatch
from astrbot_like.runtime.clock import SystemClock
from astrbot_like.runtime.tasks import Supervisor

if TYPE_CHECKING:
    from astrbot_like.api.services import Renderer

log = logging.getLogger(__name__)

DISABLED_KEY = "disabled_plugins"
RELOAD_VARIABLE = "ASTRBOT_RELOAD"
"""AstrBot's environment variable; ``1`` does what the setting ``watch_files`` does."""


class PluginHost(KnownPlugins):
    """All plugins of one application.

    Args:
        settings: Where to look, limits.
        data_dir: The data directory.
        supervisor: Owner of installations in the background.
        preferences: Where plugins' small values are kept.
        config_for: The configuration that holds for a session (None: generally), in AstrBot's form.
        renderer: Text and HTML to pictures.
        api_version: The AstrBot version whose API this host offers.
        bundled: Folder of the bundled plugins; None: the program's own.
        offer_file: Makes a URL for a local file; None: there is no file service.
    """

    def __init__(
        self,
        settings: PluginSettings,
        *,
        data_dir: Path,
        supervisor: Supervisor,
        preferences: PreferenceStore,
        config_for: Callable[[str | None], AstrBotConfig],
        renderer: Renderer,
        api_version: str,
        bundled: Path | None = None,
        offer_file: Callable[[str], Awaitable[str]] | None = None,
    ) -> None:
        super().__init__(
            data_dir, preferences=preferences, config_for=config_for, renderer=renderer, offer_file=offer_file
        )
        self.settings = settings
        self.requirements = Requirements(self.data_dir / "site-packages", settings)
        self.folders = PluginFolders(self.data_dir, settings, self.requirements, api_version=api_version)
        self.dispatch = Dispatcher(
            settings,
            tables=self.tables,
            enter=self.enter,
            owner=self.owner,
            config_for=config_for,
            preference=preferences.peek,
            plugins=self.plugins,
        )
        self.old_forms = OldForms(self, supervisor)
        self._supervisor = supervisor
        self._bundled = bundled if bundled is not None else discovery.bundled_folder()
        self._watch = LoopWatch(settings.loop_lag_limit, self._scopes, self._lagged)
        self._changing = asyncio.Lock()
        self._life = Lifecycle(
            settings,
            namespace=self._namespace,
            tables=self.tables,
            dispatch=self.dispatch,
            requirements=self.requirements,
            folders=self.folders,
            enter=self.enter,
            context=lambda: self.context,
            others=self.plugins,
            is_off=self._off,
            api_version=api_version,
        )
        self._alias: AliasFinder | None = None
        self._tracking: TaskTracking | None = None

    def watch(self, watcher: Watcher) -> None:
        """Have ``watcher(change, plugin)`` awaited when a plugin has been loaded and before one is unloaded."""
        self._life.watchers.append(watcher)

    # --- start and stop -------------------------------------------------------------------------------

    async def open(self) -> None:
        """Claim import names and start guarding; before ``load_all``."""
        self._alias = AliasFinder.activate(compat.resolve)
        self._namespace.open()
        self.requirements.activate()
        current.announce_host(self)
        self._tracking = TaskTracking.start(asyncio.get_running_loop())
        self._watch.start()
        await asyncio.to_thread(self.folders.clean)

    async def load_all(self) -> None:
        """Load every plugin that is found.

        A plugin whose ``initialize`` is slow goes on starting while this returns; so does one whose requirements have
        to be installed first.
        """
        sources = await asyncio.to_thread(self._discover)
        lacking: list[Plugin] = []
        prepared: list[Plugin] = []
        async with self._changing:
            for source in sources:
                plugin = self._new(source)
                missing = await self._life.prepare(plugin)
                (lacking if missing else prepared).append(plugin)
        starting: list[asyncio.Task[Any]] = []
        for plugin in prepared:
            if plugin.state is PluginState.LOADING:
                plugin.starting = self._supervisor.job(self._life.finish(plugin), name=f"start of {plugin.name}")
                starting.append(plugin.starting)
        if starting:
            await asyncio.wait(starting, timeout=self.settings.start_patience)
        if self.settings.watch_files or os.environ.get(RELOAD_VARIABLE) == "1":
            watch = FileWatch(self.plugins, self.reload, SystemClock())
            self._supervisor.service("changes of plugin files", watch.serve)
        for plugin in lacking:
            job = self._install_and_load(plugin)
            plugin.starting = self._supervisor.job(job, name=f"requirements of {plugin.name}")

    async def aclose(self) -> None:
        """Unload everything and give all names back."""
        async with self._changing:
            # Side by side: one that does not want to end must not use up the others' time.
            await asyncio.gather(*(self._life.unload(plugin) for plugin in reversed(self.plugins())))
        self._watch.stop()
        if self._tracking is not None:
            self._tracking.stop(asyncio.get_running_loop())
            self._tracking = None
        current.retire_host(self)
        self.requirements.deactivate()
        self._namespace.close()
        if self._alias is not None:
            self._alias.release()
            self._alias = None

    # --- changes while running ------------------------------------------------------------------------

    async def load(self, directory: str) -> Plugin:
        """Load the plugin in a folder that was not there at the start; one that is known is reloaded."""
        async with self._changing:
            return await self._load(directory)

    async def reload(self, name: str) -> Plugin:
        """Stop a plugin and start it from its files again. What goes wrong is in its ``failure``."""
        async with self._changing:
            return await self._load(self.find(name).directory)

    async def disable(self, name: str) -> Plugin:
        """Stop a plugin and keep it off, over restarts too."""
        async with self._changing:
            plugin = self.find(name)
            await self._remember(plugin.name, off=True)
            return await self._load(plugin.directory)

    async def enable(self, name: str) -> Plugin:
        """Start a plugin that is off.

        Raises:
            PluginError: The settings keep it off.
        """
        async with self._changing:
            plugin = self.find(name)
            if plugin.name in self.settings.disabled:
                raise PluginError(f"{plugin.name} is switched off in the settings file.", plugin.name)
            await self._remember(plugin.name, off=False)
            return await self._load(plugin.directory)

    async def install(self, source: str | Path) -> Plugin:
        """Install and load a plugin.

        Args:
            source: A ZIP file or folder (``Path``), or an address (Git, ``owner/name`` of GitHub).

        Returns:
            The plugin; when it could not be started, with its ``failure``.

        Raises:
            BotError: It could not be fetched, is no plugin, is there already, or its requirements can't be installed.
        """
        async with self.folders.fetch(source) as fetched, self._changing:
            folder = await self.folders.place(fetched)
            return await self._load(folder.name)

    async def update(self, name: str, source: str | Path | None = None) -> Plugin:
        """Replace an installed plugin by its newest version; one that does not start is rolled back.

        Args:
            source: From where; None: the address in its metadata.

        Raises:
            PluginError: It has no address, or the new version does not start.
        """
        plugin = self.find(name)
        if plugin.source.origin != "user":
            raise PluginError(f"{plugin.name} is not in data/plugins and is updated with its package.", plugin.name)
        origin = source or plugin.metadata.repo
        if not origin:
            raise PluginError(f"{plugin.name} does not say where updates come from; install it again.", plugin.name)
        async with self.folders.fetch(origin) as fetched, self._changing:
            if fetched.metadata.name != plugin.name:
                raise PluginError(f"This is {fetched.metadata.name}, not {plugin.name}.", plugin.name)
            was_failed = plugin.state is PluginState.FAILED
            await self._life.unload(plugin)
            try:
                async with self.folders.replace(fetched, plugin.directory):
                    plugin = await self._load(plugin.directory)
                    if plugin.failure is not None and not was_failed:
                        await self._life.unload(plugin)
                        reason = plugin.failure.reason
                        raise PluginError(
                            f"The new version of {name} does not start, the old one is back: {reason}", plugin.name
                        )
            except BotError:
                await self._load(plugin.directory)
                raise
            return plugin

    async def uninstall(self, name: str, *, delete_config: bool = False, delete_data: bool = False) -> None:
        """Unload a plugin and delete its folder.

        Args:
            delete_config: Its saved configuration as well.
            delete_data: The files it keeps as well.

        Raises:
            NotFound: There is none, or it is not in ``data/plugins``.
        """
        async with self._changing:
            plugin = self.find(name)
            if plugin.source.origin != "user":
                raise NotFound(f"{plugin.name} is not in data/plugins; it can be switched off, not removed.")
            await self._life.unload(plugin)
            await self.folders.delete(plugin.directory, plugin.name, config=delete_config, data=delete_data)
            await self._remember(plugin.name, off=False)
            self._plugins.pop(plugin.directory, None)
            # A bundled plugin that it stood in for is there again.
            sources = await asyncio.to_thread(self._discover)
            if any(source.directory == plugin.directory for source in sources):
                await self._load(plugin.directory)

    def config_of(self, name: str) -> tuple[Schema | None, dict[str, Any]]:
        """A plugin's form (None: it has none) and its saved values. Reads files.

        Raises:
            NotFound: There is no such plugin.
            PluginError: The form or the saved values are damaged.
        """
        plugin = self.find(name)
        config = loader.load_config(plugin, self.folders.config_file(plugin.directory))
        return plugin.schema, dict(config or {})

    def save_config(self, name: str, values: dict[str, Any]) -> None:
        """Save a plugin's values; they hold from its next start on. Writes files."""
        plugin = self.find(name)
        path = self.folders.config_file(plugin.directory)
        AstrBotConfig(path, schema=plugin.schema).save_config(values)

    # --- one plugin -----------------------------------------------------------------------------------

    async def _load(self, directory: str) -> Plugin:
        known = self._plugins.get(directory)
        if known is not None:
            await self._life.unload(known)
        sources = await asyncio.to_thread(self._discover)
        source = next((one for one in sources if one.directory == directory), None)
        if source is None:
            self._plugins.pop(directory, None)
            raise NotFound(f"There is no plugin folder named {directory} with a main.py.")
        if source.origin == "user":
            await asyncio.to_thread(drop_bytecode, source.folder)
        plugin = self._new(source)
        tried: set[str] = set()
        while await self._life.prepare(plugin) and plugin.missing_module not in tried:
            tried.add(plugin.missing_module)
            if not await self._life.install_lacking(plugin):
                break
            plugin = self._new(source)
        if plugin.state is PluginState.LOADING:
            await self._life.finish(plugin)
        return plugin

    async def _install_and_load(self, plugin: Plugin) -> None:
        # Outside the lock: pip may take minutes, and other plugins must be changeable meanwhile.
        if await self._life.install_lacking(plugin):
            async with self._changing:
                if self._plugins.get(plugin.directory) is plugin:
                    await self._load(plugin.directory)

    def _discover(self) -> list[discovery.PluginSource]:
        user = self.data_dir / "plugins" if self.settings.enabled else None
        bundled = self._bundled if self.settings.bundled else None
        return discovery.discover(user, bundled=bundled, entry_points=self.settings.enabled)

    def _off(self, name: str) -> bool:
        stored = self.preferences.get(DISABLED_KEY, [])
        return name in self.settings.disabled or (isinstance(stored, list) and name in stored)

    async def _remember(self, name: str, *, off: bool) -> None:
        stored = self.preferences.get(DISABLED_KEY, [])
        names = [one for one in stored if one != name] if isinstance(stored, list) else []
        if off:
            names.append(name)
        if names != stored:
            await self.preferences.put_async(GLOBAL, GLOBAL, DISABLED_KEY, names)

    def _scopes(self) -> list[PluginScope]:
        return [plugin.scope for plugin in list(self._plugins.values())]

    def _lagged(self, report: LagReport) -> None:
        for plugin in self._plugins.values():
            if plugin.name == report.plugin:
                plugin.blocked.append(report)

"""From a folder to a running plugin and back; what goes wrong on the way stays with that plugin."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

from astrbot_like.domain.errors import BotError, PluginError
from astrbot_like.plugin_host import loader
from astrbot_like.plugin_host.dispatch import Dispatcher
from astrbot_like.plugin_host.imports import PluginNamespace
from astrbot_like.plugin_host.install import PluginFolders
from astrbot_like.plugin_host.metadata import PluginMetadata, check_version, read_metadata
from astrbot_like.plugin_host.pages import read_translations
from astrbot_like.plugin_host.records import Plugin, PluginState, describe_failure
from astrbot_like.plugin_host.requirements import SHIPPED_BY_ASTRBOT, Requirements, requirement_lines
from astrbot_like.plugin_host.settings import PluginSettings
from astrbot_like.plugin_host.skills import find_skills
from astrbot_like.plugin_host.star_records import fill_star_metadata, new_star_metadata
from astrbot_like.plugin_host.tables import PluginTables
from astrbot_like.runtime.tasks import cancel_and_wait

if TYPE_CHECKING:
    from astrbot_like.api.star.context import Context

log = logging.getLogger(__name__)

Change: TypeAlias = Literal["loaded", "unloading"]
Watcher: TypeAlias = Callable[[Change, Plugin], Awaitable[None]]


class Lifecycle:
    """Starts and stops single plugins for the host, which says when.

    Args:
        settings: Time limits.
        namespace: The packages plugins are imported under.
        tables: What plugins fill.
        dispatch: Runs the hooks about plugins.
        requirements: What is installed, and installs.
        folders: Where configurations lie.
        enter: Makes the context a plugin's code runs in.
        context: What plugins get as ``context``.
        others: All plugins of the host.
        is_off: Whether a plugin of that name is switched off.
        api_version: The AstrBot version whose API this host offers.
    """

    def __init__(
        self,
        settings: PluginSettings,
        *,
        namespace: PluginNamespace,
        tables: PluginTables,
        dispatch: Dispatcher,
        requirements: Requirements,
        folders: PluginFolders,
        enter: Callable[[Plugin | None], contextvars.Context],
        context: Callable[[], Context],
        others: Callable[[], Sequence[Plugin]],
        is_off: Callable[[str], bool],
        api_version: str,
    ) -> None:
        self._settings = settings
        self._namespace = namespace
        self._tables = tables
        self._dispatch = dispatch
        self._requirements = requirements
        self._folders = folders
        self._enter = enter
        self._context = context
        self._others = others
        self._is_off = is_off
        self._api_version = api_version
        self.watchers: list[Watcher] = []

    async def prepare(self, plugin: Plugin) -> bool:
        """Everything up to the plugin's object; its state tells the outcome (``LOADING``: ready to be finished).

        Returns:
            Whether it failed because of a missing package that can be installed.
        """
        began = time.monotonic()
        plugin.star_metadata = new_star_metadata(plugin)
        plugin.stage = "metadata"
        try:
            plugin.translations = await asyncio.to_thread(read_translations, plugin.source.folder)
            plugin.skills = await asyncio.to_thread(find_skills, plugin.source.folder)
            written = await asyncio.to_thread(read_metadata, plugin.source.folder)
            if written is not None:
                self._describe(plugin, written)
                check_version(written, self._api_version)
            await self._import(plugin)
            if written is None:
                plugin.stage = "metadata"
                self._describe(plugin, loader.metadata_of_class(plugin))
            fill_star_metadata(plugin)
            if self._is_off(plugin.name):
                plugin.state = PluginState.DISABLED
                await plugin.scope.cancel_tasks(self._settings.stop_timeout)
                self._tables.drop(plugin, self._namespace.package_of(plugin.directory))
            else:
                await self._construct(plugin)
        except Exception as error:  # noqa: BLE001 - the guard: one plugin's failure is kept and shown, the others go on
            plugin.missing_module = loader.missing_module(error) if plugin.stage == "import" else ""
            await self.fail(plugin, plugin.stage, error)
            return await self._can_be_installed(plugin)
        finally:
            plugin.load_seconds = time.monotonic() - began
        return False

    async def _import(self, plugin: Plugin) -> None:
        plugin.stage = "import"
        limit = self._settings.start_timeout
        context = self._enter(plugin)
        package = self._namespace.package_of(plugin.directory)
        plugin.declared = await loader.import_plugin(
            plugin,
            self._namespace,
            context=context,
            timeout=limit,
            undo=lambda: self._tables.drop(plugin, package),
        )
        plugin.star_class = loader.find_class(plugin, plugin.declared, self._namespace.prefix)

    async def _construct(self, plugin: Plugin) -> None:
        plugin.stage = "config"
        path = self._folders.config_file(plugin.directory)
        plugin.config = await asyncio.to_thread(loader.load_config, plugin, path)
        self._tables.claim_types(plugin)
        plugin.stage = "construct"
        fill_star_metadata(plugin)
        plugin.instance = self._enter(plugin).run(loader.construct, plugin, self._context())

    async def finish(self, plugin: Plugin) -> None:
        """Initialize a prepared plugin and let its handlers run."""
        began = time.monotonic()
        try:
            await loader.start(plugin, context=self._enter(plugin), timeout=self._settings.start_timeout)
        except Exception as error:  # noqa: BLE001 - the guard: one plugin's failure is kept and shown, the others go on
            await self.fail(plugin, "initialize", error)
            return
        finally:
            plugin.load_seconds += time.monotonic() - began
        plugin.state = PluginState.ACTIVE
        self._tables.activate(plugin)
        fill_star_metadata(plugin, [record.handler_full_name for record in plugin.declared.handlers])
        await self._tell("loaded", plugin)
        await self._dispatch.hook("plugin_loaded", None, plugin.star_metadata)
        log.info("plugin loaded", extra={"plugin": plugin.name, "version": plugin.metadata.version})

    async def unload(self, plugin: Plugin) -> None:
        """Stop a plugin and take out everything that is its; its record stays, without its objects."""
        if plugin.starting is not None and plugin.starting is not asyncio.current_task():
            await cancel_and_wait(plugin.starting)
        was_active = plugin.active
        if plugin.state is not PluginState.FAILED:
            plugin.state = PluginState.DISABLED
        if was_active:
            await self._tell("unloading", plugin)
        self._tables.index.remove(plugin)
        try:
            await loader.stop(plugin, context=self._enter(plugin), timeout=self._settings.stop_timeout)
        except Exception as error:
            plugin.problems.append(describe_failure("terminate", error, plugin.source.folder))
            log.error("plugin failed to stop", exc_info=error, extra={"plugin": plugin.name})
        if was_active:
            await self._dispatch.hook("plugin_unloaded", None, plugin.star_metadata)
        await self._clear(plugin)

    async def fail(self, plugin: Plugin, stage: str, error: BaseException) -> None:
        """Keep why a plugin does not run, and clear away what it left."""
        plugin.state = PluginState.FAILED
        failure = plugin.failure = describe_failure(stage, error, plugin.source.folder)
        log.error(
            "plugin does not start",
            exc_info=None if isinstance(error, BotError) else error,
            extra={"plugin": plugin.name, "stage": stage, "reason": failure.reason, "where": failure.where},
        )
        await self._clear(plugin)

    async def install_lacking(self, plugin: Plugin) -> bool:
        """Install what a plugin requires and lacks; False when that failed (it is kept as the plugin's failure)."""
        try:
            await self._requirements.ensure(
                plugin.source.folder, plugin=plugin.name, module=plugin.missing_module, tolerant=True
            )
        except BotError as error:
            told = PluginError(f"The module {plugin.missing_module} is missing. {error.message}", plugin.name)
            await self.fail(plugin, "requirements", told)
            return False
        return True

    async def _clear(self, plugin: Plugin) -> None:
        left = await plugin.scope.cancel_tasks(self._settings.stop_timeout)
        if left:
            log.warning("tasks of a plugin go on", extra={"plugin": plugin.name, "tasks": [t.get_name() for t in left]})
        self._tables.drop(plugin, self._namespace.package_of(plugin.directory))
        plugin.left_threads = [thread.name for thread in plugin.scope.threads()]
        if plugin.left_threads:
            log.warning("threads of a plugin go on", extra={"plugin": plugin.name, "threads": plugin.left_threads})
        self._namespace.forget(plugin.directory, plugin.source.folder)
        plugin.forget()

    async def _can_be_installed(self, plugin: Plugin) -> bool:
        """Whether the module that a plugin could not import may come with an installation of packages."""
        if not plugin.missing_module:
            return False
        if plugin.missing_module in SHIPPED_BY_ASTRBOT:
            return True

        def look() -> bool:
            return bool(self._requirements.unmet(requirement_lines(plugin.source.folder), plugin.name))

        try:
            return await asyncio.to_thread(look)
        except PluginError as error:
            await self.fail(plugin, "requirements", error)
            return False

    def _describe(self, plugin: Plugin, metadata: PluginMetadata) -> None:
        for other in self._others():
            if other is not plugin and other.name == metadata.name and other.state is not PluginState.FAILED:
                both = f"{other.directory} and {plugin.directory}"
                raise PluginError(f"Two plugins are named {metadata.name}: {both}.", plugin.directory)
        plugin.metadata = metadata
        plugin.scope.name = metadata.name
        fill_star_metadata(plugin)

    async def _tell(self, change: Change, plugin: Plugin) -> None:
        for watcher in self.watchers:
            try:
                await watcher(change, plugin)
            except Exception as error:
                log.error("a change of plugins was not taken in", exc_info=error, extra={"plugin": plugin.name})

"""The composition root: every object is built here, once, and handed down.

Nothing in the other rooms looks anything up; two applications can live in one process.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
from quart import Quart

from astrbot_like.config import Settings
from astrbot_like.dashboard.app import create_app
from astrbot_like.dashboard.live.routes import open_sockets
from astrbot_like.dashboard.socket_pump import OpenSockets
from astrbot_like.domain.errors import Unavailable
from astrbot_like.engine.dispatch import EventDispatcher
from astrbot_like.engine.settings import EngineSettings
from astrbot_like.engine.startup import Startup
from astrbot_like.host.dashboard_services import RefreshingProfiles, dashboard_services
from astrbot_like.host.declared import (
    EMBEDDED_CHAINS,
    declared_platforms,
    declared_providers,
    embedded_providers,
    resolve_environment,
)
from astrbot_like.host.engine_parts import EngineParts, build_engine
from astrbot_like.host.front_door import FrontDoor
from astrbot_like.host.mcp_parts import configured_mcp_servers
from astrbot_like.host.plugin_parts import PluginParts, build_plugins
from astrbot_like.host.profiles import ProfileBook, declared_profiles
from astrbot_like.host.services.running import run_noted
from astrbot_like.host.stores import Stores, open_stores
from astrbot_like.operations.accounts import FirstAccount
from astrbot_like.operations.plugin_requests import PluginRequestServer
from astrbot_like.operations.plugins import PluginOperations
from astrbot_like.platforms.webchat.memory import MemoryQueues
from astrbot_like.runtime.clock import Clock, SystemClock
from astrbot_like.runtime.logging import LogBus
from astrbot_like.runtime.tasks import Supervisor

log = logging.getLogger(__name__)


class Application:
    """One installation behind its front door. Use ``start`` and ``stop``.

    Args:
        door: Opened when HTTP can be answered.

    Attributes:
        first_account: The administrator made at the first start; None at later ones.
    """

    def __init__(self, settings: Settings, logs: LogBus, door: FrontDoor, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self.data = Path(settings.server.data_dir).resolve()
        self.first_account: FirstAccount | None = None
        self.supervisor = Supervisor(self.clock)
        self._logs = logs
        self._door = door
        self._not_ready = "The server is starting. Please try again in a moment."
        self._stores: Stores | None = None
        self._app: Quart | None = None
        self._sockets: OpenSockets | None = None
        self._engine: EngineParts | None = None
        self._plugins: PluginParts | None = None
        self._loading: asyncio.Task[Any] | None = None
        self._startup = Startup(self.clock)

    async def start(self) -> None:
        """Open the data, open the door, and load plugins, providers and platforms in the background.

        Returns when HTTP is answered; ``wait_until_ready`` tells when everything else is there.

        Raises:
            BotError: It can't start; the text says why and what to do.
        """
        settings = self.settings
        declared = declared_profiles(settings.profiles)
        own_providers = declared_providers(settings.providers)
        platforms = declared_platforms(settings.platforms)
        stores = self._stores = await open_stores(
            self.data, settings.storage, self.clock, exclusive=True, accounts=settings.accounts
        )
        await asyncio.to_thread(self._make_folders)
        self.first_account = await stores.accounts.ensure_first(
            settings.admin.username or None, settings.admin.password or None
        )
        profiles = RefreshingProfiles(stores.records.profiles, stores.sessions, declared)
        book = ProfileBook(profiles, stores.personas, stores.preferences, EMBEDDED_CHAINS, self.data, settings.profiles)
        profiles.book = book
        await book.refresh()
        providers = [*embedded_providers(book.providers_in_use()), *own_providers]
        dispatcher = EventDispatcher(self._run_turn, settings.turn.handler_concurrency)
        queues = MemoryQueues()
        plugins = self._plugins = await build_plugins(
            settings, stores, book, dispatcher.queue, self.supervisor, self.clock, self.data
        )
        engine = self._engine = build_engine(
            EngineSettings(settings.turn, settings.live, settings.voice, settings.documents),
            stores=stores,
            book=book,
            plugins=plugins,
            queues=queues,
            dispatcher=dispatcher,
            startup=self._startup,
            clock=self.clock,
            supervisor=self.supervisor,
            temp_dir=self.data / "temp",
        )
        self._start_services()
        app = self._app = create_app(
            dashboard_services(
                settings=settings.dashboard,
                stores=stores,
                profiles=profiles,
                book=book,
                plugins=plugins,
                engine=engine,
                queues=queues,
                logs=self._logs,
                clock=self.clock,
                supervisor=self.supervisor,
                ready=self._check_ready,
                provider_settings=lambda: book.get().get("provider_settings", {}),
            )
        )
        self._sockets = open_sockets(app)
        await app.startup()
        self._door.open(app)
        self._loading = self.supervisor.job(
            self._load(plugins, engine, stores, book, providers, platforms), name="loading"
        )

    async def wait_until_ready(self) -> None:
        """Wait until plugins, providers and platforms are loaded."""
        if self._loading is not None:
            await asyncio.wait({self._loading})

    def stop_admitting(self) -> None:
        """Take no more turns."""
        self._not_ready = "The server is stopping."
        if self._engine is not None:
            self._engine.stop_admitting()

    async def finish_turns(self) -> None:
        """Let running turns end for the grace time; the rest are stored as interrupted.

        Sockets without a turn are closed at once, the others when their turn has ended.
        """
        grace = self.settings.server.shutdown_grace
        async with asyncio.TaskGroup() as ending:
            if self._sockets is not None:
                ending.create_task(self._sockets.drain(grace))
            if self._engine is not None:
                ending.create_task(self._engine.dispatcher.drain(grace))

    async def stop(self) -> None:
        """Close everything; turns that still run are stored as interrupted."""
        self.stop_admitting()
        if self._engine is not None:
            await self._engine.dispatcher.drain(0.0)
        if self._app is not None:
            await self._app.shutdown()
        if self._plugins is not None:
            self._plugins.cron.close()
        await self.supervisor.aclose()
        if self._engine is not None:
            await self._engine.platforms.aclose()
        if self._plugins is not None:
            await self._plugins.aclose()
        if self._stores is not None:
            await self._stores.aclose()

    # --- parts ------------------------------------------------------------------------------------

    async def _load(
        self,
        plugins: PluginParts,
        engine: EngineParts,
        stores: Stores,
        book: ProfileBook,
        providers: list[Any],
        platforms: list[Any],
    ) -> None:
        try:
            await plugins.host.load_all()
            declared = {config.id for config in providers}
            stored = [config for config in await stores.records.providers.all() if config.id not in declared]
            await plugins.directory.load(
                msgspec.structs.replace(config, config=resolve_environment(config.config))
                for config in [*providers, *stored]
            )
        finally:
            self._startup.end()
        declared = {config.id for config in platforms}
        stored_platforms = [config for config in await stores.records.platforms.all() if config.id not in declared]
        await engine.platforms.load([*platforms, *stored_platforms])
        await plugins.mcp.start(await configured_mcp_servers(stores, self.data))
        await plugins.cron.restore()
        await plugins.host.dispatch.hook("astrbot_loaded", None)
        self._spare_the_collector()
        self._not_ready = ""
        log.info("ready", extra={"plugins": len(plugins.host.plugins())})

    @staticmethod
    def _spare_the_collector() -> None:
        """Take what lives as long as the process out of the garbage collector's sight.

        A full collection then looks at what turns have left, not at 100,000 objects of modules: 70 ms of standstill
        become a few. (A bundled plugin that is reloaded later leaves its first module behind, once.)
        """
        gc.collect()
        gc.freeze()

    async def _check_ready(self) -> None:
        if self._not_ready:
            raise Unavailable(self._not_ready)

    async def _run_turn(self, event: Any) -> None:
        assert self._engine is not None and self._plugins is not None
        await run_noted(self._engine.turns.run, event, self._plugins.host.active_events)

    def _start_services(self) -> None:
        assert self._stores is not None and self._engine is not None and self._plugins is not None
        requests = PluginRequestServer(self.data, PluginOperations(self._plugins.host), self.clock)
        services: dict[str, Callable[[], Awaitable[None]]] = {
            "message events": self._engine.dispatcher.serve,
            "changes from outside": self._stores.watch.run,
            "use of API keys": self._stores.api_keys.run,
            "statistics": self._stores.statistics.run,
            "search index": self._stores.search.run,
            "clean-up of files": self._stores.attachments.run,
            "plugin requests": requests.serve,
        }
        for name, run in services.items():
            self.supervisor.service(name, run)
        self._engine.platforms.add(self._engine.webchat)

    def _make_folders(self) -> None:
        for name in ("temp", "plugins", "plugin_data", "config", "attachments"):
            (self.data / name).mkdir(parents=True, exist_ok=True)

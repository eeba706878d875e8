"""Platform adapters: made from their configurations, run under supervision, stopped in order."""

from __future__ import annotations

import asyncio
import inspect
import logging
import traceback
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Protocol

from astrbot_like.api.event import MessageChain
from astrbot_like.api.platform import MessageSession, Platform, PlatformStatus
from astrbot_like.domain.errors import BotError, ConfigError, Conflict, NotFound
from astrbot_like.domain.profiles import PlatformConfig
from astrbot_like.engine.providers import describe
from astrbot_like.runtime.clock import Clock
from astrbot_like.runtime.tasks import cancel_and_wait

log = logging.getLogger(__name__)

STOP_DEADLINE = 15.0
"""Seconds an adapter's ``terminate`` may take."""

SEND_DEADLINE = 60.0
"""Seconds sending one message on the bot's own initiative may take."""

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds before an adapter that failed is started again; doubled each time."""


class PlatformTypes(Protocol):
    """Adapter types that plugins registered."""

    def get(self, type_name: str, /) -> Any:
        """The record (``cls``, ``meta``) of that type, or None."""
        ...


class PlatformInstances:
    """All adapters of this process. ``instances`` is the list that plugins walk.

    Args:
        types: Registered adapter types.
        platform_settings: The host configuration's tree of that name, handed to each adapter.
        queue: Where adapters commit their events.
        on_loaded: Called after an adapter was started.
    """

    def __init__(
        self,
        types: PlatformTypes,
        platform_settings: Callable[[], Mapping[str, Any]],
        queue: asyncio.Queue[Any],
        clock: Clock,
        on_loaded: Callable[[], Awaitable[None]],
    ) -> None:
        self._types = types
        self._platform_settings = platform_settings
        self.queue = queue
        self._clock = clock
        self._on_loaded = on_loaded
        self.instances: list[Platform] = []
        self.failures: dict[str, str] = {}
        """Why an adapter could not be made, by its id."""
        self._configs: dict[str, PlatformConfig] = {}
        self._running: dict[str, tuple[Platform, asyncio.Task[None]]] = {}
        # By the id of the configuration: some adapters call themselves otherwise.

    def add(self, platform: Platform) -> None:
        """Run an adapter that was made elsewhere."""
        self._run(platform.meta().id, platform)

    def _run(self, platform_id: str, platform: Platform) -> None:
        self.instances.append(platform)
        task = asyncio.create_task(self._keep(platform_id, platform), name=f"platform {platform_id}")
        self._running[platform_id] = (platform, task)

    async def load(self, configs: Iterable[PlatformConfig]) -> None:
        """Make and run adapters; one that can't be made is kept with its reason."""
        for config in configs:
            try:
                await self.start(config)
            except BotError as error:
                log.error("platform could not be started", extra={"platform": config.id, "error": error.message})

    async def start(self, config: PlatformConfig) -> None:
        """Make and run one adapter; one that is switched off is only remembered.

        Raises:
            Conflict: One with that id runs.
            ConfigError: No plugin supplies the type, or the adapter refused its configuration.
        """
        if self.find(config.id) is not None:
            raise Conflict(f"A bot with the id {config.id!r} is running.")
        self._configs[config.id] = config
        self.failures.pop(config.id, None)
        if not config.enable:
            return
        record = self._types.get(config.type)
        if record is None:
            raise self._refused(config.id, f"No plugin supplies the platform type {config.type!r}.")
        template = record.meta.default_config_tmpl or {}
        options = {**template, **config.config, "id": config.id, "type": config.type, "enable": True}
        try:
            platform = record.cls(options, dict(self._platform_settings()), self.queue)
            platform.meta()  # asked of every adapter at every turn: one that fails at it must not come among them
        except Exception as error:
            log.error("platform failed to start", exc_info=error, extra={"platform": config.id})
            raise self._refused(config.id, f"The adapter could not be made: {describe(error)}") from error
        self._run(config.id, platform)
        await self._on_loaded()

    async def stop(self, platform_id: str) -> None:
        """Stop an adapter; unknown ids are ignored."""
        platform = self.find(platform_id)
        if platform is None:
            return
        if platform in self.instances:
            self.instances.remove(platform)
        try:
            async with self._clock.timeout(STOP_DEADLINE):
                await platform.terminate()
        except Exception as error:
            log.error("platform failed to stop", exc_info=error, extra={"platform": platform_id})
        if (running := self._running.pop(self.id_of(platform), None)) is not None:
            await cancel_and_wait(running[1])
        platform.status = PlatformStatus.STOPPED

    async def reload_types(self, type_names: Iterable[str]) -> None:
        """Make the adapters of these types anew, after their plugin was loaded or unloaded."""
        names = set(type_names)
        for config in [c for c in self._configs.values() if c.type in names]:
            await self.stop(config.id)
            await self.load([config])

    async def stop_types(self, type_names: Iterable[str]) -> None:
        """Stop the adapters of these types: their plugin is going. They come back with ``reload_types``."""
        names = set(type_names)
        for config in [c for c in self._configs.values() if c.type in names]:
            await self.stop(config.id)
            self.failures[config.id] = "Its plugin is switched off."

    async def aclose(self) -> None:
        """Stop all adapters, the latest first."""
        for platform_id in reversed(list(self._running)):
            await self.stop(platform_id)
        for platform in list(self.instances):  # put there by a plugin itself
            await self.stop(platform.meta().id)

    def find(self, platform_id: str) -> Platform | None:
        """The running adapter with that id: that of its configuration, or the one it gives itself."""
        running = self._running.get(platform_id)
        if running is not None:
            return running[0]
        return next((p for p in self.instances if p.meta().id == platform_id), None)

    def id_of(self, platform: Platform) -> str:
        """The id of a running adapter's configuration."""
        configured = (name for name, (running, _) in self._running.items() if running is platform)
        return next(configured, "") or platform.meta().id

    def forget(self, platform_id: str) -> None:
        """Drop what is remembered of an adapter that was deleted."""
        self._configs.pop(platform_id, None)
        self.failures.pop(platform_id, None)

    async def send(self, session: MessageSession, chain: MessageChain) -> bool:
        """Send on the bot's own initiative.

        Returns:
            False when no adapter has the session's platform id.
        """
        platform = self.find(session.platform_id)
        if platform is None:
            return False
        async with self._clock.timeout(SEND_DEADLINE):
            await platform.send_by_session(session, chain)
        return True

    def require(self, platform_id: str) -> Platform:
        """The running adapter with that id.

        Raises:
            NotFound: There is none.
        """
        platform = self.find(platform_id)
        if platform is None:
            raise NotFound(f"No bot with the id {platform_id!r} is running.")
        return platform

    # --- running ----------------------------------------------------------------------------------

    async def _keep(self, platform_id: str, platform: Platform) -> None:
        """Run an adapter; one that fails is started again after a pause."""
        pause = FIRST_PAUSE
        while True:
            started = self._clock.monotonic()
            platform.status = PlatformStatus.RUNNING
            try:
                running = platform.run()
                if inspect.isawaitable(running):
                    await running
                platform.status = PlatformStatus.STOPPED
                return
            except Exception as error:
                log.error("platform failed", exc_info=error, extra={"platform": platform_id})
                platform.record_error(describe(error), traceback.format_exc())
            if self._clock.monotonic() - started > LONGEST_PAUSE:
                pause = FIRST_PAUSE
            await self._clock.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _refused(self, platform_id: str, reason: str) -> ConfigError:
        self.failures[platform_id] = reason
        return ConfigError(reason)

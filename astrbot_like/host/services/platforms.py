"""Platforms, for plugins and for administrators."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from astrbot_like.api.event import MessageChain
from astrbot_like.api.platform import MessageSession, Platform
from astrbot_like.domain.origins import WEBCHAT
from astrbot_like.domain.profiles import PlatformConfig
from astrbot_like.platforms.manager import PlatformInstances


class RunningPlatform(msgspec.Struct, frozen=True):
    """An adapter and how it fares, for administrators."""

    id: str
    type: str
    state: Any
    last_error: str
    started_at: float | None


class PluginPlatforms:
    """Implements the API's ``PlatformService`` and the ``PlatformRunner`` of operations."""

    def __init__(self, platforms: PlatformInstances, types: dict[str, Any]) -> None:
        self._platforms = platforms
        self._types = types

    # --- for plugins ------------------------------------------------------------------------------

    @property
    def instances(self) -> list[Platform]:
        """The running adapters."""
        return self._platforms.instances

    @property
    def queue(self) -> asyncio.Queue[Any]:
        """Where events go into the pipeline."""
        return self._platforms.queue

    async def send(self, session: MessageSession, chain: MessageChain) -> bool:
        """Send without an event; False when no platform has that id."""
        return await self._platforms.send(session, chain)

    async def load(self, config: dict[str, Any]) -> None:
        """Build and start a platform."""
        await self._platforms.start(_config(config))

    async def reload(self, config: dict[str, Any]) -> None:
        """Stop and start a platform with another configuration."""
        await self.put(_config(config))

    async def terminate(self, platform_id: str) -> None:
        """Stop a platform."""
        await self._platforms.stop(platform_id)

    # --- for administrators -----------------------------------------------------------------------

    def types(self) -> Sequence[Any]:
        """Types that can be configured."""
        return [record.meta for record in self._types.values()]

    def running(self) -> Sequence[RunningPlatform]:
        """All adapters, the web chat included, and those that could not be made."""
        found = [_running(self._platforms.id_of(platform), platform) for platform in self._platforms.instances]
        found += [
            RunningPlatform(platform_id, "", "error", reason, None)
            for platform_id, reason in self._platforms.failures.items()
        ]
        return found

    async def put(self, config: PlatformConfig) -> object:
        """Make and start an adapter, in place of one with the same id."""
        await self._platforms.stop(config.id)
        return await self._platforms.start(config)

    async def remove(self, platform_id: str) -> None:
        """Stop an adapter and forget it."""
        if platform_id != WEBCHAT:
            await self._platforms.stop(platform_id)
            self._platforms.forget(platform_id)


def _running(platform_id: str, platform: Platform) -> RunningPlatform:
    error = platform.last_error
    started = platform.get_stats().get("started_at")
    from datetime import datetime

    return RunningPlatform(
        id=platform_id,
        type=platform.meta().name,
        state=platform.status.value,
        last_error=error.message if error is not None else "",
        started_at=datetime.fromisoformat(started).timestamp() if isinstance(started, str) else None,
    )


def _config(config: dict[str, Any]) -> PlatformConfig:
    return PlatformConfig(
        id=str(config["id"]),
        type=str(config["type"]),
        config=config,
        enable=bool(config.get("enable", True)),
    )

"""Asks every configured provider for one small answer, without a server: ``astrbot-like doctor``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from astrbot_like.config import Settings
from astrbot_like.domain.errors import BotError
from astrbot_like.domain.profiles import ProviderConfig
from astrbot_like.engine.providers import ProviderDirectory
from astrbot_like.host.declared import (
    EMBEDDED_CHAINS,
    declared_providers,
    embedded_providers,
    resolve_environment,
)
from astrbot_like.host.plugin_parts import PluginParts, build_plugins
from astrbot_like.host.profiles import ProfileBook, declared_profiles
from astrbot_like.host.stores import Stores, open_stores
from astrbot_like.operations.doctor.findings import Finding, failure, ok, warning
from astrbot_like.operations.profiles import Profiles
from astrbot_like.operations.providers import ProviderOperations
from astrbot_like.runtime.clock import Clock, SystemClock
from astrbot_like.runtime.tasks import Supervisor

LONGEST = 60
"""Characters of an answer that are shown."""


async def check_providers(settings: Settings, data: Path | None) -> list[Finding]:
    """What came of asking each provider.

    Plugins of third parties are not loaded: beside a running server they would do their work twice.

    Args:
        data: The data directory; None: only what the settings file declares and the embedded ones are asked.
    """
    clock = SystemClock()
    supervisor = Supervisor(clock)
    with TemporaryDirectory(prefix="astrbot-like-") as scratch_name:
        scratch = Path(scratch_name)
        stores = await open_stores(data or scratch, settings.storage, clock, exclusive=False)
        try:
            parts = await _plugins(settings, stores, scratch, supervisor, clock)
            try:
                return await _ask_all(settings, stores, parts, clock)
            finally:
                await parts.host.aclose()
                await parts.directory.aclose()
        finally:
            await supervisor.aclose()
            await stores.aclose()


async def _plugins(
    settings: Settings, stores: Stores, scratch: Path, supervisor: Supervisor, clock: Clock
) -> PluginParts:
    profiles = Profiles(stores.records.profiles, stores.sessions, declared_profiles(settings.profiles))
    book = ProfileBook(profiles, stores.personas, stores.preferences, EMBEDDED_CHAINS, stores.data, settings.profiles)
    await book.refresh()
    bundled_only = msgspec.structs.replace(settings, plugins=msgspec.structs.replace(settings.plugins, enabled=False))
    queue: asyncio.Queue[Any] = asyncio.Queue(1)
    parts = await build_plugins(bundled_only, stores, book, queue, supervisor, clock, scratch)
    await parts.host.load_all()
    return parts


async def _ask_all(settings: Settings, stores: Stores, parts: PluginParts, clock: Clock) -> list[Finding]:
    declared = [*embedded_providers(()), *declared_providers(settings.providers)]
    names = {config.id for config in declared}
    configs = [*declared, *(config for config in await stores.records.providers.all() if config.id not in names)]
    known = [config for config in configs if parts.catalogue.get(config.type) is not None]
    await parts.directory.load(
        msgspec.structs.replace(config, config=resolve_environment(config.config)) for config in known
    )
    operations = ProviderOperations(
        configs=stores.records.providers,
        directory=parts.directory,
        catalogue=parts.catalogue,
        scratch=lambda: ProviderDirectory(parts.catalogue, dict, clock),
        clock=clock,
    )
    return [await _ask(operations, config, known) for config in configs]


async def _ask(operations: ProviderOperations, config: ProviderConfig, known: Sequence[ProviderConfig]) -> Finding:
    subject = f"provider {config.id}"
    if not config.enable:
        return ok(subject, "switched off")
    if config not in known:
        return warning(
            subject,
            f"not asked: its type {config.type} comes from a plugin",
            "Test it in the dashboard, under Providers.",
        )
    try:
        result = await operations.test(config.id, None)
    except BotError as error:
        return failure(subject, "does not work", error.message)
    if result.ok:
        answer = " ".join(result.answer.split())
        return ok(subject, f"answered in {result.seconds:.2f} s: {answer[:LONGEST]}")
    return failure(subject, f"failed after {result.seconds:.2f} s", result.message)

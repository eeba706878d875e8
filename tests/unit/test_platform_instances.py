"""Adapters made from their configurations, badly written ones among them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from astrbot_like.api.platform import Platform, PlatformMetadata, PlatformStatus
from astrbot_like.domain.errors import ConfigError
from astrbot_like.domain.profiles import PlatformConfig
from astrbot_like.platforms.manager import PlatformInstances
from astrbot_like.runtime.clock import SystemClock
from tests.support.census import settle


class Documented(Platform):
    """As AstrBot's documentation shows it: no id of its own, and the queue alone for the base class."""

    def __init__(self, platform_config: dict[str, Any], platform_settings: dict[str, Any], event_queue: Any) -> None:
        super().__init__(event_queue)
        self.config = platform_config

    def meta(self) -> PlatformMetadata:
        return PlatformMetadata("documented", "an adapter")

    async def run(self) -> None:
        await asyncio.Event().wait()


class Nameless(Documented):
    def meta(self) -> PlatformMetadata:
        raise TypeError("no name")


@pytest.fixture
async def instances() -> AsyncIterator[PlatformInstances]:
    types = {cls.__name__: SimpleNamespace(cls=cls, meta=PlatformMetadata("t", "")) for cls in (Documented, Nameless)}

    async def loaded() -> None: ...

    made = PlatformInstances(types, dict, asyncio.Queue(), SystemClock(), loaded)
    yield made
    await made.aclose()
    assert made.instances == []


async def test_an_adapter_without_an_id_is_known_by_its_type_and_stopped_by_its_configuration(
    instances: PlatformInstances,
) -> None:
    await instances.load([PlatformConfig("one", "Documented", {})])
    (platform,) = instances.instances
    assert platform.meta().id == "documented"
    assert instances.find("one") is instances.find("documented") is platform
    assert instances.id_of(platform) == "one"
    assert await settle(lambda: platform.status is PlatformStatus.RUNNING)
    await instances.reload_types(["Documented"])
    (again,) = instances.instances
    assert again is not platform
    assert platform.status is PlatformStatus.STOPPED
    await instances.stop_types(["Documented"])
    assert instances.instances == []


async def test_an_adapter_that_cannot_name_itself_is_refused_and_holds_nobody_up(instances: PlatformInstances) -> None:
    await instances.load([PlatformConfig("bad", "Nameless", {}), PlatformConfig("good", "Documented", {})])
    assert [instances.id_of(one) for one in instances.instances] == ["good"]
    assert instances.failures == {"bad": "The adapter could not be made: TypeError: no name"}
    with pytest.raises(ConfigError):
        await instances.start(PlatformConfig("bad", "Nameless", {}))

"""The dashboard's test button, pressed for a provider under test: through the same operations as the dashboard's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from astrbot_like.api.provider import ProviderMetaData
from astrbot_like.api.provider.register import PROVIDER_ATTRIBUTE
from astrbot_like.domain.profiles import ProviderConfig
from astrbot_like.engine.providers import ProviderDirectory
from astrbot_like.operations.provider_views import TestResult, Voice
from astrbot_like.operations.providers import ProviderOperations
from astrbot_like.runtime.clock import SystemClock
from tests.unit.providers.contract.subjects import PROVIDER_ID, Running


@dataclass
class OneType:
    """A catalogue with the type under test, and no stored configurations."""

    meta: ProviderMetaData

    def all(self) -> list[ProviderMetaData]:
        return [self.meta]

    def get(self, type_name: str, /) -> Any:
        return self.meta if type_name == self.meta.type else None

    def plugin_of(self, type_name: str, /) -> str:
        return "the plugin under test"

    def texts_of(self, type_name: str, /) -> dict[str, dict[str, Any]]:
        return {}


class NothingStored:
    """No provider was saved yet."""

    async def all(self) -> list[ProviderConfig]:
        return []

    async def get(self, name: str, /) -> ProviderConfig | None:
        return None

    async def put(self, record: ProviderConfig, /) -> ProviderConfig:
        raise NotImplementedError

    async def delete(self, name: str, /) -> None:
        raise NotImplementedError


@asynccontextmanager
async def dashboard(make: Any, options: Mapping[str, Any]) -> AsyncIterator[ProviderOperations]:
    """The dashboard's operations, where a provider of this class is the only one.

    Args:
        make: A registered class.
        options: Its configuration.
    """
    catalogue = OneType(getattr(make, PROVIDER_ATTRIBUTE).meta)
    clock = SystemClock()

    def directory() -> ProviderDirectory:
        return ProviderDirectory(catalogue, dict, clock)

    saved = directory()
    await saved.put(ProviderConfig(PROVIDER_ID, catalogue.meta.type, "", dict(options)))
    try:
        yield ProviderOperations(
            configs=NothingStored(), directory=saved, catalogue=catalogue, scratch=directory, clock=clock
        )
    finally:
        await saved.aclose()


async def press(make: Any, options: Mapping[str, Any]) -> TestResult:
    """What the dashboard shows after the button was pressed in a form that is not saved yet."""
    config = {**options, "id": PROVIDER_ID, "type": getattr(make, PROVIDER_ATTRIBUTE).meta.type}
    async with dashboard(make, options) as operations:
        return await operations.test(None, config)


async def button_shows(make: Any, options: Mapping[str, Any]) -> TestResult:
    """What it shows for a provider that works: an answer, and the time it took."""
    shown = await press(make, options)
    assert shown.ok, shown.message
    assert shown.answer
    assert shown.seconds >= 0
    return shown


async def voices(running: Running) -> list[Voice]:
    """The voices that the dashboard lets choose from."""
    async with dashboard(running.subject.make, running.subject.options(running.service.url)) as operations:
        return await operations.voices(PROVIDER_ID)


async def check_button(running: Running) -> TestResult:
    """The button shows an answer and the time it took, and in words what to do when there is none.

    Returns:
        What the button showed for the working service.
    """
    subject = running.subject
    shown = await button_shows(subject.make, subject.options(running.service.url))
    with subject.moved(running.closed_url):
        refused = await press(subject.make, subject.options(running.closed_url))
    assert not refused.ok
    assert "can't be reached" in refused.message
    return shown

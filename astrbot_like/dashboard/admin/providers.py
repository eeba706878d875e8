"""Providers: the models and voices a bot is made of."""

from __future__ import annotations

from typing import Any

import msgspec
from quart import Quart

from astrbot_like.dashboard.admin.views import ChangedConfig, Done, NewConfig
from astrbot_like.dashboard.routing import DASHBOARD, RouteTable
from astrbot_like.dashboard.services import DashboardServices
from astrbot_like.domain import errors
from astrbot_like.operations.provider_detection import DetectedProvider
from astrbot_like.operations.provider_views import ChainView, ProviderTypeView, ProviderView, TestResult, Voice


class ProviderList(msgspec.Struct, frozen=True):
    """All configured providers, and who answers for the default profile."""

    providers: list[ProviderView]
    chains: list[ChainView]


class ProviderTypeList(msgspec.Struct, frozen=True):
    """All types of providers that can be added."""

    types: list[ProviderTypeView]


class ProviderId(msgspec.Struct, frozen=True):
    """A provider by its id."""

    id: str


class ProviderProbe(msgspec.Struct, frozen=True):
    """A saved provider (``id``), or a configuration to try without saving it (``config``)."""

    id: str | None = None
    config: dict[str, Any] | None = None


class ModelList(msgspec.Struct, frozen=True):
    """Models a provider offers."""

    models: list[str]


class VoiceList(msgspec.Struct, frozen=True):
    """Voices a provider offers."""

    voices: list[Voice]


class DetectedList(msgspec.Struct, frozen=True):
    """Services found on this machine."""

    found: list[DetectedProvider]


def register(app: Quart, services: DashboardServices) -> None:
    """Declare the routes."""
    routes = RouteTable.of(app).group("Providers")
    providers = services.providers
    refused = (errors.NotFound, errors.Conflict)

    @routes.get("/api/provider/list", access=DASHBOARD)
    async def list_providers() -> ProviderList:
        """List the configured providers with their health, and who is asked in which order."""
        return ProviderList(await providers.list(), providers.chains())

    @routes.get("/api/provider/catalogue", access=DASHBOARD)
    async def provider_catalogue() -> ProviderTypeList:
        """List the types of providers that can be added, with the form of each."""
        return ProviderTypeList(providers.catalogue())

    @routes.get("/api/provider/detected", access=DASHBOARD)
    async def detected_providers() -> DetectedList:
        """Look for keys in the server's environment and for a local Ollama.

        Nothing is set up by it, and no key is shown: the configurations refer to the environment variable. What was
        added already is left out.
        """
        known = {provider.id for provider in await providers.list()}
        return DetectedList(await services.detection.find(known))

    @routes.post("/api/provider/new", access=DASHBOARD, errors=(errors.Conflict,))
    async def new_provider(body: NewConfig) -> ProviderView:
        """Add a provider and start it.

        One that can't be started is saved all the same; ``last_error`` says why.
        """
        return await providers.create(body.config)

    @routes.post("/api/provider/update", access=DASHBOARD, errors=refused)
    async def update_provider(body: ChangedConfig) -> ProviderView:
        """Change a provider and start it anew."""
        return await providers.update(body.id, body.config)

    @routes.post("/api/provider/delete", access=DASHBOARD, errors=refused)
    async def delete_provider(body: ProviderId) -> Done:
        """Stop a provider and forget it."""
        await providers.delete(body.id)
        return Done()

    @routes.post("/api/provider/test", access=DASHBOARD, errors=(errors.NotFound,))
    async def test_provider(body: ProviderProbe) -> TestResult:
        """Ask a provider for one small answer; a failure is part of the result."""
        return await providers.test(body.id, _checked(body).config)

    @routes.get("/api/provider/models", access=DASHBOARD, errors=(errors.NotFound, errors.ProviderError))
    async def provider_models(query: ProviderId) -> ModelList:
        """List the models a provider offers."""
        return ModelList(await providers.models(query.id, None))

    @routes.post("/api/provider/models", access=DASHBOARD, errors=(errors.NotFound, errors.ProviderError))
    async def probe_models(body: ProviderProbe) -> ModelList:
        """List the models that a configuration not saved yet gives access to."""
        return ModelList(await providers.models(body.id, _checked(body).config))

    @routes.get("/api/provider/voices", access=DASHBOARD, errors=(errors.NotFound, errors.ProviderError))
    async def provider_voices(query: ProviderId) -> VoiceList:
        """List the voices of a text-to-speech provider."""
        return VoiceList(await providers.voices(query.id))


def _checked(probe: ProviderProbe) -> ProviderProbe:
    if probe.id is None and probe.config is None:
        raise errors.BadRequest("Missing key: id")
    return probe

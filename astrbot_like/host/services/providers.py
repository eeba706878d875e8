"""Providers, for plugins: the running instances, and the one a session uses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from astrbot_like.domain.errors import NotFound
from astrbot_like.domain.profiles import ProviderConfig
from astrbot_like.engine.providers import ProviderDirectory
from astrbot_like.host.profiles import ProfileBook


class PluginProviders:
    """Implements ``ProviderService``."""

    def __init__(self, directory: ProviderDirectory, profiles: ProfileBook) -> None:
        self._directory = directory
        self._profiles = profiles

    def instances(self, kind: Any) -> Sequence[Any]:
        """All of one kind."""
        return [entry.instance for entry in self._directory.entries(_value(kind))]

    def by_id(self, provider_id: str) -> Any:
        """The provider of that id, or None."""
        entry = self._directory.get(provider_id)
        return entry.instance if entry is not None else None

    def using(self, kind: Any, umo: str | None = None) -> Any:
        """The one in use for a session, or generally; None when there is none."""
        value = _value(kind)
        profile = self._profiles.for_umo(umo)
        chain = self._directory.chain(value, self._profiles.chain_ids(profile, value, umo or ""))
        return chain[0].instance if chain else None

    async def set_using(self, kind: Any, provider_id: str, umo: str | None = None) -> None:
        """Choose one for a session, or generally.

        Raises:
            NotFound: There is no working provider of that kind with that id.
        """
        value = _value(kind)
        entry = self._directory.get(provider_id)
        if entry is None or entry.kind != value or entry.instance is None:
            raise NotFound(f"There is no provider {provider_id!r} of this kind.")
        await self._profiles.choose(value, provider_id, umo or "")

    async def load(self, config: dict[str, Any]) -> None:
        """Build and start a provider."""
        await self._directory.put(_config(config))

    async def reload(self, config: dict[str, Any]) -> None:
        """Stop and start a provider with another configuration."""
        await self._directory.put(_config(config))

    async def terminate(self, provider_id: str) -> None:
        """Stop a provider."""
        await self._directory.remove(provider_id)


def _config(config: dict[str, Any]) -> ProviderConfig:
    return ProviderConfig(
        id=str(config["id"]),
        type=str(config["type"]),
        provider_type=str(config.get("provider_type", "")),
        config=config,
        enable=bool(config.get("enable", True)),
    )


def _value(kind: Any) -> str:
    return str(getattr(kind, "value", kind))

"""Provider instances, the chains a profile names, and what happens when one of them fails.

A provider that fails before its first output is replaced by the next of its chain within the same turn. One that
keeps failing is left out for a while (circuit breaker), so a dead service costs nothing.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from astrbot_like.domain.errors import BotError, ConfigError, ProviderError, TurnTimeout
from astrbot_like.domain.profiles import ProviderConfig
from astrbot_like.engine.breaker import Breaker
from astrbot_like.runtime.clock import Clock
from astrbot_like.runtime.redaction import redact

log = logging.getLogger(__name__)

CHAT = "chat_completion"
"""``ProviderType`` value of chat models."""

START_DEADLINE = 60.0
"""Seconds a provider's ``initialize`` or ``terminate`` may take."""


class ProviderTypeRecord(Protocol):
    """A provider type that a plugin registered."""

    @property
    def cls_type(self) -> Callable[[dict[str, Any], dict[str, Any]], Any]:
        """Builds an instance from its configuration and the host's ``provider_settings``."""
        ...

    @property
    def provider_type(self) -> Any:
        """``ProviderType`` of its instances."""
        ...

    @property
    def default_config_tmpl(self) -> Mapping[str, Any] | None:
        """Options and their defaults."""
        ...


class ProviderTypes(Protocol):
    """All provider types registered now."""

    def get(self, type_name: str, /) -> ProviderTypeRecord | None:
        """The record of that type, or None."""
        ...


class Source(Protocol):
    """What names a provider in a report; ``ProviderEntry`` is one."""

    @property
    def id(self) -> str:
        """The provider's id."""
        ...


class ProviderEntry:
    """One configured provider and its state."""

    __slots__ = ("breaker", "config", "error", "instance", "kind", "last_error")

    def __init__(self, config: ProviderConfig) -> None:
        self.config = config
        self.instance: Any = None
        self.kind = ""
        self.error = ""
        """Why there is no instance; empty when there is one."""
        self.last_error = ""
        """The last failure of a call, for the dashboard."""
        self.breaker = Breaker()

    @property
    def id(self) -> str:
        """The provider's id."""
        return self.config.id

    @property
    def type(self) -> str:
        """The provider's registered type."""
        return self.config.type

    @property
    def model(self) -> str:
        """The model it uses by default; empty when it has none."""
        get_model = getattr(self.instance, "get_model", None)
        return str(get_model() or "") if callable(get_model) else ""


class ProviderDirectory:
    """All configured providers, and the way from a profile's chain to working instances.

    Args:
        types: Registered types; asked at each (re)load, so plugins may come and go.
        provider_settings: The host configuration's tree of that name, handed to each instance.
        clock: For the breakers.
        breaker_failures, breaker_seconds: See ``TurnSettings``.
    """

    def __init__(
        self,
        types: ProviderTypes,
        provider_settings: Callable[[], dict[str, Any]],
        clock: Clock,
        *,
        breaker_failures: int = 3,
        breaker_seconds: float = 30.0,
    ) -> None:
        self._types = types
        self._provider_settings = provider_settings
        self._clock = clock
        self._breaker_failures = breaker_failures
        self._breaker_seconds = breaker_seconds
        self._entries: dict[str, ProviderEntry] = {}
        self._lock = asyncio.Lock()

    # --- configuration ---------------------------------------------------------------------------

    async def load(self, configs: Iterable[ProviderConfig]) -> None:
        """Make all providers; one that can't be made is kept with its error."""
        for config in configs:
            await self.put(config)

    async def put(self, config: ProviderConfig) -> ProviderEntry:
        """Add or replace a provider."""
        async with self._lock:
            await self._drop(config.id)
            entry = self._entries[config.id] = ProviderEntry(config)
            await self._make(entry)
            return entry

    async def remove(self, provider_id: str) -> None:
        """Take a provider out; unknown ids are ignored."""
        async with self._lock:
            await self._drop(provider_id)

    async def reload_types(self, type_names: Iterable[str]) -> None:
        """Make the providers of these types anew, after their plugin was loaded or unloaded."""
        names = set(type_names)
        for entry in [e for e in self._entries.values() if e.config.type in names]:
            await self.put(entry.config)

    async def stop_types(self, type_names: Iterable[str]) -> None:
        """Terminate the providers of these types: their plugin is going. They come back with ``reload_types``."""
        names = set(type_names)
        async with self._lock:
            for entry in self._entries.values():
                if entry.type in names:
                    await self._terminate(entry)
                    entry.error = "Its plugin is switched off."

    async def aclose(self) -> None:
        """Terminate all instances."""
        async with self._lock:
            for provider_id in list(self._entries):
                await self._drop(provider_id)

    # --- look-up ---------------------------------------------------------------------------------

    def get(self, provider_id: str) -> ProviderEntry | None:
        """The provider with that id, working or not."""
        return self._entries.get(provider_id)

    def entries(self, kind: str | None = None) -> list[ProviderEntry]:
        """All providers, or those of one ``ProviderType`` value with an instance."""
        if kind is None:
            return list(self._entries.values())
        return [e for e in self._entries.values() if e.kind == kind and e.instance is not None]

    def chain(self, kind: str, ids: Sequence[str], *, first: str | None = None) -> list[ProviderEntry]:
        """Working providers of a chain in the order they are to be tried.

        Args:
            kind: ``ProviderType`` value.
            ids: The profile's chain.
            first: A provider chosen for this turn, tried before the chain.

        Raises:
            ConfigError: ``first`` is not a working provider of that kind.
        """
        order = list(ids)
        if first:
            entry = self._entries.get(first)
            if entry is None or entry.kind != kind:
                raise ConfigError(f"Provider {first!r} is not a configured {kind.replace('_', ' ')} provider.")
            if entry.instance is None:
                raise ConfigError(f"Provider {first!r} could not be started: {entry.error}")
            order = [first, *(i for i in ids if i != first)]
        found = [e for i in order if (e := self._entries.get(i)) is not None and e.kind == kind and e.instance]
        now = self._clock.monotonic()
        allowed = [e for e in found if e.breaker.allows(now)]
        return allowed or found

    # --- outcome of calls ------------------------------------------------------------------------

    def succeeded(self, source: Source, /) -> None:
        """A call gave output."""
        if (entry := self._entries.get(source.id)) is not None:
            entry.breaker.succeeded()
            entry.last_error = ""

    def failed(self, source: Source, error: BaseException, /) -> BotError:
        """A call failed; counts it and gives the coded error for people to read."""
        coded = coded_error(source.id, error)
        if (entry := self._entries.get(source.id)) is not None:
            entry.breaker.failed(
                error, self._clock.monotonic(), limit=self._breaker_failures, pause=self._breaker_seconds
            )
            entry.last_error = coded.message
        log.warning("provider failed", extra={"provider": source.id, "error": coded.message})
        log.debug("provider failure", exc_info=error, extra={"provider": source.id})
        return coded

    # --- making instances ------------------------------------------------------------------------

    async def _make(self, entry: ProviderEntry) -> None:
        config = entry.config
        if not config.enable:
            entry.error = "Switched off."
            return
        record = self._types.get(config.type)
        if record is None:
            entry.error = f"No plugin supplies the provider type {config.type!r}."
            log.warning("provider type is missing", extra={"provider": config.id, "type": config.type})
            return
        kind = getattr(record.provider_type, "value", record.provider_type)
        options = {
            **(record.default_config_tmpl or {}),
            **config.config,
            "id": config.id,
            "type": config.type,
            "enable": True,
            "provider_type": kind,
        }
        try:
            instance = record.cls_type(options, self._provider_settings())
            initialize = getattr(instance, "initialize", None)
            if callable(initialize):
                async with self._clock.timeout(START_DEADLINE):
                    made = initialize()
                    if inspect.isawaitable(made):
                        await made
        except Exception as error:
            entry.error = describe(error)
            log.error("provider could not be started", exc_info=error, extra={"provider": config.id})
            return
        entry.instance = instance
        entry.kind = str(kind)
        entry.error = ""

    async def _drop(self, provider_id: str) -> None:
        entry = self._entries.pop(provider_id, None)
        if entry is not None:
            await self._terminate(entry)

    async def _terminate(self, entry: ProviderEntry) -> None:
        instance, entry.instance = entry.instance, None
        terminate = getattr(instance, "terminate", None)
        if not callable(terminate):
            return
        try:
            async with self._clock.timeout(START_DEADLINE):
                ended = terminate()
                if inspect.isawaitable(ended):
                    await ended
        except Exception as error:
            log.error("provider could not be stopped", exc_info=error, extra={"provider": entry.id})


def coded_error(provider_id: str, error: BaseException) -> BotError:
    """Whatever a provider raised, as the error people see: its name and what they can act on."""
    match error:
        case ProviderError():
            named = error.message if provider_id in error.message else f"{provider_id}: {error.message}"
            return ProviderError(redact(named), provider_id, error.retryable)
        case BotError():
            return error
        case TimeoutError():
            return TurnTimeout(f"{provider_id} did not answer in time. Try again, or choose another provider.")
        case _:
            return ProviderError(f"{provider_id} failed: {describe(error)}", provider_id)


def describe(error: BaseException) -> str:
    """One line for people: an exception's own words, shortened, without secrets."""
    if isinstance(error, BotError):
        return redact(error.message)
    text = (str(error).strip().splitlines() or [""])[0][:300]
    return redact(f"{type(error).__name__}: {text}" if text else type(error).__name__)

"""What an administrator does with providers: add, change, remove, test, ask for models and voices."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec

from astrbot_like.domain.errors import BadRequest, BotError, Conflict, NotFound, ProviderError
from astrbot_like.domain.profiles import ProviderConfig
from astrbot_like.engine.providers import ProviderDirectory, ProviderEntry, coded_error
from astrbot_like.operations import provider_tests
from astrbot_like.operations.config_templates import form_schema
from astrbot_like.operations.provider_views import (
    ChainView,
    Health,
    ProviderConfigs,
    ProviderTypeView,
    ProviderView,
    TestResult,
    TypeCatalogue,
    Voice,
)
from astrbot_like.operations.secrets import mask, unmask
from astrbot_like.runtime.clock import Clock

log = logging.getLogger(__name__)

TEST_DEADLINE = 30.0
"""Seconds a test or a list of models may take."""

HOUSEKEEPING = ("id", "type", "provider_type", "enable")


class ProviderOperations:
    """Operations on providers.

    Args:
        configs: Where they are kept.
        directory: The running instances.
        catalogue: Registered types.
        scratch: Makes an empty directory, for testing a configuration that is not saved.
        clock: For deadlines.
        resolve: Puts the values of environment variables in place of ``env:NAME``, which is what is stored.
        chains: Provider ids in the order they are asked for the default profile, by kind.
        built_in: Ids of what comes with the server.
    """

    def __init__(
        self,
        *,
        configs: ProviderConfigs,
        directory: ProviderDirectory,
        catalogue: TypeCatalogue,
        scratch: Callable[[], ProviderDirectory],
        clock: Clock,
        resolve: Callable[[dict[str, Any]], dict[str, Any]] = dict,
        chains: Callable[[], Mapping[str, Sequence[str]]] = dict,
        built_in: Collection[str] = (),
    ) -> None:
        self._configs = configs
        self._directory = directory
        self._catalogue = catalogue
        self._scratch = scratch
        self._clock = clock
        self._resolve = resolve
        self._chains = chains
        self._built_in = built_in

    # --- looking ----------------------------------------------------------------------------------

    def catalogue(self) -> list[ProviderTypeView]:
        """Types that can be added, by name."""
        return [
            ProviderTypeView(
                type=known.type,
                provider_type=_kind(known.provider_type),
                display_name=known.provider_display_name or known.type,
                description=known.desc,
                plugin=self._catalogue.plugin_of(known.type),
                default_config=dict(known.default_config_tmpl or {}),
                schema=form_schema(known.default_config_tmpl, getattr(known, "config_schema", None)),
                texts=self._catalogue.texts_of(known.type),
            )
            for known in sorted(self._catalogue.all(), key=lambda known: known.type)
        ]

    async def list(self) -> list[ProviderView]:
        """Every configured provider, those of the settings file included."""
        names = {known.type: known.provider_display_name or known.type for known in self._catalogue.all()}
        stored = {entry.id: entry.config for entry in self._directory.entries()}
        # Of what is stored the stored form is shown (``env:NAME``, not what stands for it); the settings file wins.
        stored.update({c.id: c for c in await self._configs.all() if not (c.id in stored and stored[c.id].read_only)})
        return [self._view(config, names.get(config.type, config.type)) for config in stored.values()]

    def chains(self) -> list[ChainView]:
        """Who is asked for the default profile, and who would answer now."""
        return [
            ChainView(kind, list(ids), next((entry.id for entry in self._directory.chain(kind, ids)), ""))
            for kind, ids in self._chains().items()
        ]

    def _view(self, config: ProviderConfig, display_name: str) -> ProviderView:
        entry = self._directory.get(config.id)
        return ProviderView(
            id=config.id,
            type=config.type,
            provider_type=config.provider_type or (entry.kind if entry else ""),
            display_name=display_name,
            enable=config.enable,
            read_only=config.read_only,
            health=self._health(config, entry),
            last_error="" if entry is None or not config.enable else entry.error or entry.last_error,
            model=entry.model if entry is not None else "",
            config=mask({**config.config, "id": config.id, "type": config.type, "enable": config.enable}),
            built_in=config.read_only and config.id in self._built_in,
        )

    def _health(self, config: ProviderConfig, entry: ProviderEntry | None) -> Health:
        if not config.enable:
            return "off"
        if entry is None:
            return "unknown"
        if not entry.breaker.allows(self._clock.monotonic()):
            return "open"
        return "failing" if entry.error or entry.last_error else "ok"

    # --- changing ---------------------------------------------------------------------------------

    async def create(self, config: Mapping[str, Any]) -> ProviderView:
        """Add a provider and start it.

        Raises:
            BadRequest: ``Missing key: id`` or ``type``, or an unknown type.
            Conflict: A provider with that id exists.
        """
        made = self._from_options(config, {})
        if self._directory.get(made.id) is not None or await self._configs.get(made.id) is not None:
            raise Conflict(f"A provider named {made.id!r} exists already. Choose another id.")
        return await self._store(made)

    async def update(self, provider_id: str, config: Mapping[str, Any]) -> ProviderView:
        """Change a provider and start it anew; masked secrets stay as they are.

        Raises:
            NotFound: There is none with that id.
            Conflict: It was declared in the settings file, or the new id is taken.
        """
        old = await self._stored(provider_id)
        changed = self._from_options({**config, "type": config.get("type", old.type)}, old.config, old.id)
        if changed.id != old.id:
            if self._directory.get(changed.id) is not None:
                raise Conflict(f"A provider named {changed.id!r} exists already. Choose another id.")
            await self.delete(old.id)
        return await self._store(changed)

    async def delete(self, provider_id: str) -> None:
        """Stop a provider and forget it.

        Raises:
            NotFound: There is none with that id.
            Conflict: It was declared in the settings file.
        """
        await self._stored(provider_id)
        await self._configs.delete(provider_id)
        await self._directory.remove(provider_id)

    async def _store(self, config: ProviderConfig) -> ProviderView:
        saved = await self._configs.put(config)
        await self._directory.put(self._resolved(saved))
        log.info("provider saved", extra={"provider": saved.id, "type": saved.type})
        names = {known.type: known.provider_display_name or known.type for known in self._catalogue.all()}
        return self._view(saved, names.get(saved.type, saved.type))

    def _resolved(self, config: ProviderConfig) -> ProviderConfig:
        return msgspec.structs.replace(config, config=self._resolve(config.config))

    async def _stored(self, provider_id: str) -> ProviderConfig:
        found = await self._configs.get(provider_id)
        if found is not None and not found.read_only:
            return found
        if found is not None or self._directory.get(provider_id) is not None:
            raise Conflict(f"Provider {provider_id!r} is declared in the settings file. Change it there.")
        raise NotFound(f"There is no provider named {provider_id!r}.")

    def _from_options(self, options: Mapping[str, Any], old: Mapping[str, Any], default_id: str = "") -> ProviderConfig:
        provider_id = options.get("id", default_id)
        type_name = options.get("type")
        for name, value in (("id", provider_id), ("type", type_name)):
            if not isinstance(value, str) or not value.strip():
                raise BadRequest(f"Missing key: {name}")
        known = next((known for known in self._catalogue.all() if known.type == type_name), None)
        if known is None:
            raise BadRequest(f"No plugin supplies the provider type {str(type_name)[:64]!r}.")
        enable = options.get("enable", True)
        if not isinstance(enable, bool):
            raise BadRequest("enable must be true or false")
        values = {name: value for name, value in options.items() if name not in HOUSEKEEPING}
        return ProviderConfig(
            id=str(provider_id).strip(),
            type=known.type,
            provider_type=_kind(known.provider_type),
            config=unmask(values, old),
            enable=enable,
        )

    # --- asking a provider ------------------------------------------------------------------------

    async def test(self, provider_id: str | None, config: Mapping[str, Any] | None) -> TestResult:
        """Ask a provider for one small answer; a failure is a result, not an error.

        Args:
            provider_id: A saved provider; or the stored secrets' owner when ``config`` is given too.
            config: A configuration to try without saving it.
        """
        started = self._clock.monotonic()

        async def ask(entry: ProviderEntry) -> str:
            return await provider_tests.ask(entry, self._directory.entries("text_to_speech"))

        try:
            answer = await self._with_provider(provider_id, config, ask)
        except (NotFound, BadRequest):
            raise
        except BotError as error:
            return TestResult(False, "", round(self._clock.monotonic() - started, 3), error.message)
        return TestResult(True, answer, round(self._clock.monotonic() - started, 3), "")

    async def models(self, provider_id: str | None, config: Mapping[str, Any] | None) -> list[str]:
        """Models the provider offers, by name; empty when it can't tell.

        Raises:
            ProviderError: It failed.
        """
        return await self._with_provider(provider_id, config, provider_tests.models)

    async def voices(self, provider_id: str) -> list[Voice]:
        """Voices of a text-to-speech provider; empty when it can't tell."""
        found = await self._with_provider(provider_id, None, provider_tests.voices)
        return [Voice(*voice) for voice in found]

    async def _with_provider(
        self, provider_id: str | None, config: Mapping[str, Any] | None, ask: provider_tests.Question[Any]
    ) -> Any:
        scratch: ProviderDirectory | None = None
        if config is not None:
            stored = await self._configs.get(provider_id or str(config.get("id", "")))
            made = self._from_options({"id": "test", **config, "enable": True}, stored.config if stored else {})
            scratch = self._scratch()
            entry = await scratch.put(self._resolved(made))
        else:
            found = self._directory.get(provider_id) if provider_id else None
            if found is None:
                raise NotFound(f"There is no provider named {provider_id!r}.")
            entry = found
        try:
            if entry.instance is None:
                raise ProviderError(f"{entry.id} could not be started: {entry.error}", entry.id)
            async with self._clock.timeout(TEST_DEADLINE):
                return await ask(entry)
        except Exception as error:
            raise coded_error(entry.id, error) from error
        finally:
            if scratch is not None:
                await scratch.aclose()


def _kind(provider_type: Any) -> str:
    return str(getattr(provider_type, "value", provider_type))

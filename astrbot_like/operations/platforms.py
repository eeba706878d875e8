"""What an administrator does with bots (platform adapters): add, change, remove, start, stop."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, TypeAlias

import msgspec

from astrbot_like.domain.errors import BadRequest, Conflict, NotFound
from astrbot_like.domain.profiles import PlatformConfig
from astrbot_like.operations.config_templates import form_schema
from astrbot_like.operations.secrets import mask, unmask

log = logging.getLogger(__name__)

HOUSEKEEPING = ("id", "type", "enable")

PlatformState: TypeAlias = Literal["starting", "running", "stopped", "error"]


class PlatformView(msgspec.Struct, frozen=True):
    """A bot as people see it.

    Attributes:
        config: Every option, secrets masked; a mask that is sent back keeps the secret.
        last_error: Why it stopped; empty when nothing went wrong.
        started_at: Seconds since the epoch; None: it does not run.
    """

    id: str
    type: str
    display_name: str
    enable: bool
    read_only: bool
    state: PlatformState
    last_error: str
    started_at: float | None
    config: dict[str, Any]


class PlatformTypeView(msgspec.Struct, frozen=True):
    """A type of bot that can be added; ``schema`` has the shape of ``_conf_schema.json``."""

    type: str
    display_name: str
    description: str
    default_config: dict[str, Any]
    schema: dict[str, dict[str, Any]]


class RegisteredPlatform(Protocol):
    """A platform type that the house or a plugin registered (``PlatformMetadata`` of the plugin API)."""

    @property
    def name(self) -> str: ...

    @property
    def description(self) -> str: ...

    @property
    def default_config_tmpl(self) -> Mapping[str, Any] | None: ...

    @property
    def adapter_display_name(self) -> str | None: ...


class RunningPlatform(Protocol):
    """An adapter instance and how it fares."""

    @property
    def id(self) -> str: ...

    @property
    def type(self) -> str: ...

    @property
    def state(self) -> PlatformState: ...

    @property
    def last_error(self) -> str: ...

    @property
    def started_at(self) -> float | None: ...


class PlatformRunner(Protocol):
    """Owns the running adapters."""

    def types(self) -> Sequence[RegisteredPlatform]:
        """Types that can be configured (the built-in web chat is none)."""
        ...

    def running(self) -> Sequence[RunningPlatform]:
        """All adapters, the web chat included."""
        ...

    async def put(self, config: PlatformConfig, /) -> object:
        """Make and start an adapter, in place of one with the same id."""
        ...

    async def remove(self, platform_id: str, /) -> None:
        """Stop an adapter and forget it."""
        ...


class PlatformConfigs(Protocol):
    """Where configurations of bots are kept."""

    async def all(self) -> Sequence[PlatformConfig]:
        """All, oldest first."""
        ...

    async def get(self, name: str, /) -> PlatformConfig | None:
        """One, or None."""
        ...

    async def put(self, record: PlatformConfig, /) -> PlatformConfig:
        """Add or replace one."""
        ...

    async def delete(self, name: str, /) -> None:
        """Remove one; NotFound when there is none."""
        ...


class PlatformOperations:
    """Operations on bots.

    Args:
        configs: Where they are kept.
        runner: The running adapters.
    """

    def __init__(self, *, configs: PlatformConfigs, runner: PlatformRunner) -> None:
        self._configs = configs
        self._runner = runner

    def catalogue(self) -> list[PlatformTypeView]:
        """Types that can be added, by name."""
        return [
            PlatformTypeView(
                type=known.name,
                display_name=known.adapter_display_name or known.name,
                description=known.description,
                default_config=dict(known.default_config_tmpl or {}),
                schema=form_schema(known.default_config_tmpl, getattr(known, "config_metadata", None)),
            )
            for known in sorted(self._runner.types(), key=lambda known: known.name)
        ]

    def bot_ids(self) -> list[str]:
        """Ids of the adapters that run, the web chat included."""
        return [bot.id for bot in self._runner.running() if bot.state == "running"]

    async def list(self) -> list[PlatformView]:
        """Every bot, the web chat included."""
        configs = {config.id: config for config in await self._configs.all()}
        running = {bot.id: bot for bot in self._runner.running()}
        names = {known.name: known.adapter_display_name or known.name for known in self._runner.types()}
        built_in = [
            PlatformView(
                id=bot.id,
                type=bot.type,
                display_name=names.get(bot.type, bot.type),
                enable=True,
                read_only=True,
                state=bot.state,
                last_error=bot.last_error,
                started_at=bot.started_at,
                config={},
            )
            for bot in running.values()
            if bot.id not in configs
        ]
        return built_in + [
            self._view(config, running.get(config.id), names.get(config.type, config.type))
            for config in configs.values()
        ]

    async def get(self, platform_id: str) -> PlatformView:
        """One bot.

        Raises:
            NotFound: There is none with that id.
        """
        found = next((view for view in await self.list() if view.id == platform_id), None)
        if found is None:
            raise NotFound(f"There is no bot named {platform_id!r}.")
        return found

    async def create(self, config: Mapping[str, Any]) -> PlatformView:
        """Add a bot and start it.

        Raises:
            BadRequest: ``Missing key: id`` or ``type``, or an unknown type.
            Conflict: A bot with that id exists.
        """
        made = self._from_options(config, {})
        if any(bot.id == made.id for bot in self._runner.running()) or await self._configs.get(made.id) is not None:
            raise Conflict(f"A bot named {made.id!r} exists already. Choose another id.")
        return await self._store(made)

    async def update(self, platform_id: str, config: Mapping[str, Any]) -> PlatformView:
        """Change a bot and start it anew; masked secrets stay as they are.

        Raises:
            NotFound: There is none with that id.
            Conflict: It was declared in the settings file.
        """
        old = await self._stored(platform_id)
        return await self._store(
            self._from_options({**config, "id": old.id, "type": config.get("type", old.type)}, old.config)
        )

    async def set_enabled(self, platform_id: str, enable: bool) -> PlatformView:
        """Start or stop a bot, and remember it.

        Raises:
            NotFound: There is none with that id.
            Conflict: It was declared in the settings file.
        """
        return await self._store(msgspec.structs.replace(await self._stored(platform_id), enable=enable))

    async def delete(self, platform_id: str) -> None:
        """Stop a bot and forget it.

        Raises:
            NotFound: There is none with that id.
            Conflict: It was declared in the settings file.
        """
        await self._stored(platform_id)
        await self._configs.delete(platform_id)
        await self._runner.remove(platform_id)

    async def _store(self, config: PlatformConfig) -> PlatformView:
        saved = await self._configs.put(config)
        if saved.enable:
            await self._runner.put(saved)
        else:
            await self._runner.remove(saved.id)
        log.info("bot saved", extra={"bot": saved.id, "type": saved.type, "enable": saved.enable})
        return await self.get(saved.id)

    async def _stored(self, platform_id: str) -> PlatformConfig:
        found = await self._configs.get(platform_id)
        if found is not None and not found.read_only:
            return found
        if found is not None or any(bot.id == platform_id for bot in self._runner.running()):
            raise Conflict(f"The bot {platform_id!r} can't be changed here.")
        raise NotFound(f"There is no bot named {platform_id!r}.")

    def _from_options(self, options: Mapping[str, Any], old: Mapping[str, Any]) -> PlatformConfig:
        for name in ("id", "type"):
            value = options.get(name)
            if not isinstance(value, str) or not value.strip():
                raise BadRequest(f"Missing key: {name}")
        platform_id = str(options["id"]).strip()
        if ":" in platform_id or "!" in platform_id:
            # Both characters separate the parts of a unified message origin.
            raise BadRequest("The id of a bot may hold neither ':' nor '!'.")
        if options["type"] not in {known.name for known in self._runner.types()}:
            raise BadRequest(f"There is no platform type {options['type'][:64]!r}.")
        enable = options.get("enable", True)
        if not isinstance(enable, bool):
            raise BadRequest("enable must be true or false")
        values = {name: value for name, value in options.items() if name not in HOUSEKEEPING}
        return PlatformConfig(id=platform_id, type=options["type"], config=unmask(values, old), enable=enable)

    @staticmethod
    def _view(config: PlatformConfig, bot: RunningPlatform | None, display_name: str) -> PlatformView:
        return PlatformView(
            id=config.id,
            type=config.type,
            display_name=display_name,
            enable=config.enable,
            read_only=config.read_only,
            state=bot.state if bot is not None else "stopped",
            last_error=bot.last_error if bot is not None else "",
            started_at=bot.started_at if bot is not None else None,
            config=mask({**config.config, "id": config.id, "type": config.type, "enable": config.enable}),
        )

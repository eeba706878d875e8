"""Providers as people see them, and what the operations on them need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, TypeAlias

import msgspec

from astrbot_like.domain.profiles import ProviderConfig

Health: TypeAlias = Literal["ok", "failing", "open", "unknown", "off"]


class ProviderView(msgspec.Struct, frozen=True):
    """A configured provider as people see it.

    Attributes:
        config: Every option, secrets masked; a mask that is sent back keeps the secret.
        health: ``ok``, ``failing`` (its last call failed), ``open`` (left out for a while), ``unknown`` (not used yet),
            ``off``.
        last_error: What went wrong last; empty when nothing did.
        built_in: It comes with the server, which uses it where a profile names nothing.
    """

    id: str
    type: str
    provider_type: str
    display_name: str
    enable: bool
    read_only: bool
    health: Health
    last_error: str
    model: str
    config: dict[str, Any]
    built_in: bool = False


class ChainView(msgspec.Struct, frozen=True):
    """Who answers for the default profile, by kind of provider.

    Attributes:
        provider_type: The kind, such as ``chat_completion``.
        ids: In the order they are asked; what comes with the server where the profile names none.
        answering: The one that would be asked now: the first that works and is not left out after failures; empty when
            none can answer.
    """

    provider_type: str
    ids: list[str]
    answering: str


class ProviderTypeView(msgspec.Struct, frozen=True):
    """A type of provider that can be added.

    Attributes:
        default_config: Options with their defaults.
        schema: The form, in the shape of ``_conf_schema.json``; ``secret: true`` marks secrets.
        texts: Its words by locale, where the plugin brings a translation: ``display_name``, ``description``, and
            ``config`` with ``description``, ``hint`` and ``labels`` of each field.
    """

    type: str
    provider_type: str
    display_name: str
    description: str
    plugin: str
    default_config: dict[str, Any]
    schema: dict[str, dict[str, Any]]
    texts: dict[str, dict[str, Any]] = {}


class TestResult(msgspec.Struct, frozen=True):
    """What came of a test.

    Attributes:
        ok: Whether the provider answered.
        answer: Its answer, in words.
        seconds: Until the answer.
        message: What to do when it did not answer; empty otherwise.
    """

    ok: bool
    answer: str
    seconds: float
    message: str


class Voice(msgspec.Struct, frozen=True):
    """A voice of a text-to-speech provider."""

    id: str
    name: str
    language: str


class RegisteredType(Protocol):
    """A provider type that a plugin registered (``ProviderMetaData`` of the plugin API)."""

    @property
    def type(self) -> str: ...

    @property
    def provider_type(self) -> Any: ...

    @property
    def desc(self) -> str: ...

    @property
    def default_config_tmpl(self) -> Mapping[str, Any] | None: ...

    @property
    def provider_display_name(self) -> str | None: ...


class TypeCatalogue(Protocol):
    """Every provider type registered now."""

    def all(self) -> Sequence[RegisteredType]:
        """All of them."""
        ...

    def plugin_of(self, type_name: str, /) -> str:
        """Name of the plugin that supplies a type; empty when unknown."""
        ...

    def texts_of(self, type_name: str, /) -> dict[str, dict[str, Any]]:
        """Words of a type by locale, as its plugin translates them."""
        ...


class ProviderConfigs(Protocol):
    """Where provider configurations are kept."""

    async def all(self) -> Sequence[ProviderConfig]:
        """All, oldest first."""
        ...

    async def get(self, name: str, /) -> ProviderConfig | None:
        """One, or None."""
        ...

    async def put(self, record: ProviderConfig, /) -> ProviderConfig:
        """Add or replace one."""
        ...

    async def delete(self, name: str, /) -> None:
        """Remove one; NotFound when there is none."""
        ...

"""Providers and platforms of the settings file, and those of the embedded default."""

from __future__ import annotations

import os
from collections.abc import Container, Mapping, Sequence
from typing import Any

from astrbot_like.domain.errors import ConfigError
from astrbot_like.domain.profiles import PlatformConfig, ProviderConfig

EMBEDDED_CHAINS: Mapping[str, tuple[str, ...]] = {
    "llm": ("offline",),
    "stt": ("pocketsphinx",),
    "tts": ("espeak",),
}
"""Chains of a profile that names none."""
EMBEDDED_IDS = frozenset(provider for chain in EMBEDDED_CHAINS.values() for provider in chain)


def embedded_providers(used: Container[str]) -> list[ProviderConfig]:
    """What answers without a key, a network or a download.

    Args:
        used: Providers that some profile uses; the engines of the others are started by their first use only, for they
            take memory (the recogniser some 250 MB).
    """
    return [
        ProviderConfig("offline", "offline_assistant", "chat_completion", {}, read_only=True),
        ProviderConfig(
            *("pocketsphinx", "pocketsphinx_stt", "speech_to_text", {"warm_up": "pocketsphinx" in used}), read_only=True
        ),
        ProviderConfig("espeak", "espeak_tts", "text_to_speech", {"warm_up": "espeak" in used}, read_only=True),
    ]


def declared_providers(declared: Sequence[Mapping[str, Any]]) -> list[ProviderConfig]:
    """The providers of the settings file.

    Raises:
        ConfigError: One lacks ``id`` or ``type``, or an id stands twice.
    """
    found: dict[str, ProviderConfig] = {}
    for number, options in enumerate(declared, 1):
        name, kind = _named("providers", number, options)
        if name in found:
            raise ConfigError(f"providers: the id {name!r} stands twice.")
        found[name] = ProviderConfig(
            id=name,
            type=kind,
            provider_type=str(options.get("provider_type") or ""),
            config=dict(options),
            enable=bool(options.get("enable", True)),
            read_only=True,
        )
    return list(found.values())


def declared_platforms(declared: Sequence[Mapping[str, Any]]) -> list[PlatformConfig]:
    """The platform adapters of the settings file.

    Raises:
        ConfigError: One lacks ``id`` or ``type``, or an id stands twice.
    """
    found: dict[str, PlatformConfig] = {}
    for number, options in enumerate(declared, 1):
        name, kind = _named("platforms", number, options)
        if name in found:
            raise ConfigError(f"platforms: the id {name!r} stands twice.")
        enable = bool(options.get("enable", True))
        found[name] = PlatformConfig(id=name, type=kind, config=dict(options), enable=enable, read_only=True)
    return list(found.values())


def resolve_environment(value: Any) -> Any:
    """Options with every ``env:NAME`` replaced by that environment variable (empty when it is not set)."""
    if isinstance(value, str) and value.startswith("env:"):
        return os.environ.get(value[4:], "")
    if isinstance(value, dict):
        return {name: resolve_environment(item) for name, item in value.items()}
    if isinstance(value, list):
        return [resolve_environment(item) for item in value]
    return value


def _named(section: str, number: int, options: Mapping[str, Any]) -> tuple[str, str]:
    for key in ("id", "type"):
        if not isinstance(options.get(key), str) or not options[key]:
            raise ConfigError(f"{section}, entry {number}: {key} is missing.")
    return options["id"], options["type"]

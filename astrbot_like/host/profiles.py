"""Profiles, personas and the host configuration, in memory: each turn asks for them several times."""

from __future__ import annotations

import asyncio
import copy
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from astrbot_like.api.config import AstrBotConfig
from astrbot_like.api.default_config import DEFAULT_CONFIG
from astrbot_like.api.texts import LANGUAGE_KEY
from astrbot_like.domain.errors import ConfigError
from astrbot_like.domain.profiles import CHAINS, DEFAULT_PERSONA, DEFAULT_PROFILE, Persona, Profile
from astrbot_like.operations.personas import Personas
from astrbot_like.operations.profiles import Profiles
from astrbot_like.storage.preferences import PreferenceStore

log = logging.getLogger(__name__)

PREFERENCE = "provider_perf_{kind}"
"""Key under which the provider chosen for a session is kept, in the scope ``umo``."""


class ProfileBook:
    """Implements the engine's ``Profiles`` and the API's ``ConfigService``.

    Args:
        stored: All profiles, those of the settings file included.
        embedded: Chains of the embedded default, used where a profile names none.
        data: The data directory; the host configuration of the default profile is its ``cmd_config.json``.
        declared: Profiles as they stand in the settings file: a chain that is empty there is meant to be empty.
    """

    def __init__(
        self,
        stored: Profiles,
        personas: Personas,
        preferences: PreferenceStore,
        embedded: Mapping[str, tuple[str, ...]],
        data: Path,
        declared: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self._stored = stored
        self._stored_personas = personas
        self._preferences = preferences
        self._embedded = embedded
        self._declared = declared or {}
        self._data = data
        self._profiles: dict[str, Profile] = {}
        self._personas: dict[str, Persona] = {}
        self._configs: dict[str, AstrBotConfig] = {}
        self._chosen: dict[tuple[str, str], str] = {}
        self._umo_profiles: dict[str, str] = {}
        self._routed: list[Profile] = []

    async def refresh(self) -> None:
        """Read everything anew, after a start or a change."""
        self._profiles = {profile.id: self._with_embedded(profile) for profile in await self._stored.all()}
        self._personas = {persona.id: persona for persona in await self._stored_personas.all()}
        for profile in self._profiles.values():
            await self._make_config(profile)
        for gone in self._configs.keys() - self._profiles.keys():
            del self._configs[gone]
        self._routed = [profile for profile in self.profiles() if profile.routes and not profile.is_default]
        self._umo_profiles.clear()
        for kind in CHAINS:
            for found in await self._preferences.find("umo", key=PREFERENCE.format(kind=kind)):
                self._chosen[found.scope_id, kind] = str(found.value)

    # --- what the engine asks -----------------------------------------------------------------------

    def profile(self, profile_id: str | None, umo: str = "") -> Profile:
        """The profile a session is bound to; without a binding the one its origin is routed to, else the default."""
        bound = self._profiles.get(profile_id or DEFAULT_PROFILE)
        if bound is not None and not bound.is_default:
            return bound
        routed = next((profile for profile in self._routed if profile.takes(umo)), None) if umo else None
        return routed or self._profiles[DEFAULT_PROFILE]

    def persona(self, persona_id: str | None) -> Persona | None:
        """The persona with that id (None: the default one), or None."""
        return self._personas.get(persona_id or DEFAULT_PERSONA)

    def host_config(self, profile_id: str | None) -> AstrBotConfig:
        """What plugins see through ``context.get_config()``."""
        return self._configs.get(profile_id or DEFAULT_PROFILE) or self._configs[DEFAULT_PROFILE]

    def chain_ids(self, profile: Profile, kind: str, umo: str) -> Sequence[str]:
        """Provider ids of a chain in order: what was chosen for the session, then the profile's."""
        ids: tuple[str, ...] = getattr(profile, CHAINS[kind])
        chosen = self._chosen.get((umo, kind)) or self._chosen.get(("", kind))
        return (chosen, *(i for i in ids if i != chosen)) if chosen else ids

    def chosen_language(self, umo: str, user: str) -> str:
        """The language (BCP 47) that a session's people chose for it, else the user; empty: none was chosen."""
        peek = self._preferences.peek
        return str(peek("umo", umo, LANGUAGE_KEY, "") or peek("user", user, LANGUAGE_KEY, "") or "")

    def providers_in_use(self) -> set[str]:
        """Ids of the providers that some profile's chain names."""
        return {
            name for profile in self._profiles.values() for chain in CHAINS.values() for name in getattr(profile, chain)
        }

    def default_chains(self) -> dict[str, Sequence[str]]:
        """The chains of the default profile, by kind."""
        profile = self.profile(None)
        return {kind: self.chain_ids(profile, kind, "") for kind in CHAINS}

    # --- what plugins and operations ask --------------------------------------------------------------

    def get(self, umo: str | None = None) -> AstrBotConfig:
        """The host configuration that holds for a session, or generally (``ConfigService``)."""
        return self.host_config(self.for_umo(umo).id)

    def for_umo(self, umo: str | None) -> Profile:
        """The profile of the session with that origin; what it is routed to while it is not known."""
        return self.profile(self._umo_profiles.get(umo) if umo else None, umo or "")

    def seen(self, umo: str, profile_id: str) -> None:
        """Remember which profile a session uses, for look-ups that can't wait for the store."""
        if self._umo_profiles.get(umo) != profile_id:
            if len(self._umo_profiles) > 10_000:
                self._umo_profiles.clear()
            self._umo_profiles[umo] = profile_id

    def profiles(self) -> list[Profile]:
        """All profiles, the default one first."""
        return sorted(self._profiles.values(), key=lambda p: (not p.is_default, p.name))

    def personas(self) -> list[Persona]:
        """All personas by name."""
        return sorted(self._personas.values(), key=lambda persona: persona.id)

    def chosen(self, kind: str, umo: str) -> str | None:
        """The provider chosen for a session, or generally."""
        return self._chosen.get((umo, kind)) or self._chosen.get(("", kind))

    async def choose(self, kind: str, provider_id: str, umo: str = "") -> None:
        """Choose a provider for a session, or generally."""
        self._chosen[umo, kind] = provider_id
        await self._preferences.put("umo", umo, PREFERENCE.format(kind=kind), provider_id)

    # --- making -------------------------------------------------------------------------------------

    def _with_embedded(self, profile: Profile) -> Profile:
        named = self._declared.get(profile.id, {})
        missing = {
            name: ids for name, ids in self._embedded.items() if not getattr(profile, name) and name not in named
        }
        return msgspec.structs.replace(profile, **missing) if missing else profile

    async def _make_config(self, profile: Profile) -> None:
        path = self._data / ("cmd_config.json" if profile.is_default else f"config/abconf_{profile.id}.json")
        config = self._configs.get(profile.id)
        if config is None:
            try:
                config = await asyncio.to_thread(_open_config, path)
            except (OSError, ValueError) as error:
                raise ConfigError(f"The host configuration {path.name} can't be read: {error}") from error
            self._configs[profile.id] = config
        lay_over(config, profile.host)
        if "plugin_set" not in profile.host:
            config["plugin_set"] = list(profile.plugin_set)
        settings = config.setdefault("provider_settings", {})
        settings["default_provider_id"] = profile.llm[0] if profile.llm else ""
        settings["default_personality"] = profile.persona_id or DEFAULT_PERSONA


def _open_config(path: Path) -> AstrBotConfig:
    path.parent.mkdir(parents=True, exist_ok=True)
    return AstrBotConfig(str(path), default_config=copy.deepcopy(DEFAULT_CONFIG))


def lay_over(tree: dict[str, Any], above: Mapping[str, Any]) -> None:
    """Put the values of ``above`` into ``tree``, nested trees key by key."""
    for key, value in above.items():
        below = tree.get(key)
        if isinstance(value, Mapping) and isinstance(below, dict):
            lay_over(below, value)
        else:
            tree[key] = dict(value) if isinstance(value, Mapping) else value


def declared_profiles(declared: Mapping[str, Mapping[str, Any]]) -> dict[str, Profile]:
    """The profiles of the settings file.

    Raises:
        ConfigError: An option is unknown or has a wrong value.
    """
    known = {field.name for field in msgspec.structs.fields(Profile)}
    found: dict[str, Profile] = {}
    for profile_id, options in declared.items():
        values = {"persona_id" if name == "persona" else name: value for name, value in options.items()}
        for name in values:
            if name not in known:
                raise ConfigError(f"profiles.{profile_id}: there is no option {name!r}.")
        try:
            found[profile_id] = msgspec.convert({"name": profile_id, **values, "id": profile_id}, Profile)
        except msgspec.ValidationError as error:
            raise ConfigError(f"profiles.{profile_id}: {error}") from None
    return found

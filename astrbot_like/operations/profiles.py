"""Profiles: made, changed, declared in the settings file, and bound to sessions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from astrbot_like.domain.errors import BadRequest, ConfigError, Conflict, NotFound
from astrbot_like.domain.history import Session
from astrbot_like.domain.profiles import DEFAULT_PROFILE, Profile
from astrbot_like.runtime.ids import new_id
from astrbot_like.storage.records import RecordStore
from astrbot_like.storage.sessions import SessionStore

NAME_LENGTH = 100
ROUTE_LENGTH = 300
_FIXED = frozenset({"id", "read_only", "created_at", "updated_at"})


class Profiles:
    """The profiles of the installation; ``default`` always exists.

    Args:
        declared: Profiles of the settings file, by id; they win over stored ones and can't be changed here.
    """

    def __init__(
        self,
        store: RecordStore[Profile],
        sessions: SessionStore,
        declared: Mapping[str, Profile] | None = None,
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._declared = {
            name: msgspec.structs.replace(profile, id=name, read_only=True)
            for name, profile in (declared or {}).items()
        }

    async def all(self) -> list[Profile]:
        """All profiles, the default one first."""
        found = {profile.id: profile for profile in await self._store.all()} | self._declared
        default = found.pop(DEFAULT_PROFILE, _DEFAULT)
        return [default, *sorted(found.values(), key=lambda profile: (profile.created_at, profile.name))]

    async def find(self, profile_id: str) -> Profile | None:
        """The profile, or None."""
        found = self._declared.get(profile_id) or await self._store.get(profile_id)
        if found is None and profile_id == DEFAULT_PROFILE:
            return _DEFAULT
        return found

    async def get(self, profile_id: str) -> Profile:
        """The profile.

        Raises:
            NotFound: There is none of that id.
        """
        found = await self.find(profile_id)
        if found is None:
            raise NotFound(f"There is no profile with the id {profile_id}.")
        return found

    async def chosen(self, *, config_id: str | None = None, config_name: str | None = None) -> Profile | None:
        """The profile that a request names (``config_id`` wins), or None when it names none.

        Raises:
            ConfigError: ``config_id not found: X``, ``config_name not found: X`` or ``config_name is ambiguous, please
                use config_id: X``.
        """
        if config_id:
            found = await self.find(config_id)
            if found is None:
                raise ConfigError(f"config_id not found: {config_id}")
            return found
        if not config_name:
            return None
        named = [profile for profile in await self.all() if profile.name == config_name]
        if not named:
            raise ConfigError(f"config_name not found: {config_name}")
        if len(named) > 1:
            raise ConfigError(f"config_name is ambiguous, please use config_id: {config_name}")
        return named[0]

    async def create(self, name: str, values: Mapping[str, Any] | None = None) -> Profile:
        """Make a profile, a copy of the default one but for ``values``.

        Raises:
            BadRequest: The name or a value does not fit.
        """
        base = msgspec.structs.replace(
            await self.get(DEFAULT_PROFILE), id=new_id(), name=_checked_name(name), read_only=False
        )
        return await self._store.add(_changed(base, values or {}))

    async def update(self, profile_id: str, values: Mapping[str, Any]) -> Profile:
        """Change a profile.

        Args:
            values: Fields of ``Profile`` by name.

        Raises:
            NotFound: There is none of that id.
            Conflict: It was declared in the settings file.
            BadRequest: A value does not fit.
        """
        profile = await self.get(profile_id)
        self._check_writable(profile)
        return await self._store.put(_changed(profile, values))

    async def delete(self, profile_id: str) -> None:
        """Delete a profile; its sessions go back to the default one.

        Raises:
            NotFound: There is none of that id.
            Conflict: It is the default one, or was declared in the settings file.
        """
        profile = await self.get(profile_id)
        self._check_writable(profile)
        if profile.is_default:
            raise Conflict("The default profile can't be deleted.")
        await self._store.delete(profile_id)
        await self._sessions.unbind_profile(profile_id)

    async def bind(self, session_id: str, profile_id: str) -> Session:
        """Bind a session to a profile; ``default`` undoes it.

        Raises:
            NotFound: There is no such session or profile.
        """
        await self.get(profile_id)
        session = await self._sessions.get(session_id)
        if session is not None and session.profile_id == profile_id:
            return session
        return await self._sessions.bind_profile(session_id, profile_id)

    @staticmethod
    def _check_writable(profile: Profile) -> None:
        if profile.read_only:
            raise Conflict("This profile is declared in the settings file. Change it there.")


_DEFAULT = Profile(DEFAULT_PROFILE, DEFAULT_PROFILE)


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > NAME_LENGTH or not name.isprintable():
        raise BadRequest(f"A profile needs a name of 1 to {NAME_LENGTH} printable characters.")
    return name


def _changed(profile: Profile, values: Mapping[str, Any]) -> Profile:
    unknown = values.keys() - (set(Profile.__struct_fields__) - _FIXED)
    if unknown:
        raise BadRequest(f"Unknown field of a profile: {', '.join(sorted(unknown))}")
    if "name" in values:
        values = {**values, "name": _checked_name(str(values["name"]))}
    try:
        changed = msgspec.convert(msgspec.to_builtins(profile) | dict(values), Profile)
    except msgspec.ValidationError as error:
        raise BadRequest(f"The profile does not fit: {error}") from error
    if any(not route.strip(":") or len(route) > ROUTE_LENGTH for route in changed.routes):
        raise BadRequest(f"A route reads platform:MessageType:session, with at most {ROUTE_LENGTH} characters.")
    return changed

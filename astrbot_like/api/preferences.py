"""``sp``: small values that last, by (scope, scope id, key)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from astrbot_like.api.views import HostObject

GLOBAL = "global"
SESSION = "umo"
PLUGIN = "plugin"


@dataclass(frozen=True)
class Preference:
    """A stored value. ``value`` is ``{"val": the value}``, as AstrBot stores it."""

    scope: str
    scope_id: str
    key: str
    value: dict[str, Any]


class StoredPreference(Protocol):
    """A value as its store gives it."""

    @property
    def scope(self) -> str: ...
    @property
    def scope_id(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def value(self) -> Any: ...


class PreferenceStore(Protocol):
    """Where preferences are kept. Values are anything JSON can hold."""

    def peek(self, scope: str, scope_id: str, key: str, default: Any = None) -> Any:
        """A value at once, from memory: the store keeps what it holds there."""
        ...

    async def find(self, scope: str, scope_id: str | None, key: str | None) -> Sequence[StoredPreference]:
        """All values that fit; None fits all."""
        ...

    async def put(self, scope: str, scope_id: str, key: str, value: Any) -> None:
        """Store a value; returns when it is durable."""
        ...

    def put_soon(self, scope: str, scope_id: str, key: str, value: Any) -> None:
        """Store a value; visible at once, durable soon."""
        ...

    async def remove(self, scope: str, scope_id: str | None, key: str | None) -> None:
        """Remove the values that fit; None fits all."""
        ...

    def remove_soon(self, scope: str, scope_id: str | None, key: str | None) -> None:
        """Remove values; gone at once, durably soon."""
        ...


class SharedPreferences:
    """Reads and writes preferences, under AstrBot's method names."""

    def __init__(self, store: PreferenceStore) -> None:
        self._store = store

    async def get_async(self, scope: str, scope_id: str, key: str, default: Any = None) -> Any:
        """The value, or ``default``."""
        return self._store.peek(scope, scope_id, key, default)

    async def put_async(self, scope: str, scope_id: str, key: str, value: Any) -> None:
        """Store a value."""
        await self._store.put(scope, scope_id, key, value)

    async def remove_async(self, scope: str, scope_id: str, key: str) -> None:
        """Remove a value."""
        await self._store.remove(scope, scope_id, key)

    async def clear_async(self, scope: str, scope_id: str) -> None:
        """Remove all values of one owner."""
        await self._store.remove(scope, scope_id, None)

    async def range_get_async(
        self, scope: str, scope_id: str | None = None, key: str | None = None
    ) -> list[Preference]:
        """All values that fit; None fits all."""
        found = await self._store.find(scope, scope_id, key)
        return [Preference(row.scope, row.scope_id, row.key, {"val": row.value}) for row in found]

    async def session_get(self, umo: str | None, key: str | None = None, default: Any = None) -> Any:
        """A session's value; without session or key the list of all that fit."""
        if umo is None or key is None:
            return await self.range_get_async(SESSION, umo, key)
        return await self.get_async(SESSION, umo, key, default)

    async def session_put(self, umo: str, key: str, value: Any) -> None:
        """Store a session's value."""
        await self.put_async(SESSION, umo, key, value)

    async def session_remove(self, umo: str, key: str) -> None:
        """Remove a session's value."""
        await self.remove_async(SESSION, umo, key)

    async def global_get(self, key: str | None, default: Any = None) -> Any:
        """A value of the whole installation; without key the list of all."""
        if key is None:
            return await self.range_get_async(GLOBAL, GLOBAL)
        return await self.get_async(GLOBAL, GLOBAL, key, default)

    async def global_put(self, key: str, value: Any) -> None:
        """Store a value of the whole installation."""
        await self.put_async(GLOBAL, GLOBAL, key, value)

    async def global_remove(self, key: str) -> None:
        """Remove a value of the whole installation."""
        await self.remove_async(GLOBAL, GLOBAL, key)

    def get(self, key: str, default: Any = None, scope: str | None = None, scope_id: str | None = "") -> Any:
        """The value, at once (old form)."""
        return self._store.peek(scope or GLOBAL, scope_id or GLOBAL, key, default)

    def put(self, key: str, value: Any, scope: str | None = None, scope_id: str | None = None) -> None:
        """Store a value without waiting (old form)."""
        self._store.put_soon(scope or GLOBAL, scope_id or GLOBAL, key, value)

    def remove(self, key: str, scope: str | None = None, scope_id: str | None = None) -> None:
        """Remove a value without waiting (old form)."""
        self._store.remove_soon(scope or GLOBAL, scope_id or GLOBAL, key)

    def clear(self, scope: str | None = None, scope_id: str | None = None) -> None:
        """Remove an owner's values without waiting (old form)."""
        self._store.remove_soon(scope or GLOBAL, scope_id or GLOBAL, None)


@dataclass(frozen=True)
class _Stored:
    scope: str
    scope_id: str
    key: str
    value: Any


class MemoryPreferences:
    """A ``PreferenceStore`` without a disk, for tests."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, str, str], Any] = {}

    def peek(self, scope: str, scope_id: str, key: str, default: Any = None) -> Any:
        """A value at once."""
        return self._values.get((scope, scope_id, key), default)

    async def find(self, scope: str, scope_id: str | None, key: str | None) -> Sequence[StoredPreference]:
        """All values that fit; None fits all."""
        return [
            _Stored(*found, value)
            for found, value in self._values.items()
            if found[0] == scope and scope_id in (None, found[1]) and key in (None, found[2])
        ]

    async def put(self, scope: str, scope_id: str, key: str, value: Any) -> None:
        """Store a value."""
        self._values[scope, scope_id, key] = value

    def put_soon(self, scope: str, scope_id: str, key: str, value: Any) -> None:
        """Store a value."""
        self._values[scope, scope_id, key] = value

    async def remove(self, scope: str, scope_id: str | None, key: str | None) -> None:
        """Remove the values that fit."""
        self.remove_soon(scope, scope_id, key)

    def remove_soon(self, scope: str, scope_id: str | None, key: str | None) -> None:
        """Remove the values that fit."""
        for found in list(self._values):
            if found[0] == scope and scope_id in (None, found[1]) and key in (None, found[2]):
                del self._values[found]


if TYPE_CHECKING:
    sp: SharedPreferences
else:
    sp = HostObject(lambda host: host.preferences)
    """The preferences of the current host."""

"""Preferences, for plugins."""

from __future__ import annotations

from typing import Any

from astrbot_like.api.preferences import Preference
from astrbot_like.storage.preferences import PreferenceStore


class PluginPreferences:
    """Implements the API's ``PreferenceStore``: the same values, found in the form that AstrBot stores."""

    def __init__(self, store: PreferenceStore) -> None:
        self._store = store

    def peek(self, scope: str, scope_id: str, key: str, default: Any = None) -> Any:
        """A value at once, from memory."""
        return self._store.peek(scope, scope_id, key, default)

    async def find(self, scope: str, scope_id: str | None, key: str | None) -> list[Preference]:
        """All values that fit; None fits all."""
        found = await self._store.find(scope, scope_id, key)
        return [Preference(one.scope, one.scope_id, one.key, {"val": one.value}) for one in found]

    async def put(self, scope: str, scope_id: str, key: str, value: Any) -> None:
        """Store a value; returns when it is durable."""
        await self._store.put(scope, scope_id, key, value)

    def put_soon(self, scope: str, scope_id: str, key: str, value: Any) -> None:
        """Store a value; visible at once, durable soon."""
        self._store.put_soon(scope, scope_id, key, value)

    async def remove(self, scope: str, scope_id: str | None, key: str | None) -> None:
        """Remove the values that fit; None fits all."""
        await self._store.remove(scope, scope_id, key)

    def remove_soon(self, scope: str, scope_id: str | None, key: str | None) -> None:
        """Remove values; gone at once, durably soon."""
        self._store.remove_soon(scope, scope_id, key)

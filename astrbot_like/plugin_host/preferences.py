"""Preferences of plugins: held in memory, written through to the storage."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any, Protocol

from astrbot_like.api.preferences import Preference
from astrbot_like.runtime.tasks import Supervisor

_GONE = object()
Key = tuple[str, str, str]


class StoredPreference(Protocol):
    """A row of the table."""

    @property
    def scope_id(self) -> str:
        """Owner within the scope."""
        ...

    @property
    def key(self) -> str:
        """Name of the value."""
        ...

    @property
    def value(self) -> Any:
        """The value, as JSON gives it."""
        ...


class PreferenceRepository(Protocol):
    """The table ``preferences``; the storage implements it."""

    async def scopes(self) -> Sequence[str]:
        """All scopes that hold values."""
        ...

    async def find(
        self, scope: str, *, scope_id: str | None = None, key: str | None = None, limit: int = ...
    ) -> Sequence[StoredPreference]:
        """Rows that fit."""
        ...

    async def put(self, scope: str, scope_id: str, key: str, value: Any) -> None:
        """Store a value; returns when it is durable."""
        ...

    async def remove(self, scope: str, scope_id: str, key: str) -> None:
        """Forget a value."""
        ...


class StoredPreferences:
    """The ``PreferenceStore`` of a host: reads are from memory, as the old synchronous calls of plugins need it.

    Args:
        repository: Where values last.
        supervisor: Owner of writes nobody waits for.
    """

    def __init__(self, repository: PreferenceRepository, supervisor: Supervisor) -> None:
        self._repository = repository
        self._supervisor = supervisor
        self._values: dict[Key, Any] = {}
        self._dirty: dict[Key, Any] = {}
        self._writing = asyncio.Lock()

    async def load(self) -> None:
        """Read everything; call it once before use."""
        for scope in await self._repository.scopes():
            for row in await self._repository.find(scope, limit=1_000_000):
                self._values[scope, row.scope_id, row.key] = row.value

    def peek(self, scope: str, scope_id: str, key: str, default: Any = None) -> Any:
        """A value at once; a copy, so that changing it changes nothing here."""
        value = self._values.get((scope, str(scope_id), key), _GONE)
        return default if value is _GONE else _copied(value)

    async def find(self, scope: str, scope_id: str | None, key: str | None) -> list[Preference]:
        """All values that fit; None fits all."""
        return [
            Preference(*found, {"val": _copied(self._values[found])}) for found in self._fitting(scope, scope_id, key)
        ]

    async def put(self, scope: str, scope_id: str, key: str, value: Any) -> None:
        """Store a value; returns when it is durable.

        Raises:
            TypeError, ValueError: JSON can't hold the value.
        """
        self._set((scope, str(scope_id), key), _copied(value))
        await self._flush()

    def put_soon(self, scope: str, scope_id: str, key: str, value: Any) -> None:
        """Store a value; visible at once, durable soon."""
        self._set((scope, str(scope_id), key), _copied(value))
        self._supervisor.job(self._flush(), name="preferences")

    async def remove(self, scope: str, scope_id: str | None, key: str | None) -> None:
        """Remove the values that fit; None fits all."""
        for found in self._fitting(scope, scope_id, key):
            self._set(found, _GONE)
        await self._flush()

    def remove_soon(self, scope: str, scope_id: str | None, key: str | None) -> None:
        """Remove values; gone at once, durably soon."""
        for found in self._fitting(scope, scope_id, key):
            self._set(found, _GONE)
        self._supervisor.job(self._flush(), name="preferences")

    async def aclose(self) -> None:
        """Write what is not written yet."""
        await self._flush()

    def _fitting(self, scope: str, scope_id: str | None, key: str | None) -> list[Key]:
        return [
            found
            for found in self._values
            if found[0] == scope and scope_id in (None, found[1]) and key in (None, found[2])
        ]

    def _set(self, key: Key, value: Any) -> None:
        if value is _GONE:
            self._values.pop(key, None)
        else:
            self._values[key] = value
        self._dirty[key] = value

    async def _flush(self) -> None:
        async with self._writing:
            batch, self._dirty = self._dirty, {}
            try:
                async with asyncio.TaskGroup() as group:
                    for key, value in batch.items():
                        write = self._repository.remove(*key) if value is _GONE else self._repository.put(*key, value)
                        group.create_task(_awaited(write))
            except BaseException as error:
                self._dirty = {**batch, **self._dirty}  # kept for the next attempt
                if isinstance(error, BaseExceptionGroup):
                    raise error.exceptions[0] from error
                raise


async def _awaited(write: Any) -> None:
    await write


def _copied(value: Any) -> Any:
    return json.loads(json.dumps(value))

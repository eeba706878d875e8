"""JSON values by (scope, scope id, key): what plugins and the bot remember.

All values are in memory as JSON text: plugins read them from synchronous code, and at every message.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert as upsert

from astrbot_like.domain.errors import BadRequest, StorageError
from astrbot_like.storage.cached import Cached
from astrbot_like.storage.database import Database
from astrbot_like.storage.rows import dumps, loads, now_ms
from astrbot_like.storage.tables import preferences

log = logging.getLogger(__name__)

_Named = tuple[str, str, str]


class Preference(msgspec.Struct, frozen=True):
    """One stored value."""

    scope: str
    scope_id: str
    key: str
    value: Any


class PreferenceStore:
    """The key-value store. ``load`` comes first; ``peek`` and the ``…_soon`` methods need it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._values: Cached[dict[_Named, str]] = Cached(lambda: database.read(_read))
        self._soon: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def load(self) -> None:
        """Read all values into memory."""
        self._loop = asyncio.get_running_loop()
        await self._values.get()

    def peek(self, scope: str, scope_id: str, key: str, default: Any = None) -> Any:
        """The value at once, from memory; a fresh copy, which the caller may change."""
        text = (self._values.value or {}).get((scope, scope_id, key))
        return default if text is None else loads(text)

    async def get(self, scope: str, scope_id: str, key: str, default: Any = None) -> Any:
        """The value, or ``default`` when there is none."""
        await self._values.get()
        return self.peek(scope, scope_id, key, default)

    async def find(
        self, scope: str | None = None, scope_id: str | None = None, key: str | None = None
    ) -> list[Preference]:
        """All values that fit; None fits all."""
        return [
            Preference(*name, loads(text))
            for name, text in (await self._values.get()).items()
            if _fits(name, scope, scope_id, key)
        ]

    async def put(self, scope: str, scope_id: str, key: str, value: Any) -> None:
        """Store a value; returns when it is durable.

        Raises:
            BadRequest: It can't be written as JSON.
        """
        await self._store((scope, scope_id, key), self._keep(scope, scope_id, key, value))

    def put_soon(self, scope: str, scope_id: str, key: str, value: Any) -> None:
        """Store a value; visible at once, durable soon.

        Raises:
            BadRequest: It can't be written as JSON.
        """
        self._later(self._store((scope, scope_id, key), self._keep(scope, scope_id, key, value)))

    async def remove(self, scope: str, scope_id: str | None = None, key: str | None = None) -> None:
        """Forget the values that fit; None fits all."""
        self._drop(scope, scope_id, key)
        condition = preferences.c.scope == scope
        if scope_id is not None:
            condition &= preferences.c.scope_id == scope_id
        if key is not None:
            condition &= preferences.c.key == key
        await self._database.write(lambda c: c.execute(delete(preferences).where(condition)))
        self._drop(scope, scope_id, key)

    def remove_soon(self, scope: str, scope_id: str | None = None, key: str | None = None) -> None:
        """Forget the values that fit; gone at once, durably soon."""
        self._drop(scope, scope_id, key)
        self._later(self.remove(scope, scope_id, key))

    def forget(self) -> None:
        """Read everything anew next time: another process has written."""
        self._values.forget()

    async def reload(self) -> None:
        """Read everything anew now, without a moment in which ``peek`` knows nothing."""
        fresh = await self._database.read(_read)
        if (kept := self._values.changed()) is not None:
            kept.clear()
            kept.update(fresh)

    async def aclose(self) -> None:
        """Wait for what is to be durable soon."""
        while self._soon:
            await asyncio.gather(*self._soon, return_exceptions=True)

    def _keep(self, scope: str, scope_id: str, key: str, value: Any) -> str:
        try:
            text = dumps(value)
        except (TypeError, ValueError, RecursionError) as error:
            raise BadRequest(f"The value of {key!r} can't be stored: it is not JSON ({error}).") from error
        if (kept := self._values.changed()) is not None:
            kept[scope, scope_id, key] = text
        return text

    def _drop(self, scope: str, scope_id: str | None, key: str | None) -> None:
        if (kept := self._values.changed()) is not None:
            for name in [name for name in kept if _fits(name, scope, scope_id, key)]:
                del kept[name]

    async def _store(self, name: _Named, text: str) -> None:
        statement = upsert(preferences).values(
            scope=name[0], scope_id=name[1], key=name[2], value=text, updated_ms=now_ms()
        )
        statement = statement.on_conflict_do_update(
            index_elements=["scope", "scope_id", "key"],
            set_={"value": statement.excluded.value, "updated_ms": statement.excluded.updated_ms},
        )
        await self._database.write(lambda c: c.execute(statement))
        self._values.changed()

    def _later(self, work: Any) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            # A plugin's own thread.
            if self._loop is None:
                raise
            self._loop.call_soon_threadsafe(self._later, work)
            return
        task = loop.create_task(work, name="preference")
        self._soon.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._soon.discard(task)
        if not task.cancelled() and isinstance(error := task.exception(), StorageError):
            log.error("a preference was not stored", extra={"reason": error.message})


def _read(connection: Connection) -> dict[_Named, str]:
    rows = connection.execute(
        select(preferences.c.scope, preferences.c.scope_id, preferences.c.key, preferences.c.value)
    )
    return {(scope, scope_id, key): value for scope, scope_id, key, value in rows}


def _fits(name: _Named, scope: str | None, scope_id: str | None, key: str | None) -> bool:
    return scope in (None, name[0]) and scope_id in (None, name[1]) and key in (None, name[2])

"""JSON values by (scope, scope id, key): what plugins and the bot remember."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert as upsert

from astrbot_like.domain.errors import BadRequest
from astrbot_like.storage.database import Database
from astrbot_like.storage.rows import dumps, loads, now_ms
from astrbot_like.storage.tables import preferences


class Preference(msgspec.Struct, frozen=True):
    """One stored value."""

    scope: str
    scope_id: str
    key: str
    value: Any


class PreferenceStore:
    """The key-value store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, scope: str, scope_id: str, key: str, default: Any = None) -> Any:
        """The value, or ``default`` when there is none."""
        query = select(preferences.c.value).where(_named(scope, scope_id, key))
        text = await self._database.read(lambda c: c.execute(query).scalar())
        return default if text is None else loads(text)

    async def put(self, scope: str, scope_id: str, key: str, value: Any) -> None:
        """Store a value.

        Raises:
            BadRequest: It can't be written as JSON.
        """
        try:
            text = dumps(value)
        except (TypeError, ValueError, RecursionError) as error:
            raise BadRequest(f"The value of {key!r} can't be stored: it is not JSON ({error}).") from error
        statement = upsert(preferences).values(scope=scope, scope_id=scope_id, key=key, value=text, updated_ms=now_ms())
        statement = statement.on_conflict_do_update(
            index_elements=["scope", "scope_id", "key"],
            set_={"value": statement.excluded.value, "updated_ms": statement.excluded.updated_ms},
        )
        await self._database.write(lambda c: c.execute(statement))

    async def remove(self, scope: str, scope_id: str, key: str) -> None:
        """Forget a value; an unknown one is ignored."""
        await self._database.write(lambda c: c.execute(delete(preferences).where(_named(scope, scope_id, key))))

    async def clear(self, scope: str, scope_id: str) -> None:
        """Forget all values of a scope id."""
        condition = (preferences.c.scope == scope) & (preferences.c.scope_id == scope_id)
        await self._database.write(lambda c: c.execute(delete(preferences).where(condition)))

    async def find(
        self, scope: str, *, scope_id: str | None = None, key: str | None = None, limit: int = 10_000
    ) -> list[Preference]:
        """Values of a scope, of one id or one key."""
        query = select(preferences).where(preferences.c.scope == scope)
        if scope_id is not None:
            query = query.where(preferences.c.scope_id == scope_id)
        if key is not None:
            query = query.where(preferences.c.key == key)
        query = query.order_by(preferences.c.scope_id, preferences.c.key).limit(limit)
        return await self._database.read(
            lambda c: [Preference(row.scope, row.scope_id, row.key, loads(row.value)) for row in c.execute(query)]
        )


def _named(scope: str, scope_id: str, key: str) -> Any:
    return (preferences.c.scope == scope) & (preferences.c.scope_id == scope_id) & (preferences.c.key == key)

"""API keys: only their hashes are stored."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from astrbot_like.domain.accounts import ApiKey
from astrbot_like.domain.errors import NotFound
from astrbot_like.storage.database import Database
from astrbot_like.storage.rows import iso, now_ms
from astrbot_like.storage.tables import api_keys


class ApiKeyStore:
    """Rows of API keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, record: ApiKey, key_hash: str) -> ApiKey:
        """Store a new key; returns it with its time of creation."""
        now = now_ms()
        values = {
            "key_id": record.key_id,
            "key_hash": key_hash,
            "name": record.name,
            "prefix": record.prefix,
            "scopes": " ".join(record.scopes),
            "creator": record.creator,
            "created_ms": now,
            "expires_at": record.expires_at,
        }

        def work(connection: Connection) -> ApiKey:
            connection.execute(insert(api_keys).values(values))
            return _one(connection, record.key_id)

        return await self._database.write(work)

    async def all(self) -> dict[str, ApiKey]:
        """All keys by their hash."""
        query = select(api_keys).order_by(api_keys.c.created_ms)
        return await self._database.read(lambda c: {row.key_hash: _key_of(row) for row in c.execute(query)})

    async def revoke(self, key_id: str, at: float) -> ApiKey:
        """End a key; one that was revoked stays revoked since then.

        Raises:
            NotFound: There is no such key.
        """

        def work(connection: Connection) -> ApiKey:
            mine = (api_keys.c.key_id == key_id) & api_keys.c.revoked_at.is_(None)
            connection.execute(update(api_keys).where(mine).values(revoked_at=at))
            return _one(connection, key_id)

        return await self._database.write(work)

    async def delete(self, key_id: str) -> None:
        """Delete a key.

        Raises:
            NotFound: There is no such key.
        """

        def work(connection: Connection) -> None:
            _one(connection, key_id)
            connection.execute(delete(api_keys).where(api_keys.c.key_id == key_id))

        await self._database.write(work)

    async def used(self, times: dict[str, float]) -> None:
        """Store the last use of keys: seconds since the epoch by key id."""

        def work(connection: Connection) -> None:
            for key_id, at in times.items():
                connection.execute(update(api_keys).where(api_keys.c.key_id == key_id).values(last_used_at=at))

        await self._database.write(work)


def _one(connection: Connection, key_id: str) -> ApiKey:
    row = connection.execute(select(api_keys).where(api_keys.c.key_id == key_id)).first()
    if row is None:
        raise NotFound("There is no such API key.")
    return _key_of(row)


def _key_of(row: Any) -> ApiKey:
    return ApiKey(
        key_id=row.key_id,
        name=row.name,
        prefix=row.prefix,
        scopes=tuple(row.scopes.split()),
        creator=row.creator,
        created_at=iso(row.created_ms),
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )

"""Small named records kept whole as JSON: personas, profiles, providers, bots, MCP servers, states of plugins.

There are few of each and they are read at every turn, so a store keeps all of its records in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import Connection, Table, delete, select
from sqlalchemy.dialects.sqlite import insert as upsert

from astrbot_like.domain.errors import Conflict, NotFound
from astrbot_like.domain.jobs import Job
from astrbot_like.domain.profiles import (
    McpServerConfig,
    Persona,
    PlatformConfig,
    PluginState,
    Profile,
    ProviderConfig,
)
from astrbot_like.storage import secrets, tables
from astrbot_like.storage.cached import Cached
from astrbot_like.storage.database import Database
from astrbot_like.storage.rows import dumps, iso, loads, now_ms

R = TypeVar("R", bound=msgspec.Struct)


class RecordStore(Generic[R]):
    """All records of one kind.

    Args:
        kind: What one is called in an error.
        name_of: A record's id.
        box: Encrypts secrets within ``config``; None for kinds without secrets.
    """

    def __init__(
        self,
        database: Database,
        table: Table,
        record: type[R],
        *,
        kind: str,
        name_of: Callable[[R], str],
        box: secrets.SecretBox | None = None,
    ) -> None:
        self._database = database
        self._table = table
        self._type = record
        self._kind = kind
        self._name_of = name_of
        self._box = box
        self._records: Cached[dict[str, R]] = Cached(lambda: database.read(self._read))
        self._fields = frozenset(field.name for field in msgspec.structs.fields(record))

    async def get(self, name: str) -> R | None:
        """The record, or None."""
        return (await self._records.get()).get(name)

    async def all(self) -> list[R]:
        """All records, oldest first."""
        return list((await self._records.get()).values())

    async def add(self, record: R) -> R:
        """Store a new record.

        Raises:
            Conflict: There is one of that name.
        """
        return await self._put(record, new=True)

    async def put(self, record: R) -> R:
        """Store a record, in place of one of that name if there is one."""
        return await self._put(record, new=False)

    async def delete(self, name: str) -> None:
        """Delete a record.

        Raises:
            NotFound: There is no such record.
        """
        statement = delete(self._table).where(self._table.c.id == name)
        if not await self._database.write(lambda c: c.execute(statement).rowcount):
            raise NotFound(f"There is no {self._kind} named {name}.")
        if (kept := self._records.changed()) is not None:
            kept.pop(name, None)

    def forget(self) -> None:
        """Read everything anew next time: another process has written."""
        self._records.forget()

    def _read(self, connection: Connection) -> dict[str, R]:
        query = select(self._table).order_by(self._table.c.created_ms, self._table.c.id)
        return {row.id: self._record_of(row) for row in connection.execute(query)}

    async def _put(self, record: R, *, new: bool) -> R:
        name = self._name_of(record)

        def work(connection: Connection) -> R:
            found = connection.execute(select(self._table.c.created_ms).where(self._table.c.id == name)).scalar()
            if found is not None and new:
                raise Conflict(f"There is a {self._kind} named {name}.")
            now = now_ms()
            plain = {
                key: value
                for key, value in msgspec.to_builtins(record).items()
                if key not in ("created_at", "updated_at", "read_only")
            }
            if self._box is not None:
                plain["config"] = self._box.seal(plain["config"])
            statement = upsert(self._table).values(id=name, data=dumps(plain), created_ms=found or now, updated_ms=now)
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["id"],
                    set_={"data": statement.excluded.data, "updated_ms": statement.excluded.updated_ms},
                )
            )
            return self._stamped(record, found or now, now)

        stored = await self._database.write(work)
        if (kept := self._records.changed()) is not None:
            kept[name] = stored
        return stored

    def _record_of(self, row: Any) -> R:
        plain = loads(row.data)
        if self._box is not None:
            plain["config"] = self._box.unseal(plain["config"])
        return self._stamped(msgspec.convert(plain, self._type), row.created_ms, row.updated_ms)

    def _stamped(self, record: R, created_ms: int, updated_ms: int) -> R:
        times = {"created_at": iso(created_ms), "updated_at": iso(updated_ms)}
        return msgspec.structs.replace(record, **{name: at for name, at in times.items() if name in self._fields})


class Records(msgspec.Struct, frozen=True):
    """The stores of all kinds."""

    personas: RecordStore[Persona]
    profiles: RecordStore[Profile]
    providers: RecordStore[ProviderConfig]
    platforms: RecordStore[PlatformConfig]
    mcp_servers: RecordStore[McpServerConfig]
    plugin_states: RecordStore[PluginState]
    jobs: RecordStore[Job]

    def forget(self) -> None:
        """Read everything anew next time: another process has written."""
        for store in (
            self.personas,
            self.profiles,
            self.providers,
            self.platforms,
            self.mcp_servers,
            self.plugin_states,
            self.jobs,
        ):
            store.forget()


def record_stores(database: Database, data_directory: Path) -> Records:
    """The stores of a data directory."""
    box = secrets.SecretBox(data_directory / secrets.FILE_NAME)
    return Records(
        personas=RecordStore(database, tables.personas, Persona, kind="persona", name_of=lambda r: r.id),
        profiles=RecordStore(database, tables.profiles, Profile, kind="profile", name_of=lambda r: r.id),
        providers=RecordStore(
            database, tables.providers, ProviderConfig, kind="provider", name_of=lambda r: r.id, box=box
        ),
        platforms=RecordStore(database, tables.platforms, PlatformConfig, kind="bot", name_of=lambda r: r.id, box=box),
        mcp_servers=RecordStore(
            database, tables.mcp_servers, McpServerConfig, kind="MCP server", name_of=lambda r: r.name, box=box
        ),
        plugin_states=RecordStore(database, tables.plugin_states, PluginState, kind="plugin", name_of=lambda r: r.name),
        jobs=RecordStore(database, tables.jobs, Job, kind="job", name_of=lambda r: r.job_id),
    )

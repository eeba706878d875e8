"""The SQLite database: one writer, some readers, and errors that say what to do.

All writes go through one connection on a thread of its own. SQLite takes one writer at a time anyhow; so nobody waits
for a lock inside the process, and a transaction costs the event loop one thread hop rather than one a statement (about
0.4 ms of CPU instead of 1.2 ms for a single message). Reads run on a few threads beside it, with connections that can't
write. A thread's work is never cut: a caller that is cancelled or out of patience leaves it to end by itself.

Durability: write-ahead log with ``synchronous=NORMAL``. A committed transaction survives ``kill -9`` of the process,
since it has been handed to the kernel; a power cut may lose the last ones, but never damages the database.
Checkpoints (the part that waits for the disk) run on a connection of their own, so that no message waits for them.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TypeVar, cast

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from astrbot_like.domain.errors import StorageError
from astrbot_like.storage import schema
from astrbot_like.storage.faults import storage_error
from astrbot_like.storage.sqlite_file import (
    READERS,
    check_file,
    checkpoint,
    copy_database,
    reader_engine,
    writer_engine,
)
from astrbot_like.storage.writer_thread import CLOSED, Done, WriterThread

log = logging.getLogger(__name__)

T = TypeVar("T")

FILE_NAME = "astrbot_like.db"
DEADLINE = 60.0
"""Seconds after which a read or a write is given up."""
COMMITS_PER_CHECKPOINT = 100
"""Small and often: a long one keeps the disk from the messages (99th percentile of a commit at 1500 messages a second:
3 ms with 100, 26 ms with 1000)."""


class Database:
    """The open database. Made by ``Database.open``; closed by ``aclose``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._engine = writer_engine(path)
        self._thread = WriterThread("database-writer")
        self._connection: Connection | None = None
        self._driver: sqlite3.Connection | None = None
        self._readers = reader_engine(path)
        self._reading = ThreadPoolExecutor(READERS, thread_name_prefix="database-reader")
        self._checkpoint_task: asyncio.Task[None] | None = None
        self._commits = 0
        self._data_version = 0
        self.reads = 0
        """Reads so far; with ``transactions`` what tests bound."""
        self.transactions = 0

    @classmethod
    async def open(cls, directory: Path) -> Database:
        """Open the database of a data directory, making or migrating it.

        Raises:
            StorageError: The directory can't be written, the file is damaged, foreign or of a newer version.
                Nothing is changed then.
        """
        database = cls(directory / FILE_NAME)
        try:
            await database._on_writer(database._prepare)
        except BaseException:
            await database.aclose()
            raise
        return database

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in one transaction on the writer's thread.

        A caller that is cancelled meanwhile does not undo it: the transaction still commits or fails as a whole.

        Raises:
            StorageError: SQLite failed; nothing of the transaction was kept.
        """
        self.transactions += 1
        result = await self._on_writer(lambda: self._transaction(work))
        self._count_commit()
        return result

    def submit(self, work: Callable[[sqlite3.Connection], T], done: Done[T]) -> None:
        """Run ``work`` on the writer's thread with the driver's own connection, in autocommit mode, then ``done``.

        For what is written at every turn; the rest uses ``write``. Errors come as the driver raises them.

        Raises:
            StorageError: The store is closed.
        """
        self._thread.submit(lambda: self._with_driver(work), done)
        self.transactions += 1
        self._count_commit()

    async def transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """As ``write``, with the driver's own connection: for what the first audio of a reply waits for.

        Raises:
            StorageError: SQLite failed; nothing of the transaction was kept.
        """

        def run(driver: sqlite3.Connection) -> T:
            with transaction(driver):
                return work(driver)

        self.transactions += 1
        result = await self._on_writer(lambda: self._with_driver(run))
        self._count_commit()
        return result

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run ``work``, which must not write, beside the writer.

        Raises:
            StorageError: SQLite failed.
        """
        self.reads += 1
        try:
            future = asyncio.get_running_loop().run_in_executor(self._reading, lambda: self._read(work))
        except RuntimeError as error:
            raise StorageError(CLOSED) from error
        return await _result(future)

    async def changed_outside(self) -> bool:
        """Whether another process has written since the last call; costs no disk access."""
        version = await self._on_writer(self._read_data_version)
        changed = version != self._data_version
        self._data_version = version
        return changed

    async def copy_to(self, target: Path, progress: Callable[[int, int], None] | None = None) -> None:
        """Write a consistent copy of the running database to ``target`` (a new file).

        Args:
            progress: Called on another thread with pages done and pages in all.
        """
        await asyncio.to_thread(copy_database, self.path, target, progress)

    async def aclose(self) -> None:
        """Finish what is being written, fold the log into the database and close; idempotent."""
        if self._checkpoint_task is not None:
            # Not cancelled: its thread would go on, with a connection that keeps the log from being folded in.
            await asyncio.gather(self._checkpoint_task, return_exceptions=True)
        # Readers first: an open one would keep the log from being folded in.
        await asyncio.to_thread(self._reading.shutdown)
        self._readers.dispose()
        try:
            await self._thread.call(self._close)
        except StorageError:
            return  # the thread was ended by an earlier call
        finally:
            self._thread.close()

    async def _on_writer(self, work: Callable[[], T]) -> T:
        return await _result(self._thread.call(work))

    # --- on the writer's thread -----------------------------------------------------------------------

    def _prepare(self) -> None:
        check_file(self.path)
        connection = self._connection = self._engine.connect()
        self._driver = cast(sqlite3.Connection, connection.connection.driver_connection)
        with connection.begin():
            revision = schema.stored_revision(connection)
            if revision is None:
                schema.create(connection)
        if revision is not None and revision != schema.HEAD:
            self._migrate(connection, revision)
        self._data_version = self._read_data_version()
        # What plugins keep may use it. Here, while nobody uses SQLAlchemy: imported beside queries, its asyncio package
        # (which brings the whole ORM) breaks them, for they consult what is half imported.
        import_module("sqlalchemy.ext.asyncio")

    def _migrate(self, connection: Connection, revision: str) -> None:
        keep = self.path.with_name(f"{self.path.stem}.before-{schema.HEAD}.db")
        if not keep.exists():
            copy_database(self.path, keep, None)
        log.info("upgrading the database", extra={"from": revision, "to": schema.HEAD, "copy": keep.name})
        with connection.begin():
            schema.upgrade(connection)

    def _transaction(self, work: Callable[[Connection], T]) -> T:
        connection = self._connection
        if connection is None:
            raise StorageError(CLOSED)
        with connection.begin():
            return work(connection)

    def _with_driver(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._driver is None:
            raise StorageError(CLOSED)
        return work(self._driver)

    def _read_data_version(self) -> int:
        return self._with_driver(lambda driver: int(driver.execute("PRAGMA data_version").fetchone()[0]))

    def _close(self) -> None:
        if self._connection is not None:
            self._driver = None
            self._connection.close()
            self._connection = None
        self._engine.dispose()

    # --- beside it ------------------------------------------------------------------------------------

    def _read(self, work: Callable[[Connection], T]) -> T:
        with self._readers.connect() as connection:
            return work(connection)

    def _count_commit(self) -> None:
        self._commits += 1
        if self._commits < COMMITS_PER_CHECKPOINT or self._checkpoint_task is not None:
            return
        self._commits = 0
        self._checkpoint_task = asyncio.create_task(self._checkpoint(), name="database-checkpoint")

    async def _checkpoint(self) -> None:
        try:
            await asyncio.to_thread(checkpoint, self.path)
        except sqlite3.Error as error:
            log.warning("checkpoint failed; it will be tried again", extra={"reason": str(error)})
        finally:
            self._checkpoint_task = None


async def _result(future: asyncio.Future[T]) -> T:
    try:
        async with asyncio.timeout(DEADLINE):
            # Shielded: a thread can't be interrupted, and a transaction that has begun is finished.
            return await asyncio.shield(future)
    except (DBAPIError, sqlite3.Error, OSError) as error:
        raise storage_error(error) from error


@contextmanager
def transaction(driver: sqlite3.Connection) -> Generator[None]:
    """One transaction on a connection in autocommit mode."""
    driver.execute("BEGIN IMMEDIATE")
    try:
        yield
        driver.execute("COMMIT")
    except BaseException:
        if driver.in_transaction:
            driver.execute("ROLLBACK")
        raise

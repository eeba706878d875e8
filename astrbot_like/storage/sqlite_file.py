"""The SQLite file beneath the database: connections to it, and what is done to it as a whole.

Everything here is synchronous; the database calls it on its threads.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from astrbot_like.domain.errors import StorageError
from astrbot_like.storage import faults, schema
from astrbot_like.storage.faults import storage_error
from astrbot_like.storage.lock import make_private

MAGIC = b"SQLite format 3\x00"
BUSY_MS = 5_000
"""How long SQLite waits for another process (the command line, say) that is writing."""
READERS = 4
AUTOCHECKPOINT_PAGES = 16_384
"""The writer checkpoints by itself at 64 MiB of log, should the checkpoint thread not keep up."""


def check_file(path: Path) -> None:
    """Keep the file's directory private, and see whether the file, if there is one, can be a database.

    Raises:
        StorageError: It is something else.
        OSError: It can't be read.
    """
    try:
        make_private(path.parent)
        with path.open("rb") as file:
            head = file.read(len(MAGIC))
    except FileNotFoundError:
        return
    if head and head != MAGIC:
        raise StorageError(
            "The database file in the data directory is damaged or not a database. Nothing was changed. "
            "Restore a backup (astrbot-like backup restore), or move the file away to start anew."
        )


def check_copy(path: Path) -> None:
    """Check a database that nobody uses, thoroughly.

    Raises:
        StorageError: It is damaged, foreign or of a newer version.
    """
    check_file(path)
    engine = create_engine(f"sqlite:///{path}")
    try:
        with engine.connect() as connection:
            if connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar() != "ok":
                raise StorageError(faults.DAMAGED)
            if schema.stored_revision(connection) is None:
                raise StorageError(faults.DAMAGED)
    except DBAPIError as error:
        raise storage_error(error) from error
    finally:
        engine.dispose()


def writer_engine(path: Path) -> Engine:
    """For the one connection that writes; transactions begin when they are told to."""
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_MS / 1000, "isolation_level": None})

    def on_connect(raw: sqlite3.Connection, _record: object) -> None:
        raw.execute(f"PRAGMA busy_timeout={BUSY_MS}")
        raw.execute("PRAGMA journal_mode=WAL")
        raw.execute("PRAGMA synchronous=NORMAL")
        raw.execute("PRAGMA foreign_keys=ON")
        raw.execute(f"PRAGMA wal_autocheckpoint={AUTOCHECKPOINT_PAGES}")

    def on_begin(connection: Connection) -> None:
        # The driver's own BEGIN would wait until the first write and could then fail for a stale snapshot.
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)
    return engine


def reader_engine(path: Path) -> Engine:
    """For connections that can't write."""
    engine = create_engine(
        f"sqlite:///{path}",
        pool_size=READERS,
        max_overflow=0,
        # Each SELECT sees a snapshot of its own; there is nothing to roll back when a connection returns to the pool.
        pool_reset_on_return=None,
        isolation_level="AUTOCOMMIT",
        connect_args={"timeout": BUSY_MS / 1000},
    )

    def on_connect(raw: sqlite3.Connection, _record: object) -> None:
        raw.execute("PRAGMA query_only=ON")

    event.listen(engine, "connect", on_connect)
    return engine


def checkpoint(path: Path) -> None:
    """Fold what readers no longer need of the log into the database."""
    connection = sqlite3.connect(path, timeout=BUSY_MS / 1000, isolation_level=None)
    try:
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
    finally:
        connection.close()


def copy_database(source: Path, target: Path, progress: Callable[[int, int], None] | None) -> None:
    """Copy a database that is in use with SQLite's online backup."""

    def report(_status: int, remaining: int, total: int) -> None:
        if progress is not None:
            progress(total - remaining, total)

    origin = sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=BUSY_MS / 1000)
    try:
        copy = sqlite3.connect(target)
        try:
            # In one step: a copy in several would start again whenever the server writes in between.
            origin.backup(copy, pages=-1, progress=report)
            # The copy is read on its own, so it needs no log beside it.
            copy.execute("PRAGMA journal_mode=DELETE")
        finally:
            copy.close()
    finally:
        origin.close()

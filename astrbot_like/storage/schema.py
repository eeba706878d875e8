"""Making, checking and upgrading the schema; synchronous, run on the writer's thread.

Alembic is imported only when there is something to migrate: a new database is made from ``tables`` at once and
stamped with the newest revision.
"""

from __future__ import annotations

import logging
from pathlib import Path

from sqlalchemy import Connection, text

from astrbot_like.domain.errors import StorageError
from astrbot_like.storage import sqlite_ddl
from astrbot_like.storage.tables import metadata

log = logging.getLogger(__name__)

REVISIONS: tuple[str, ...] = ("0001", "0002", "0003", "0004", "0005", "0006")
"""All schema revisions, oldest first; each has its file in ``migrations/versions``."""

HEAD = REVISIONS[-1]

MIGRATIONS = Path(__file__).parent / "migrations"


def stored_revision(connection: Connection) -> str | None:
    """The database's schema revision; None for an empty database.

    Raises:
        StorageError: It belongs to another program, or to a newer version of this one.
    """
    names = set(connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars())
    if not names:
        return None
    if "alembic_version" not in names or "sessions" not in names:
        raise StorageError(
            "The database file in the data directory was not made by this program. "
            "Choose another data directory, or move that file away."
        )
    revision = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    if revision not in REVISIONS:
        raise StorageError(
            f"The data directory was written by a newer version of this program (schema {revision}, this version "
            f"knows up to {HEAD}). Install that version again, or restore a backup made by this one."
        )
    return str(revision)


def create(connection: Connection) -> None:
    """Make all tables in an empty database, within the caller's transaction."""
    metadata.create_all(connection, checkfirst=False)
    for statement in sqlite_ddl.STATEMENTS:
        connection.exec_driver_sql(statement)
    connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    connection.execute(text("INSERT INTO alembic_version (version_num) VALUES (:revision)"), {"revision": HEAD})


def upgrade(connection: Connection, revision: str = HEAD) -> None:
    """Migrate the database of ``connection`` to ``revision``, within the caller's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)

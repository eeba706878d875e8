"""The data directory: place, space, rights, database, key, files, backups."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import msgspec

from astrbot_like.domain.errors import BotError
from astrbot_like.operations.doctor.findings import Finding, failure, ok, size_of, warning
from astrbot_like.operations.doctor.machine import check_clock
from astrbot_like.storage import backup_archive, database, faults, lock, schema, secrets

LITTLE_SPACE = 1024**3
NO_SPACE = 64 * 1024**2
OLD_BACKUP_DAYS = 30
PROBE = 64 * 1024
"""Bytes written to see whether the disk takes them."""
FREE_SPACE = "Free some space, or raise the quota; what was acknowledged before is safe."


def check_data(data: Path) -> Iterator[Finding]:
    """All of it."""
    if not data.exists():
        yield ok("data directory", f"{data} does not exist yet; the first start makes it")
        yield check_clock(time.time())
        return
    yield _writable(data)
    if not os.access(data, os.R_OK | os.X_OK):
        return
    yield _space(data)
    yield from _rights(data)
    running = lock.DirectoryLock(data).is_held()
    yield ok("server", "running" if running else "not running")
    yield from check_database(data)
    yield check_clock(time.time(), _newest_stored(data))
    yield from _key(data)
    yield _files(data)
    yield from _restores(data)
    yield _backups(data)


def check_settings_file(path: Path) -> Iterator[Finding]:
    """Whether others can read the settings file; it may hold passwords and keys."""
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & stat.S_IROTH:
        yield warning(
            "settings file",
            f"{path} can be read by every user of this machine",
            f"Run: chmod o= {path}, if it holds keys",
        )


def check_database(data: Path) -> Iterator[Finding]:
    """The database file: its form, its schema, every page of it."""
    path = data / database.FILE_NAME
    if not path.exists():
        yield ok("database", "none yet; the first start makes it")
        return
    restore = "Stop the server and restore a backup: astrbot-like backup restore FILE" + _newest_backup(data)
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)
        try:
            names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if not {"alembic_version", "sessions"} <= names:
                yield failure("database", "not made by this program", "Choose another data directory with --data-dir.")
                return
            revision = connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]
            if revision not in schema.REVISIONS:
                yield failure(
                    "database", f"written by a newer version (schema {revision})", "Install that version again."
                )
                return
            problem = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if problem != "ok":
                yield failure("database", f"damaged: {problem}", restore)
                return
            count = connection.execute("SELECT count(*) FROM messages").fetchone()[0]
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        message = faults.storage_error(error).message
        damaged = message in (faults.DAMAGED, faults.storage_error(sqlite3.DatabaseError()).message)
        yield failure("database", "damaged" if damaged else message, restore if damaged else "")
        return
    upgrade = "" if revision == schema.HEAD else f"; the next start upgrades it from schema {revision}"
    yield ok("database", f"whole, {size_of(path.stat().st_size)}, {count} messages{upgrade}")


def _writable(data: Path) -> Finding:
    probe = data / f".doctor-{os.getpid()}"
    try:
        try:
            probe.write_bytes(bytes(PROBE))
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return failure("data directory", f"{data} takes nothing more ({error.strerror})", FREE_SPACE)
        return failure(
            "data directory",
            f"{data} can't be written ({error.strerror})",
            "Check who owns it, its permissions, and how its disk is mounted.",
        )
    return ok("data directory", f"{data} can be written")


def _rights(data: Path) -> Iterator[Finding]:
    """Whether others can read what people wrote, and whether the server can write what it must."""
    if os.name != "posix":
        return
    about = data.stat()
    open_to = stat.S_IMODE(about.st_mode) & stat.S_IRWXO
    if open_to:
        yield warning("rights", f"{data} is open to every user of this machine", f"Run: chmod o= {data}")
    strange = sorted(path.name for path in data.iterdir() if path.lstat().st_uid != about.st_uid)
    if strange:
        yield warning(
            "rights",
            f"{', '.join(strange)}: not the owner of the data directory's; the server may fail to write there",
            f"A command was run as another user. Run: chown -R --reference={data} {data}",
        )
    if not open_to and not strange:
        yield ok("rights", "the data is its owner's alone")


def _space(data: Path) -> Finding:
    free = shutil.disk_usage(data).free
    if free < NO_SPACE:
        return failure("disk", f"full: {size_of(free)} free", FREE_SPACE)
    if free < LITTLE_SPACE:
        return warning("disk", f"only {size_of(free)} free", "Free some space, or move the data directory.")
    return ok("disk", f"{size_of(free)} free")


def _key(data: Path) -> Iterator[Finding]:
    path = data / secrets.FILE_NAME
    sealed = _sealed(data / database.FILE_NAME)
    if not path.exists():
        if sealed:
            yield failure(
                "secrets",
                f"{secrets.FILE_NAME} is missing",
                "Put it back from a backup, or enter every key and secret again.",
            )
        return
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        yield warning("key file", f"{secrets.FILE_NAME} can be read by others", f"Run: chmod 600 {path}")
    box = secrets.SecretBox(path)
    try:
        for text in sealed:
            box.decrypt(text)
    except (BotError, OSError) as error:
        yield failure("secrets", "can't be read", getattr(error, "message", str(error)))
        return
    yield ok("secrets", f"{len(sealed)} can be read")


def _newest_stored(data: Path) -> float | None:
    """When the newest message or turn was stored, in seconds since the epoch; None when there is none to be read."""
    query = "SELECT max(at) FROM (SELECT max(created_ms) AS at FROM turns UNION SELECT max(updated_ms) FROM sessions)"
    try:
        with closing(sqlite3.connect(f"file:{data / database.FILE_NAME}?mode=ro", uri=True, timeout=5)) as connection:
            found = connection.execute(query).fetchone()[0]
    except sqlite3.Error:
        return None
    return None if found is None else found / 1000


def _sealed(path: Path) -> list[str]:
    """Some encrypted strings of the database; none when it can't be read, which another check tells."""
    found: list[str] = []

    def gather(value: object) -> None:
        if isinstance(value, dict):
            for item in value.values():
                gather(item)
        elif isinstance(value, list):
            for item in value:
                gather(item)
        elif isinstance(value, str) and value.startswith(secrets.PREFIX):
            found.append(value)

    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)
        try:
            for table in ("providers", "platforms", "mcp_servers"):
                for (text,) in connection.execute(f"SELECT data FROM {table}"):
                    gather(msgspec.json.decode(text))
            for (text,) in connection.execute("SELECT value FROM installation"):
                gather(text)
        finally:
            connection.close()
    except (sqlite3.Error, msgspec.MsgspecError):
        return []
    return found


def _files(data: Path) -> Finding:
    try:
        connection = sqlite3.connect(f"file:{data / database.FILE_NAME}?mode=ro", uri=True, timeout=5)
        try:
            names = [row[0] for row in connection.execute("SELECT stored_name FROM attachments")]
        finally:
            connection.close()
    except sqlite3.Error:
        names = []
    lost = sum(not (data / "attachments" / name).is_file() for name in names)
    if lost:
        return warning("files", f"{lost} of {len(names)} stored files are gone", "Restore a backup if they are needed.")
    return ok("files", f"{len(names)} stored")


def _restores(data: Path) -> Iterator[Finding]:
    if (data / backup_archive.PENDING / backup_archive.READY).is_file():
        yield warning("restore", "a backup is laid ready", "Restart the server to restore it.")
    kept = sorted(path.name for path in data.glob("before-restore-*"))
    if kept:
        yield warning("restore", f"kept from before: {', '.join(kept)}", "Delete it when the restored data is right.")


def _backups(data: Path) -> Finding:
    newest = _newest(data)
    if newest is None:
        return warning("backup", "none in the data directory", "Make one: astrbot-like backup create --output FILE")
    days = int((time.time() - datetime.fromisoformat(newest[0]).timestamp()) / 86_400)
    if days > OLD_BACKUP_DAYS:
        return warning("backup", f"the newest is {days} days old", "Make one: astrbot-like backup create")
    return ok("backup", f"the newest is {days} days old: {newest[1]}")


def _newest(data: Path) -> tuple[str, str] | None:
    found: list[tuple[str, str]] = []
    for path in data.glob("backups/*.zip"):
        try:
            found.append((backup_archive.read_manifest(path).created_at, path.name))
        except BotError:
            continue  # somebody else's file
    return max(found, default=None)


def _newest_backup(data: Path) -> str:
    newest = _newest(data)
    return "" if newest is None else f" (the newest is {data / 'backups' / newest[1]})"

"""Looks at the machine and the data directory, changes nothing, and says what to do about what it finds."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import stat
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import msgspec

from astrbot_like.domain.errors import BotError
from astrbot_like.storage import backup_archive, database, faults, lock, schema, secrets

OLDEST_PYTHON = (3, 11)
FEW_FILES = 1024
"""Open files that a server for many people outgrows."""
LITTLE_SPACE = 1024**3
NO_SPACE = 64 * 1024**2
OLD_BACKUP_DAYS = 30
LIBRARIES = ("quart", "hypercorn", "msgspec", "sqlalchemy", "aiosqlite", "argon2", "cryptography", "jwt", "pydub")


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at.

    Attributes:
        advice: What to do; empty when there is nothing to do.
    """

    subject: str
    state: Literal["ok", "warning", "failure"]
    message: str
    advice: str = ""


def ok(subject: str, message: str) -> Finding:
    """All is well."""
    return Finding(subject, "ok", message)


def warning(subject: str, message: str, advice: str) -> Finding:
    """It works, but may not for long or not well."""
    return Finding(subject, "warning", message, advice)


def failure(subject: str, message: str, advice: str) -> Finding:
    """It does not work."""
    return Finding(subject, "failure", message, advice)


def check_machine() -> Iterator[Finding]:
    """Python, its libraries, FFmpeg, limits of the system."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info >= OLDEST_PYTHON:
        yield ok("Python", version)
    else:
        yield failure("Python", f"{version} is too old", "Install Python 3.11 or newer.")
    missing = [name for name in LIBRARIES if find_spec(name) is None]
    if missing:
        yield failure(
            "libraries", f"missing: {', '.join(missing)}", "Install the package again: pip install astrbot-like"
        )
    else:
        yield ok("libraries", "all there")
    if shutil.which("ffmpeg"):
        yield ok("FFmpeg", "found")
    else:
        yield warning("FFmpeg", "not found", "Install it, or voice messages in other formats than WAV can't be read.")
    yield _open_files()


def check_data(data: Path) -> Iterator[Finding]:
    """The data directory: place, space, database, key, backups."""
    if not data.exists():
        yield ok("data directory", f"{data} does not exist yet; the first start makes it")
        return
    yield _writable(data)
    yield _space(data)
    running = lock.DirectoryLock(data).is_held()
    yield ok("server", "running" if running else "not running")
    yield from check_database(data)
    yield from _key(data)
    yield _files(data)
    yield from _restores(data)
    yield _backups(data)


def check_port(host: str, port: int) -> Finding:
    """Whether the server could listen; asked only when none is running."""
    if port == 0:
        return ok("address", f"{host}, a port that the system chooses")
    try:
        with socket.create_server((host, port)):
            return ok("address", f"{host}:{port} is free")
    except OSError as error:
        return failure(
            "address",
            f"{host}:{port} can't be listened on ({error.strerror or error})",
            "Stop the program that uses it, or choose another with --port.",
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
    yield ok("database", f"whole, {_size(path.stat().st_size)}, {count} messages{upgrade}")


def _open_files() -> Finding:
    try:
        import resource
    except ImportError:
        return ok("open files", "no limit known")
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= soft <= FEW_FILES:
        return warning("open files", f"at most {soft}", "Raise the limit for many connections: ulimit -n 65536")
    return ok("open files", f"at most {soft}")


def _writable(data: Path) -> Finding:
    probe = data / f".doctor-{os.getpid()}"
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        return failure(
            "data directory",
            f"{data} can't be written ({error.strerror})",
            "Check who owns it, its permissions, and how its disk is mounted.",
        )
    return ok("data directory", f"{data} can be written")


def _space(data: Path) -> Finding:
    free = shutil.disk_usage(data).free
    if free < NO_SPACE:
        return failure("disk", f"full: {_size(free)} free", "Free some space; what was acknowledged before is safe.")
    if free < LITTLE_SPACE:
        return warning("disk", f"only {_size(free)} free", "Free some space, or move the data directory.")
    return ok("disk", f"{_size(free)} free")


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
        yield warning("secrets", f"{secrets.FILE_NAME} can be read by others", f"Run: chmod 600 {path}")
    box = secrets.SecretBox(path)
    try:
        for text in sealed:
            box.decrypt(text)
    except (BotError, OSError) as error:
        yield failure("secrets", "can't be read", getattr(error, "message", str(error)))
        return
    yield ok("secrets", f"{len(sealed)} can be read")


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


def _size(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"

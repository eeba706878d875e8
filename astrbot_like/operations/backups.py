"""Backups: made while the server runs, verified and laid ready for the next start when restored."""

from __future__ import annotations

import asyncio
import logging
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from astrbot_like import __version__
from astrbot_like.domain.errors import BotError, Conflict, NotFound, StorageError
from astrbot_like.runtime.clock import iso_utc
from astrbot_like.runtime.ids import new_id
from astrbot_like.storage import backup_archive
from astrbot_like.storage.backup_archive import Manifest, Progress
from astrbot_like.storage.database import FILE_NAME, Database
from astrbot_like.storage.faults import storage_error

log = logging.getLogger(__name__)

T = TypeVar("T")

FOLDER = "backups"
WORK = "temp"
SUFFIX = ".zip"


class BackupInfo(msgspec.Struct, frozen=True):
    """A backup as it is listed.

    Attributes:
        name: Its file name.
        size: Bytes of the archive.
        files: How many files it holds.
        attachments: How many of them are attachments.
    """

    name: str
    size: int
    version: str
    created_at: str
    files: int
    attachments: int


class _Stopped(Exception):
    """The caller has gone; ends the thread's work."""


class Backups:
    """Backups of one data directory.

    Args:
        database: Of the running server or of the command line; None: only ``restore`` and ``verify`` work.
    """

    def __init__(self, data: Path, database: Database | None) -> None:
        self._data = data
        self._database = database
        self._busy = asyncio.Lock()

    @property
    def folder(self) -> Path:
        """Where backups are kept."""
        return self._data / FOLDER

    async def create(
        self, target: Path | None = None, *, plugins: bool = True, progress: Progress | None = None
    ) -> tuple[Path, BackupInfo]:
        """Make a backup; messages go on being stored meanwhile.

        Args:
            target: Where to; None: the ``backups`` folder of the data directory, named by the time.
            progress: Called on another thread with bytes done and bytes in all.

        Raises:
            Conflict: One is being made or restored, or ``target`` exists.
            StorageError: The disk failed.
        """
        database = self._database
        if database is None:
            raise StorageError("The store is closed.")
        if target is None:
            target = self._data / FOLDER / f"astrbot-like-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}{SUFFIX}"
        if target.exists():
            raise Conflict(f"The file {target.name} exists already.")
        async with self._alone():
            folder = self._data / WORK / f"backup-{new_id()}"
            part = target.with_name(f".{target.name}.part")
            try:
                await self._on_thread(
                    lambda _: (folder.mkdir(parents=True), target.parent.mkdir(parents=True, exist_ok=True))
                )
                await database.copy_to(folder / FILE_NAME)
                manifest = await self._on_thread(
                    lambda check: backup_archive.pack(
                        self._data,
                        folder / FILE_NAME,
                        part,
                        version=__version__,
                        created_at=iso_utc(time.time()),
                        plugins=plugins,
                        progress=_checked(check, progress),
                    )
                )
                await self._on_thread(lambda _: part.replace(target))
            finally:
                shutil.rmtree(folder, ignore_errors=True)
                part.unlink(missing_ok=True)
        info = await self._on_thread(lambda _: _info_of(target, manifest))
        log.info("backup made", extra={"file": target.name, "bytes": info.size})
        return target, info

    async def verify(self, archive: Path) -> Manifest:
        """Check what a backup says of itself; ``restore`` checks every byte.

        Raises:
            BadRequest: It is foreign, damaged or of a newer version.
        """
        return await self._on_thread(lambda _: backup_archive.read_manifest(archive))

    async def restore(self, archive: Path, *, progress: Progress | None = None) -> BackupInfo:
        """Verify a backup and lay it ready; ``apply_restore`` puts it in place when the server starts next.

        Args:
            progress: Called on another thread with bytes done and bytes in all.

        Raises:
            BadRequest: It is foreign, damaged or of a newer version. Nothing was changed.
            NotFound: There is no such file.
            TooLarge: It would not fit on the disk. Nothing was changed.
            Conflict: One is being made or restored.
        """
        pending = self._data / backup_archive.PENDING
        if not await self._on_thread(lambda _: archive.is_file()):
            raise NotFound("There is no such backup file.")
        async with self._alone():
            try:
                await self._on_thread(lambda _: shutil.rmtree(pending, ignore_errors=True))
                manifest = await self._on_thread(
                    lambda check: backup_archive.unpack(archive, pending, _checked(check, progress))
                )
                await self._on_thread(lambda _: backup_archive.mark_ready(pending, manifest))
            except BaseException:
                shutil.rmtree(pending, ignore_errors=True)
                raise
        log.info("backup laid ready; the next start restores it", extra={"created_at": manifest.created_at})
        return await self._on_thread(lambda _: _info_of(archive, manifest))

    async def all(self) -> list[BackupInfo]:
        """Backups of the data directory, newest first; files that are none are left out."""
        return await self._on_thread(lambda _: _list(self._data / FOLDER))

    def _alone(self) -> asyncio.Lock:
        if self._busy.locked():
            raise Conflict("A backup is being made or restored. Wait until it is done.")
        return self._busy

    async def _on_thread(self, work: Callable[[Callable[[], None]], T]) -> T:
        """Run ``work`` on a thread; it is handed a check that raises once the caller was cancelled."""
        stopped = threading.Event()

        def check() -> None:
            if stopped.is_set():
                raise _Stopped

        task = asyncio.ensure_future(asyncio.to_thread(work, check))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            stopped.set()
            await asyncio.wait([task])
            task.exception()
            raise
        except OSError as error:
            raise storage_error(error) from error


def apply_restore(data: Path) -> Path | None:
    """Put a backup that was laid ready in place. Called before anything opens the data directory.

    Returns:
        The folder that keeps what was there before; None when no backup waits.

    Raises:
        StorageError: The disk failed; the next start tries again.
    """
    try:
        kept = backup_archive.apply(data, time.strftime("%Y%m%d-%H%M%S", time.gmtime()))
    except OSError as error:
        raise storage_error(error) from error
    if kept is not None:
        log.warning("a backup was restored; what was there before is kept", extra={"folder": kept.name})
    return kept


def _checked(check: Callable[[], None], progress: Progress | None) -> Progress:
    def step(done: int, total: int) -> None:
        check()
        if progress is not None:
            progress(done, total)

    return step


def _list(folder: Path) -> list[BackupInfo]:
    found: list[BackupInfo] = []
    for path in folder.glob(f"*{SUFFIX}") if folder.is_dir() else ():
        try:
            found.append(_info_of(path, backup_archive.read_manifest(path)))
        except BotError:
            continue  # somebody else's file
    return sorted(found, key=lambda info: info.created_at, reverse=True)


def _info_of(path: Path, manifest: Manifest) -> BackupInfo:
    attachments = sum(name.startswith("attachments/") for name in manifest.files)
    return BackupInfo(
        path.name, path.stat().st_size, manifest.version, manifest.created_at, len(manifest.files), attachments
    )

"""The file format of backups: a ZIP archive with a manifest of every file's size and SHA-256. Synchronous.

A backup holds everything that is kept, secrets included, so that it can be restored on another machine: guard it as a
password. Restoring goes in two steps. ``unpack`` verifies the archive while it unpacks it beside the data; ``apply``
puts the parts in place by renaming, keeps the old ones, and can be cut at any moment and run again.
"""

from __future__ import annotations

import hashlib
import shutil
import stat
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

import msgspec

from astrbot_like.domain.errors import BadRequest, StorageError, TooLarge
from astrbot_like.storage import database, schema, secrets
from astrbot_like.storage.sqlite_file import check_copy

PROGRAM = "astrbot-like"
FORMAT = 1
MANIFEST = "manifest.json"
FOLDERS: tuple[str, ...] = ("attachments", "config", "plugin_data", "plugins")
"""Folders of the data directory that a backup holds; ``temp``, logs and installed requirements can be made again."""
FILES: tuple[str, ...] = (database.FILE_NAME, secrets.FILE_NAME, "cmd_config.json")
SKIPPED = frozenset({"__pycache__", ".git", "incoming"})

MOST_ENTRIES = 500_000
MOST_MANIFEST = 128 * 1024 * 1024
MOST_COMPRESSED = 200
"""How many times larger a file may become when it is unpacked."""
SPARE = 256 * 1024 * 1024
"""Bytes of the disk that unpacking leaves free."""
CHUNK = 1024 * 1024

PENDING = "restore-pending"
READY = "ready.json"

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all."""

FOREIGN = "The file is no backup of this program."
DAMAGED = "The backup is damaged: {}. Nothing was changed."


class Entry(msgspec.Struct, frozen=True):
    """One file of a backup."""

    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What a backup says of itself.

    Attributes:
        format: Of the archive; a greater one was written by a newer version.
        version: Of the program that wrote it.
        schema: Revision of the database.
        created_at: UTC ISO 8601 with ``Z``.
        files: By path within the data directory.
    """

    program: str
    format: int
    version: str
    schema: str
    created_at: str
    files: dict[str, Entry]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(entry.size for entry in self.files.values())


def pack(
    data: Path,
    database_copy: Path,
    target: Path,
    *,
    version: str,
    created_at: str,
    plugins: bool,
    progress: Progress,
) -> Manifest:
    """Write a backup to ``target`` (a new file).

    Args:
        database_copy: A consistent copy of the database.
        plugins: Whether installed plugins go in too; their data and settings always do.
    """
    folders = [name for name in FOLDERS if plugins or name != "plugins"]
    sources = [(database.FILE_NAME, database_copy)]
    sources += [(name, data / name) for name in FILES if name != database.FILE_NAME and (data / name).is_file()]
    for folder in folders:
        sources += [(path.relative_to(data).as_posix(), path) for path in _files_of(data / folder)]
    total = sum(_size_of(path) for _, path in sources)
    done = 0
    files: dict[str, Entry] = {}
    with zipfile.ZipFile(target, "x", allowZip64=True) as archive:
        for name, path in sources:
            try:
                reader = path.open("rb")
            except FileNotFoundError:
                continue  # deleted since it was listed, and so not named by the copy of the database either
            # Media do not shrink; the database does.
            compression = zipfile.ZIP_STORED if name.startswith("attachments/") else zipfile.ZIP_DEFLATED
            info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            info.compress_type = compression
            info.external_attr = (stat.S_IFREG | 0o600) << 16
            digest, size = hashlib.sha256(), 0
            with reader, archive.open(info, "w", force_zip64=True) as writer:
                while chunk := reader.read(CHUNK):
                    digest.update(chunk)
                    writer.write(chunk)
                    size += len(chunk)
                    done += len(chunk)
                    progress(done, max(total, done))
            files[name] = Entry(size, digest.hexdigest())
        manifest = Manifest(PROGRAM, FORMAT, version, schema.HEAD, created_at, files)
        archive.writestr(MANIFEST, msgspec.json.encode(manifest))
    return manifest


def read_manifest(archive: Path) -> Manifest:
    """What a backup says of itself, checked.

    Raises:
        BadRequest: It is foreign, damaged or of a newer version.
        TooLarge: It claims more than a backup may hold.
    """
    try:
        with zipfile.ZipFile(archive) as source:
            return _manifest_of(source)
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError) as error:
        raise BadRequest(FOREIGN) from error


def unpack(archive: Path, target: Path, progress: Progress) -> Manifest:
    """Verify a backup and unpack it into ``target`` (a new folder).

    Raises:
        BadRequest: It is foreign, damaged, of a newer version, or holds what no backup holds.
        TooLarge: It would not fit on the disk, or is compressed beyond belief.
    """
    try:
        with zipfile.ZipFile(archive) as source:
            manifest = _manifest_of(source)
            target.mkdir(parents=True)
            if manifest.size + SPARE > shutil.disk_usage(target).free:
                raise TooLarge("The backup is larger than the free space of the disk. Nothing was changed.")
            done = 0
            for info in source.infolist():
                if info.filename == MANIFEST:
                    continue
                entry = manifest.files[info.filename]
                with source.open(info) as reader:
                    _unpack_file(reader, target.joinpath(*PurePosixPath(info.filename).parts), info.filename, entry)
                done += entry.size
                progress(done, manifest.size)
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise BadRequest(FOREIGN) from error
    if (target / secrets.FILE_NAME).exists():
        (target / secrets.FILE_NAME).chmod(0o600)
    try:
        check_copy(target / database.FILE_NAME)
    except StorageError as error:
        raise BadRequest(DAMAGED.format("its database can't be read")) from error
    return manifest


def _manifest_of(source: zipfile.ZipFile) -> Manifest:
    entries = source.infolist()
    if len(entries) > MOST_ENTRIES:
        raise TooLarge("The backup holds more files than a backup may.")
    names = [info.filename for info in entries]
    if names.count(MANIFEST) != 1 or source.getinfo(MANIFEST).file_size > MOST_MANIFEST:
        raise BadRequest(FOREIGN)
    try:
        with source.open(MANIFEST) as reader:
            head = msgspec.json.decode(reader.read(MOST_MANIFEST), type=_Head)
            if head.program != PROGRAM:
                raise BadRequest(FOREIGN)
            if head.format > FORMAT or head.schema not in schema.REVISIONS:
                raise BadRequest(
                    f"The backup was made by a newer version of this program ({head.version}). "
                    "Install that version to restore it. Nothing was changed."
                )
        with source.open(MANIFEST) as reader:
            manifest = msgspec.json.decode(reader.read(MOST_MANIFEST), type=Manifest)
    except msgspec.MsgspecError as error:
        raise BadRequest(FOREIGN) from error
    if database.FILE_NAME not in manifest.files or len(names) != len(set(names)):
        raise BadRequest(DAMAGED.format("its database is missing or a file is there twice"))
    if {MANIFEST, *manifest.files} != set(names):
        raise BadRequest(DAMAGED.format("its files are not those of its list"))
    for info in entries:
        if info.filename != MANIFEST:
            _check_entry(info, manifest.files[info.filename])
    return manifest


class _Head(msgspec.Struct):
    """The part of a manifest that every later format keeps."""

    program: str
    format: int
    version: str
    schema: str


def _check_entry(info: zipfile.ZipInfo, entry: Entry) -> None:
    name = info.filename
    path = PurePosixPath(name)
    inside = name in FILES or (len(path.parts) > 1 and path.parts[0] in FOLDERS)
    # A name that changes when it is taken apart and put together holds "..", ".", "//", a drive or a backslash.
    if not inside or ".." in path.parts or path.as_posix() != name or "\\" in name or "\0" in name or ":" in name:
        raise BadRequest("The backup holds a path that no backup holds. Nothing was changed.")
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG) or info.flag_bits & 1:
        raise BadRequest("The backup holds a link, a special or an encrypted file. Nothing was changed.")
    if info.file_size != entry.size or entry.size < 0:
        raise BadRequest(DAMAGED.format("sizes differ from those of its list"))
    if entry.size > MOST_COMPRESSED * max(info.compress_size, 4096):
        raise TooLarge("The backup is compressed beyond what backups are. Nothing was changed.")


def _unpack_file(reader: IO[bytes], target: Path, name: str, entry: Entry) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with target.open("xb") as writer:
        while chunk := reader.read(CHUNK):
            size += len(chunk)
            if size > entry.size:
                raise BadRequest(DAMAGED.format("sizes differ from those of its list"))
            digest.update(chunk)
            writer.write(chunk)
    if size != entry.size or digest.hexdigest() != entry.sha256:
        raise BadRequest(DAMAGED.format(f"{PurePosixPath(name).name} is not as it was stored"))


def mark_ready(pending: Path, manifest: Manifest) -> None:
    """Say that ``pending`` is complete: the next start puts it in place."""
    marker = pending / f".{READY}"
    marker.write_bytes(msgspec.json.encode({"created_at": manifest.created_at, "version": manifest.version}))
    marker.replace(pending / READY)


def apply(data: Path, stamp: str) -> Path | None:
    """Put a verified backup that waits in the data directory in place of what is there. Nobody may use the data.

    Every step is a rename, and a run that was cut is completed by the next one.

    Args:
        stamp: Names the folder that keeps what was there before.

    Returns:
        That folder; None when no backup waits.
    """
    pending = data / PENDING
    if not (pending / READY).is_file():
        if pending.exists():
            shutil.rmtree(pending)  # cut while it was unpacked
        return None
    kept_name = pending / "kept"
    if not kept_name.exists():
        fresh = pending / ".kept"
        fresh.write_text(f"before-restore-{stamp}")
        fresh.replace(kept_name)
    kept = data / kept_name.read_text()
    kept.mkdir(exist_ok=True)
    # The log of the old database goes first: beside the new one it would be read as its own.
    for name in (f"{database.FILE_NAME}-wal", f"{database.FILE_NAME}-shm"):
        if (pending / database.FILE_NAME).exists() and (data / name).exists():
            (data / name).replace(kept / name)
    for name in (*FILES, *FOLDERS):
        fresh = pending / name
        if not fresh.exists():
            continue
        if (data / name).exists():
            (data / name).rename(kept / name)
        fresh.rename(data / name)
    shutil.rmtree(pending)
    return kept


def _files_of(folder: Path) -> Iterator[Path]:
    if not folder.is_dir() or folder.is_symlink():
        return
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or path.name in SKIPPED:
            continue
        if path.is_dir():
            yield from _files_of(path)
        elif path.is_file():
            yield path


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0

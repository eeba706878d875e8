"""Attachments as files on the disk: written while they come in, named, compared with their records, removed."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import BinaryIO, TypeVar

from astrbot_like.domain.errors import NotFound, TooLarge
from astrbot_like.storage.faults import storage_error
from astrbot_like.storage.media_types import HEAD

T = TypeVar("T")

CHUNK = 256 * 1024
"""Bytes gathered before a thread writes them; what an upload takes of memory."""
NAME_LENGTH = 255
INCOMING = "incoming"
"""Where files grow until they are complete, within the attachment directory."""
STALE_SECONDS = 24 * 3600
"""Age from which a file without a record, or an unfinished one, is rubbish."""


def display_name(filename: str) -> str:
    """A client's file name fit for display: its last part, printable, of bounded length."""
    last = filename.replace("\\", "/").rsplit("/", 1)[-1]
    clean = "".join(char for char in last if char.isprintable()).strip()
    if len(clean) > NAME_LENGTH:
        stem, dot, suffix = clean.rpartition(".")
        clean = f"{stem[: NAME_LENGTH - len(suffix) - 1]}.{suffix}" if dot and len(suffix) < 16 else clean[:NAME_LENGTH]
    return clean if clean.strip(".") else "file"


async def receive(stream: AsyncIterator[bytes], file: BinaryIO, limit: int) -> tuple[bytes, int]:
    """Write what a stream yields.

    Returns:
        Its first bytes, which tell its type, and its size.

    Raises:
        TooLarge: It holds more than ``limit`` bytes.
        StorageError: The disk failed.
    """
    head = bytearray()
    waiting = bytearray()
    size = 0
    async for piece in stream:
        size += len(piece)
        if size > limit:
            raise TooLarge(f"The file is over the limit of {limit} bytes.")
        if len(head) < HEAD:
            head += piece[: HEAD - len(head)]
        waiting += piece
        if len(waiting) >= CHUNK:
            await _write(file, bytes(waiting))
            waiting.clear()
    if waiting:
        await _write(file, bytes(waiting))
    return bytes(head), size


async def _write(file: BinaryIO, data: bytes) -> None:
    await on_disk(lambda: _write_all(file, data))


async def on_disk(work: Callable[[], T]) -> T:
    """Run ``work`` on a thread; its errors, unlike those of a stream's source, are the store's."""
    try:
        return await asyncio.to_thread(work)
    except OSError as error:
        raise storage_error(error) from error


def begin(part: Path) -> BinaryIO:
    """A new file that grows under ``part``."""
    part.parent.mkdir(parents=True, exist_ok=True)
    # Unbuffered: pieces are gathered already, and an error must come where it can be handled.
    return part.open("xb", buffering=0)


def _write_all(file: BinaryIO, data: bytes) -> None:
    """An unbuffered file takes what fits; the error comes with the rest."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def finish(part: Path, target: Path) -> None:
    """Give a complete file its name."""
    target.parent.mkdir(exist_ok=True)
    part.replace(target)


def size_of(path: Path) -> int:
    """Bytes of a file that is to be stored.

    Raises:
        NotFound: There is none.
    """
    try:
        return path.stat().st_size
    except FileNotFoundError as error:
        raise NotFound("The file to store does not exist.") from error


def unlink_all(paths: list[Path]) -> None:
    """Remove files; those that are gone already are passed over."""
    for path in paths:
        # A file that is in use (Windows) stays until the next clean-up.
        with contextlib.suppress(OSError):
            path.unlink()


def compare(directory: Path, known: dict[str, str]) -> tuple[list[str], list[Path]]:
    """Ids of records without a file, and old files without a record."""
    if not directory.is_dir():
        return list(known.values()), []
    present: set[str] = set()
    strays: list[Path] = []
    oldest = time.time() - STALE_SECONDS
    for path in directory.glob("*/*"):
        name = path.relative_to(directory).as_posix()
        present.add(name)
        if name not in known and path.is_file() and path.stat().st_mtime < oldest:
            strays.append(path)
    return [attachment_id for name, attachment_id in known.items() if name not in present], strays

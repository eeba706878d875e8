"""One server a data directory: a lock that the kernel drops when its holder dies."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import BinaryIO

from astrbot_like.domain.errors import StorageError
from astrbot_like.storage.faults import storage_error

FILE_NAME = "server.lock"

IN_USE = "Another server is using this data directory. Stop it first, or choose another directory with --data-dir."


def make_private(directory: Path) -> None:
    """Make the data directory if there is none, for its owner alone: it holds what people wrote."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    directory.mkdir(mode=0o700, exist_ok=True)


class DirectoryLock:
    """Held by the server as long as it runs; the command line only asks who holds it.

    Args:
        directory: The data directory.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE_NAME
        self._file: BinaryIO | None = None

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            StorageError: Another process holds it, or the directory can't be written.
        """
        try:
            make_private(self._path.parent)
            file = self._path.open("a+b")
        except OSError as error:
            raise storage_error(error) from error
        try:
            _lock(file)
        except OSError as error:
            file.close()
            raise StorageError(IN_USE) from error
        file.truncate(0)
        file.write(str(os.getpid()).encode())
        file.flush()
        self._file = file

    def release(self) -> None:
        """Give the lock back; idempotent. The file stays: removing it would race with the next holder."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def is_held(self) -> bool:
        """Whether some process holds the lock now."""
        if self._file is not None:
            return True
        try:
            with self._path.open("r+b") as file:
                _lock(file)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return False


if sys.platform == "win32":
    import msvcrt

    def _lock(file: BinaryIO) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(file: BinaryIO) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)

"""What went wrong in SQLite or on the disk, in words for the operator."""

from __future__ import annotations

import errno
import logging
import sqlite3

from sqlalchemy.exc import DBAPIError

from astrbot_like.domain.errors import StorageError

log = logging.getLogger(__name__)

DAMAGED = (
    "The database is damaged. Nothing was overwritten. Stop the server, run 'astrbot-like doctor', "
    "and restore a backup with 'astrbot-like backup restore'."
)
FULL = "The disk of the data directory is full. Free some space; what was acknowledged before is safe."
READ_ONLY = "The data directory can't be written. Check its owner, its permissions and how its disk is mounted."
BUSY = "Another process keeps the database locked. Close it and try again."
MISSING = "The data directory or its database can't be opened. Check that it exists and who owns it."

_BY_SQLITE_CODE = {
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_NOTADB: DAMAGED,
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_READONLY: READ_ONLY,
    sqlite3.SQLITE_PERM: READ_ONLY,
    sqlite3.SQLITE_BUSY: BUSY,
    sqlite3.SQLITE_LOCKED: BUSY,
    sqlite3.SQLITE_CANTOPEN: MISSING,
}
_BY_ERRNO = {
    errno.ENOSPC: FULL,
    errno.EDQUOT: FULL,
    errno.EFBIG: FULL,
    errno.EROFS: READ_ONLY,
    errno.EACCES: READ_ONLY,
    errno.EPERM: READ_ONLY,
    errno.ENOENT: MISSING,
    errno.ENOTDIR: MISSING,
}


def storage_error(error: Exception) -> StorageError:
    """The domain's error for one of SQLite, SQLAlchemy or the operating system; the cause goes to the log."""
    cause: BaseException = error
    if isinstance(error, DBAPIError) and error.orig is not None:
        cause = error.orig
    message: str | None = None
    if isinstance(cause, sqlite3.Error):
        # Extended codes keep the primary one in their low byte (https://sqlite.org/rescode.html).
        code = getattr(cause, "sqlite_errorcode", None)
        message = _BY_SQLITE_CODE.get(code & 0xFF) if isinstance(code, int) else None
        if message is None and isinstance(code, int) and code & 0xFF == sqlite3.SQLITE_IOERR:
            message = "The disk of the data directory failed to read or write. Check its free space and its health."
    elif isinstance(cause, TimeoutError):
        message = "The store did not answer in time. Check the disk of the server."
    elif isinstance(cause, OSError):
        message = _BY_ERRNO.get(cause.errno or 0)
    # The driver's text alone: SQLAlchemy's also holds the statement's values, which are what people wrote.
    log.error("store failed", extra={"reason": f"{type(cause).__name__}: {cause}"[:300]})
    return StorageError(message)

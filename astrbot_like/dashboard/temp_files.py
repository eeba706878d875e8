"""Files that live as long as a request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from astrbot_like.domain.errors import StorageError
from astrbot_like.runtime.ids import new_id

BATCH = 1024 * 1024
"""Bytes gathered before a thread writes them."""


class TempFile:
    """A file to be filled once.

    Attributes:
        path: Where it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    async def write_all(self, pieces: AsyncIterator[bytes]) -> None:
        """Write what comes, in constant memory.

        Raises:
            StorageError: The disk failed.
        """
        try:
            file = await asyncio.to_thread(self.path.open, "xb")
            try:
                batch = bytearray()
                async for piece in pieces:
                    batch += piece
                    if len(batch) >= BATCH:
                        await asyncio.to_thread(file.write, bytes(batch))
                        batch.clear()
                await asyncio.to_thread(file.write, bytes(batch))
            finally:
                await asyncio.to_thread(file.close)
        except OSError as error:
            raise StorageError from error


@asynccontextmanager
async def temp_file(folder: Path, suffix: str) -> AsyncIterator[TempFile]:
    """A name for a file in ``folder`` that is gone at the end.

    Args:
        folder: Made when it is missing.
        suffix: With its dot.
    """
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    path = folder / f"upload-{new_id()}{suffix}"
    try:
        yield TempFile(path)
    finally:
        # Not in a thread: this also runs while the request is being cancelled.
        path.unlink(missing_ok=True)

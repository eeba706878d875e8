"""Reads documents for the knowledge bases of plugins."""

from __future__ import annotations

import asyncio
from pathlib import Path

from astrbot_like.engine.documents import DocumentReader
from astrbot_like.runtime.ids import new_id


class DocumentTexts:
    """Implements ``ReadFile`` over the engine's document reader.

    Args:
        temp: Folder for the file while it is read.
    """

    def __init__(self, temp: Path, reader: DocumentReader) -> None:
        self._temp = temp
        self._reader = reader

    async def __call__(self, content: bytes, file_name: str) -> str:
        """Text of a file.

        Raises:
            ValueError: It can't be read; the text says why.
        """
        path = self._temp / f"document_{new_id()}{Path(file_name).suffix}"
        await asyncio.to_thread(path.write_bytes, content)
        try:
            found = await self._reader.read(str(path), file_name)
        finally:
            await asyncio.to_thread(path.unlink, missing_ok=True)
        if found.problem:
            raise ValueError(f"{file_name} could not be read: {found.problem}")
        return found.text

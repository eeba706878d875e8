"""Files of a message as text for the model."""

from __future__ import annotations

import asyncio
from pathlib import Path

from astrbot_like.engine.requests import FileText

MOST_CHARS = 100_000
"""Characters of one file that the model is given."""


class DocumentReader:
    """Implements the engine's ``FileReader``."""

    async def read(self, path: str, filename: str) -> FileText:
        """The file's text, or why there is none."""
        try:
            data = await asyncio.to_thread(Path(path).read_bytes)
            return FileText(text=data.decode("utf-8-sig")[:MOST_CHARS])
        except (OSError, UnicodeDecodeError):
            return FileText(problem="its content is no text that can be read")

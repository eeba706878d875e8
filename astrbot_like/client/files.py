"""Uploading and downloading attachments."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import aiohttp
import msgspec

from astrbot_like.client.transport import Transport

PATH = "/api/v1/file"


class UploadedFile(msgspec.Struct, frozen=True):
    """A stored file; ``type`` comes from its real content."""

    attachment_id: str
    filename: str
    type: Literal["image", "record", "video", "file"]

    def part(self) -> dict[str, str]:
        """The message part that names it."""
        return {"type": self.type, "attachment_id": self.attachment_id}


class Files:
    """The file routes (scope ``file``)."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def upload(self, source: Path | bytes, *, filename: str | None = None) -> UploadedFile:
        """Store a file; one given as a path is streamed from the disk.

        Raises:
            ApiError: It was refused, for its size for example.
        """
        form = aiohttp.FormData()
        if isinstance(source, bytes):
            form.add_field("file", source, filename=filename or "file")
            return await self._transport.data("POST", PATH, UploadedFile, data=form)
        with source.open("rb") as stream:
            form.add_field("file", stream, filename=filename or source.name)
            return await self._transport.data("POST", PATH, UploadedFile, data=form)

    async def download(self, attachment_id: str) -> bytes:
        """The stored bytes."""
        return b"".join([piece async for piece in self.stream(attachment_id)])

    async def stream(self, attachment_id: str) -> AsyncIterator[bytes]:
        """The stored bytes, piece by piece."""
        async with self._transport.request("GET", PATH, params={"attachment_id": attachment_id}) as response:
            async for piece in response.content.iter_chunked(64 * 1024):
                yield piece

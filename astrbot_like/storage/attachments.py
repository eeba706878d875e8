"""Stored files: streamed to disk under names of the server's own, typed by their content."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from sqlalchemy import Connection, delete, func, insert, select

from astrbot_like.domain.errors import NotFound, StorageError
from astrbot_like.domain.history import Attachment
from astrbot_like.domain.messages import MediaKind
from astrbot_like.runtime.clock import Clock, SystemClock
from astrbot_like.runtime.ids import new_id
from astrbot_like.storage.attachment_files import (
    CHUNK,
    INCOMING,
    begin,
    compare,
    display_name,
    finish,
    on_disk,
    receive,
    size_of,
    unlink_all,
)
from astrbot_like.storage.database import Database
from astrbot_like.storage.media_types import MediaType, detect
from astrbot_like.storage.rows import attachment_of, now_ms
from astrbot_like.storage.settings import StorageSettings
from astrbot_like.storage.tables import attachments, message_attachments, messages

log = logging.getLogger(__name__)

CLEAN_UP_INTERVAL = 3600.0
PAGE = 500


class AttachmentStore:
    """The ``Attachments`` port, with uploads, deletion and clean-up.

    Args:
        directory: Where the bytes are; made when the first file comes.
    """

    def __init__(
        self, database: Database, directory: Path, settings: StorageSettings, clock: Clock | None = None
    ) -> None:
        self._database = database
        self._directory = directory
        self._root = str(directory)
        self._settings = settings
        self._clock = clock or SystemClock()

    async def get(self, attachment_id: str) -> Attachment | None:
        """The record, or None."""
        query = select(attachments).where(attachments.c.attachment_id == attachment_id)

        def work(connection: Connection) -> Attachment | None:
            row = connection.execute(query).first()
            return None if row is None else attachment_of(row, self._root)

        return await self._database.read(work)

    async def put_bytes(self, data: bytes, *, filename: str, owner: str = "") -> Attachment:
        """Store bytes; the type comes from the content.

        Raises:
            StorageError: The disk failed.
        """

        async def whole() -> AsyncIterator[bytes]:
            yield data

        return await self.put_stream(whole(), filename=filename, owner=owner, limit=len(data))

    async def put_file(
        self, path: Path, *, filename: str | None = None, owner: str = "", kind: MediaKind | None = None
    ) -> Attachment:
        """Copy a file into the store.

        Raises:
            NotFound: There is no such file.
            StorageError: The disk failed.
        """

        async def pieces() -> AsyncIterator[bytes]:
            try:
                file = await asyncio.to_thread(path.open, "rb")
            except FileNotFoundError as error:
                raise NotFound("The file to store does not exist.") from error
            try:
                while piece := await asyncio.to_thread(file.read, CHUNK):
                    yield piece
            finally:
                file.close()

        limit = await asyncio.to_thread(size_of, path)
        return await self.put_stream(pieces(), filename=filename or path.name, owner=owner, limit=limit, kind=kind)

    async def put_stream(
        self,
        stream: AsyncIterator[bytes],
        *,
        filename: str,
        owner: str = "",
        limit: int | None = None,
        kind: MediaKind | None = None,
    ) -> Attachment:
        """Store what a stream yields, in constant memory. Nothing remains of a stream that fails or is cancelled.

        Args:
            filename: The client's name; kept for display only.
            limit: Bytes; None: the setting for uploads.
            kind: What it is treated as, whatever its content.

        Raises:
            TooLarge: The stream holds more.
            StorageError: The disk failed.
        """
        most = self._settings.upload_limit if limit is None else limit
        attachment_id = new_id()
        part = self._directory / INCOMING / attachment_id
        try:
            file = await on_disk(lambda: begin(part))
            try:
                head, size = await receive(stream, file, most)
            finally:
                await on_disk(file.close)
            name = display_name(filename)
            media = await asyncio.to_thread(detect, head, name)
            if kind is not None and kind != media.kind:
                media = MediaType(kind, media.mime_type, media.suffix)
            stored_name = f"{attachment_id[:2]}/{attachment_id}{media.suffix}"
            await on_disk(lambda: finish(part, self._directory / stored_name))
        except BaseException:
            # Not on a thread: a task that is being cancelled may not get to wait for one.
            part.unlink(missing_ok=True)
            raise
        created = now_ms()
        values = (attachment_id, media.kind, name, media.mime_type, stored_name, owner, size, created)
        try:
            await self._database.write(lambda c: c.execute(insert(attachments).values(values)))
        except StorageError:
            await asyncio.to_thread(unlink_all, [self._directory / stored_name])
            raise
        return attachment_of(values, self._root)

    async def delete(self, attachment_ids: Iterable[str]) -> int:
        """Delete files and their records.

        Returns:
            How many there were.
        """
        ids = list(attachment_ids)

        def work(connection: Connection) -> list[str]:
            gone: list[str] = []
            for start in range(0, len(ids), PAGE):
                condition = attachments.c.attachment_id.in_(ids[start : start + PAGE])
                gone += connection.execute(select(attachments.c.stored_name).where(condition)).scalars()
                connection.execute(delete(attachments).where(condition))
            return gone

        names = await self._database.write(work)
        await asyncio.to_thread(unlink_all, [self._directory / name for name in names])
        return len(names)

    async def only_in_sessions(self, session_ids: Iterable[str]) -> list[str]:
        """Attachments that messages of these sessions name and no message of another one."""
        return await self._only_where(messages.c.session_id.in_(list(session_ids)))

    async def only_in_conversation(self, conversation_id: str) -> list[str]:
        """Attachments that messages of this conversation name and no other message."""
        return await self._only_where(messages.c.conversation_id == conversation_id)

    async def _only_where(self, condition: object) -> list[str]:
        inside = (
            select(message_attachments.c.attachment_id)
            .join(messages, messages.c.id == message_attachments.c.message_id)
            .where(condition)  # type: ignore[arg-type]
        )
        outside = (
            select(message_attachments.c.attachment_id)
            .join(messages, messages.c.id == message_attachments.c.message_id)
            .where(message_attachments.c.attachment_id.in_(inside), ~condition)  # type: ignore[operator]
        )
        query = inside.distinct().where(message_attachments.c.attachment_id.not_in(outside))
        return await self._database.read(lambda c: list(c.execute(query).scalars()))

    async def usage(self) -> tuple[int, int]:
        """Number and bytes of all stored files."""
        query = select(func.count(), func.coalesce(func.sum(attachments.c.size), 0)).select_from(attachments)

        def work(connection: Connection) -> tuple[int, int]:
            count, size = connection.execute(query).one()
            return int(count), int(size)

        return await self._database.read(work)

    async def run(self) -> None:
        """Clean up now and then; a service of the supervisor."""
        while True:
            await self._clock.sleep(CLEAN_UP_INTERVAL)
            await self.clean_up()

    async def clean_up(self) -> int:
        """Delete uploads that no message ever named, records without a file, and files without a record.

        Returns:
            How many files and records went.
        """
        removed = 0
        if self._settings.unused_upload_days:
            oldest = now_ms() - self._settings.unused_upload_days * 86_400_000
            named = select(message_attachments.c.attachment_id)
            unused = (
                select(attachments.c.attachment_id)
                .where(attachments.c.created_ms < oldest, attachments.c.attachment_id.not_in(named))
                .limit(10_000)
            )
            removed += await self.delete(await self._database.read(lambda c: list(c.execute(unused).scalars())))
        known = await self._database.read(
            lambda c: {
                row.stored_name: row.attachment_id
                for row in c.execute(select(attachments.c.stored_name, attachments.c.attachment_id))
            }
        )
        missing, strays = await asyncio.to_thread(compare, self._directory, known)
        removed += await self.delete(missing)
        await asyncio.to_thread(unlink_all, strays)
        removed += len(strays)
        if removed:
            log.info("attachments cleaned up", extra={"removed": removed})
        return removed

"""Messages of platforms that plugins keep; the bot's own history is elsewhere (``history``)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, insert, select

from astrbot_like.domain.errors import BadRequest
from astrbot_like.domain.jobs import PlatformMessage
from astrbot_like.storage.database import Database
from astrbot_like.storage.rows import dumps, iso, loads, now_ms
from astrbot_like.storage.tables import platform_messages


class PlatformMessageStore:
    """Rows by platform and user (or group)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(
        self,
        platform_id: str,
        user_id: str,
        content: Any,
        sender_id: str | None = None,
        sender_name: str | None = None,
    ) -> PlatformMessage:
        """Store a message.

        Raises:
            BadRequest: ``content`` can't be written as JSON.
        """
        try:
            text = dumps(content)
        except (TypeError, ValueError, RecursionError) as error:
            raise BadRequest(f"The message can't be stored: it is not JSON ({error}).") from error
        created = now_ms()
        values = {
            "platform_id": platform_id,
            "user_id": user_id,
            "sender_id": sender_id,
            "sender_name": sender_name,
            "content": text,
            "created_ms": created,
        }

        statement = insert(platform_messages).values(values).returning(platform_messages.c.id)

        def work(connection: Connection) -> int:
            return int(connection.execute(statement).scalar_one())

        message_id = await self._database.write(work)
        return PlatformMessage(message_id, platform_id, user_id, sender_id, sender_name, content, iso(created))

    async def get(self, platform_id: str, user_id: str, page: int = 1, page_size: int = 200) -> list[PlatformMessage]:
        """A page of messages, the newest page first, each page oldest first."""
        query = (
            select(platform_messages)
            .where(platform_messages.c.platform_id == platform_id, platform_messages.c.user_id == user_id)
            .order_by(platform_messages.c.id.desc())
            .offset((max(page, 1) - 1) * page_size)
            .limit(page_size)
        )
        rows = await self._database.read(lambda c: [_message_of(row) for row in c.execute(query)])
        rows.reverse()
        return rows

    async def delete(self, platform_id: str, user_id: str, offset_sec: int = 86_400) -> None:
        """Delete messages older than ``offset_sec`` seconds."""
        statement = delete(platform_messages).where(
            platform_messages.c.platform_id == platform_id,
            platform_messages.c.user_id == user_id,
            platform_messages.c.created_ms < now_ms() - offset_sec * 1000,
        )
        await self._database.write(lambda c: c.execute(statement))


def _message_of(row: Any) -> PlatformMessage:
    return PlatformMessage(
        row.id, row.platform_id, row.user_id, row.sender_id, row.sender_name, loads(row.content), iso(row.created_ms)
    )

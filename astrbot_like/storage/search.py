"""Search in what was said.

An FTS5 index of trigrams finds parts of words, in Chinese and Japanese too. It is filled when somebody searches, from
where it ended last time, so that storing a message does not pay for it. Words shorter than three characters have no
trigram; they are looked for in the text itself, from the newest message back, within a bound.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, select, text

from astrbot_like.domain.history import StoredMessage
from astrbot_like.storage.database import Database
from astrbot_like.storage.rows import message_of
from astrbot_like.storage.tables import messages, sessions

INDEX_STEP = 5_000
"""Messages indexed in one transaction, so that nobody who stores a message waits long."""
SCANNED = 200_000
"""Messages that a search for a short text looks through."""
TRIGRAM = 3
EXCERPT = 80
"""Characters of an excerpt before and after what was found."""


class SearchHit(msgspec.Struct, frozen=True):
    """A message that was found. ``excerpt`` is a piece of its text around it."""

    message: StoredMessage
    excerpt: str


class SearchPage(msgspec.Struct, frozen=True):
    """Hits, newest first. ``before`` asks for the older ones; None: there are no more."""

    hits: tuple[SearchHit, ...]
    before: int | None = None


class MessageSearch:
    """Finds messages by their text."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(
        self, wanted: str, *, creator: str | None = None, before: int | None = None, limit: int = 20
    ) -> SearchPage:
        """Messages that people see and that hold every word of ``wanted``, newest first.

        Args:
            creator: Only in sessions of this user.
            before: Only messages with a smaller id.
        """
        words = wanted.split()
        if not words:
            return SearchPage(())
        long = [word for word in words if len(word) >= TRIGRAM]
        if long:
            while await self._database.write(_index_some):
                pass
        query = select(messages).where(messages.c.role != "context")
        for word in words:
            if len(word) < TRIGRAM:
                query = query.where(messages.c.text.contains(word, autoescape=True))
        values: dict[str, Any] = {}
        if long:
            values["match"] = " AND ".join('"' + word.replace('"', '""') + '"' for word in long)
            query = query.where(
                text("messages.id IN (SELECT rowid FROM messages_search WHERE messages_search MATCH :match)")
            )
        else:
            query = query.where(text(f"messages.id > (SELECT max(id) FROM messages) - {SCANNED}"))
        if before is not None:
            query = query.where(messages.c.id < before)
        if creator is not None:
            query = query.where(
                messages.c.session_id.in_(select(sessions.c.session_id).where(sessions.c.creator == creator))
            )
        query = query.order_by(messages.c.id.desc()).limit(limit + 1)
        rows = await self._database.read(lambda c: [message_of(row) for row in c.execute(query, values)])
        hits = tuple(SearchHit(row, excerpt_of(row.text, words)) for row in rows[:limit])
        return SearchPage(hits, rows[limit - 1].id if len(rows) > limit else None)


def excerpt_of(content: str, words: list[str]) -> str:
    """A piece of ``content`` around the first of ``words`` in it, on one line."""
    lower = content.lower()
    places = [place for word in words if (place := lower.find(word.lower())) >= 0]
    start = max(0, min(places, default=0) - EXCERPT)
    end = start + 2 * EXCERPT
    piece = " ".join(content[start:end].split())
    return ("…" if start else "") + piece + ("…" if end < len(content) else "")


def _index_some(connection: Connection) -> bool:
    """Index the next messages; returns whether there may be more."""
    done = int(connection.execute(text("SELECT indexed FROM search_state")).scalar_one())
    last = connection.execute(
        text("SELECT max(id) FROM (SELECT id FROM messages WHERE id > :done ORDER BY id LIMIT :step)"),
        {"done": done, "step": INDEX_STEP},
    ).scalar()
    if last is None:
        return False
    span = {"done": done, "last": last}
    connection.execute(
        text(
            "INSERT INTO messages_search (rowid, text) SELECT id, text FROM messages WHERE id > :done AND id <= :last"
        ),
        span,
    )
    connection.execute(text("UPDATE search_state SET indexed = :last"), {"last": last})
    return True

"""Search in what was said.

An FTS5 index of trigrams finds parts of words, in Chinese and Japanese too. It is filled in the background and before a
search, from where it ended last time, so that storing a message does not pay for it. Words shorter than three
characters have no trigram; they are looked for in the text itself, from the newest message back, within a bound.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, column, exists, select, table, text

from astrbot_like.domain.history import StoredMessage
from astrbot_like.runtime.clock import Clock, SystemClock
from astrbot_like.storage.database import Database
from astrbot_like.storage.rows import message_of
from astrbot_like.storage.tables import messages, sessions

FOREGROUND_STEP = 1_000
"""Messages indexed in one transaction while somebody waits for a search; takes some 20 ms."""
STEPS_AT_ONCE = 20
"""Such transactions before a search; what is older than that many messages is left to ``run``."""
BACKGROUND_STEP = 100
"""Messages indexed in one transaction of ``run``: nobody who stores a message waits longer than some 2 ms."""
INTERVAL = 30.0
PAUSE = 0.02
SCANNED = 200_000
"""Messages that a search for a short text looks through."""
TRIGRAM = 3
EXCERPT = 80
"""Characters of an excerpt before and after what was found."""


_INDEX = table("messages_search", column("rowid"))


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

    def __init__(self, database: Database, clock: Clock | None = None) -> None:
        self._database = database
        self._clock = clock or SystemClock()

    async def find(
        self, wanted: str, *, creator: str | None = None, before: int | None = None, limit: int = 20
    ) -> SearchPage:
        """Messages that people see and that hold every word of ``wanted``, newest first.

        Args:
            creator: Only in sessions of this user.
            before: Only messages with a smaller id.
        """
        # A NUL ends a string for FTS5's parser.
        words = wanted.replace("\0", " ").split()
        if not words:
            return SearchPage(())
        long = [word for word in words if len(word) >= TRIGRAM]
        values: dict[str, Any] = {}
        if long:
            for _ in range(STEPS_AT_ONCE):
                if not await self._database.write(lambda c: _index_some(c, FOREGROUND_STEP)):
                    break
            values["match"] = " AND ".join('"' + word.replace('"', '""') + '"' for word in long)
            # The index yields its rows newest first, so that the search ends with the last hit that is wanted.
            key = _INDEX.c.rowid
            query = select(messages).where(messages.c.id == key, text("messages_search MATCH :match"))
        else:
            query = select(messages).where(text(f"messages.id > (SELECT max(id) FROM messages) - {SCANNED}"))
            key = messages.c.id
        query = query.where(messages.c.role != "context")
        for word in words:
            if len(word) < TRIGRAM:
                query = query.where(messages.c.text.contains(word, autoescape=True))
        if before is not None:
            query = query.where(key < before)
        if creator is not None:
            mine = (sessions.c.session_id == messages.c.session_id) & (sessions.c.creator == creator)
            query = query.where(exists(select(1).select_from(sessions).where(mine)))
        query = query.order_by(key.desc()).limit(limit + 1)
        rows = await self._database.read(lambda c: [message_of(row) for row in c.execute(query, values)])
        hits = tuple(SearchHit(row, excerpt_of(row.text, words)) for row in rows[:limit])
        return SearchPage(hits, rows[limit - 1].id if len(rows) > limit else None)

    async def run(self) -> None:
        """Index what was stored, little by little; a service of the supervisor."""
        while True:
            await self._clock.sleep(INTERVAL)
            while await self._database.write(lambda c: _index_some(c, BACKGROUND_STEP)):
                await self._clock.sleep(PAUSE)


def excerpt_of(content: str, words: list[str]) -> str:
    """A piece of ``content`` around the first of ``words`` in it, on one line."""
    lower = content.lower()
    places = [place for word in words if (place := lower.find(word.lower())) >= 0]
    start = max(0, min(places, default=0) - EXCERPT)
    end = start + 2 * EXCERPT
    piece = " ".join(content[start:end].split())
    return ("…" if start else "") + piece + ("…" if end < len(content) else "")


def _index_some(connection: Connection, step: int) -> bool:
    """Index the next messages; returns whether there may be more."""
    done = int(connection.execute(text("SELECT indexed FROM search_state")).scalar_one())
    span: dict[str, Any] = {"done": done, "step": step}
    count, last = connection.execute(
        text("SELECT count(*), max(id) FROM (SELECT id FROM messages WHERE id > :done ORDER BY id LIMIT :step)"), span
    ).one()
    if not count:
        return False
    span = {"done": done, "last": last}
    connection.execute(
        text(
            "INSERT INTO messages_search (rowid, text) SELECT id, text FROM messages WHERE id > :done AND id <= :last"
        ),
        span,
    )
    connection.execute(text("UPDATE search_state SET indexed = :last"), span)
    return int(count) == step

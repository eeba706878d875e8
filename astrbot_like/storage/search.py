"""Search in what was said.

An FTS5 index of trigrams finds parts of words, in Chinese and Japanese too. It is filled in the background, so that
storing a message does not pay for it; what is not in it yet is looked through.

However much there is, one search reads a bounded number of messages, from the newest on. Where that was not enough to
fill a page, the page is shorter and the next one goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any, TypeAlias

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, column, exists, func, select, table, text

from astrbot_like.domain.history import StoredMessage
from astrbot_like.runtime.clock import Clock, SystemClock
from astrbot_like.storage.database import Database
from astrbot_like.storage.rows import message_of
from astrbot_like.storage.tables import messages, sessions
from astrbot_like.storage.text_index import TRIGRAM, TextIndex, TrigramIndex, among, quoted

BACKGROUND_STEP = 100
"""Messages indexed in one transaction of ``run``: nobody who stores a message waits longer than some 2 ms."""
INTERVAL = 30.0
PAUSE = 0.02
STEPS = (250, 750)
"""Messages looked at in turn, until a page is full."""
ASKED_OF_INDEX = 2
"""Words looked up in the index, the longest: each costs a walk along all messages with its letters. The others are
looked for in what these find."""
RARE = 1_000
"""Messages with a short word that are read by their keys."""
FEW = 1_000
"""Messages of one user that are looked through without the index."""
EXCERPT = 80
"""Characters of an excerpt before and after what was found."""

_INDEX = table("messages_search", column("rowid"))
_STATE = table("search_state", column("indexed"))
_MATCHES = text("messages_search MATCH :match")

Source: TypeAlias = Callable[[int, int], Sequence[int]]
"""Ids of messages below the first argument, greatest first, at most as many as the second says."""


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

    def __init__(self, database: Database, clock: Clock | None = None, index: TextIndex | None = None) -> None:
        self._database = database
        self._clock = clock or SystemClock()
        self._index = index or TrigramIndex("messages_search")

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
        return await self._database.read(lambda c: _Search(c, self._index, words, creator, limit).page(before))

    async def run(self) -> None:
        """Index what was stored, little by little; a service of the supervisor."""
        while True:
            await self._clock.sleep(INTERVAL)
            while await self._database.write(lambda c: index_some(c, BACKGROUND_STEP)):
                await self._clock.sleep(PAUSE)


class _Search:
    """One search on one connection."""

    def __init__(
        self, connection: Connection, index: TextIndex, words: list[str], creator: str | None, limit: int
    ) -> None:
        self._connection = connection
        self._index = index
        # However often it is said, a word is looked for once.
        words = list({word.lower(): word for word in words}.values())
        self._words = words
        self._longest = sorted(words, key=len, reverse=True)[:ASKED_OF_INDEX]
        self._matched = [word for word in self._longest if len(word) >= TRIGRAM]
        self._creator = creator
        self._limit = limit

    def page(self, before: int | None) -> SearchPage:
        """The page below an id."""
        ceiling = before if before is not None else 1 << 62
        few = self._of_user()
        if few is not None:
            return self._page(*self._read(_listed(few), ceiling, 0, self._words))
        mine = self._whose()
        indexed = int(self._connection.execute(select(_STATE.c.indexed)).scalar_one())
        found, stopped = self._read(self._newest, ceiling, indexed, self._words, mine)
        if stopped is None and len(found) <= self._limit:
            rest, stopped = self._indexed(min(ceiling, indexed + 1), mine)
            found += rest
        return self._page(found, stopped)

    def _indexed(self, ceiling: int, mine: list[ColumnElement[bool]]) -> tuple[list[StoredMessage], int | None]:
        """What the index finds, or for frequent short words a look through the newest."""
        rest = [word for word in self._words if word not in self._matched]
        if self._matched:
            return self._read(_listed(self._matching(ceiling)), ceiling, 0, rest, mine)
        rare = next(
            (ids for word in self._longest if (ids := self._index.rows(self._connection, word, RARE)) is not None), None
        )
        source = self._newest if rare is None else _listed(rare)
        return self._read(source, ceiling, 0, rest, mine)

    def _page(self, found: list[StoredMessage], stopped: int | None) -> SearchPage:
        rows = found[: self._limit]
        before = rows[-1].id if len(found) > self._limit else stopped
        return SearchPage(tuple(SearchHit(row, excerpt_of(row.text, self._words)) for row in rows), before)

    def _read(
        self,
        source: Source,
        ceiling: int,
        floor: int,
        words: list[str],
        mine: Sequence[ColumnElement[bool]] = (),
    ) -> tuple[list[StoredMessage], int | None]:
        """Messages of the source above ``floor`` that hold the words; and the id to go on below, None at its end."""
        found: list[StoredMessage] = []
        for step in STEPS:
            ids = [known for known in source(ceiling, step) if known > floor]
            if not ids:
                return found, None
            found += self._holding(ids, words, mine, self._limit + 1 - len(found))
            if len(ids) < step or len(found) > self._limit:
                return found, None
            ceiling = ids[-1]
        return found, ceiling

    def _holding(
        self, ids: list[int], words: list[str], mine: Sequence[ColumnElement[bool]], count: int
    ) -> list[StoredMessage]:
        """Those of the messages that hold the words, newest first, at most ``count``.

        Words are compared here: a condition of the query for each of them would take the database longer than this,
        and the query longer to be put together than to be run.
        """
        lower = [word.lower() for word in words]
        texts = select(messages.c.id, messages.c.text).where(
            among(messages.c.id, ids), messages.c.role != "context", *mine
        )
        with self._connection.execute(texts.order_by(messages.c.id.desc())) as rows:
            keys = list(islice((key for key, content in rows if _holds_all(content.lower(), lower)), count))
        if not keys:
            return []
        return self._rows(select(messages).where(among(messages.c.id, keys)).order_by(messages.c.id.desc()))

    def _rows(self, query: Select[Any]) -> list[StoredMessage]:
        return [message_of(row) for row in self._connection.execute(query)]

    # --- where ids come from --------------------------------------------------------------------------

    def _newest(self, ceiling: int, count: int) -> Sequence[int]:
        query = select(messages.c.id).where(messages.c.id < ceiling).order_by(messages.c.id.desc())
        return self._connection.execute(query.limit(count)).scalars().all()

    def _matching(self, ceiling: int) -> Sequence[int]:
        # The index yields its rows newest first, so that it stops with the last that is asked for.
        key = _INDEX.c.rowid
        query = select(key).where(_MATCHES, key < ceiling).order_by(key.desc()).limit(sum(STEPS))
        return self._connection.execute(query, {"match": " AND ".join(map(quoted, self._matched))}).scalars().all()

    def _of_user(self) -> set[int] | None:
        """All messages of the user, when they are few."""
        if self._creator is None:
            return None
        query = select(messages.c.id).join(sessions, sessions.c.session_id == messages.c.session_id)
        ids = self._connection.execute(query.where(sessions.c.creator == self._creator).limit(FEW + 1)).scalars().all()
        return set(ids) if len(ids) <= FEW else None

    def _whose(self) -> list[ColumnElement[bool]]:
        if self._creator is None:
            return []
        mine = (sessions.c.session_id == messages.c.session_id) & (sessions.c.creator == self._creator)
        return [exists(select(1).select_from(sessions).where(mine))]


def _holds_all(content: str, words: Iterable[str]) -> bool:
    return all(word in content for word in words)


def _listed(ids: Iterable[int]) -> Source:
    ordered = sorted(ids, reverse=True)

    def source(ceiling: int, count: int) -> Sequence[int]:
        return [known for known in ordered if known < ceiling][:count]

    return source


def excerpt_of(content: str, words: list[str]) -> str:
    """A piece of ``content`` around the first of ``words`` in it, on one line."""
    lower = content.lower()
    places = [place for word in words if (place := lower.find(word.lower())) >= 0]
    start = max(0, min(places, default=0) - EXCERPT)
    end = start + 2 * EXCERPT
    piece = " ".join(content[start:end].split())
    return ("…" if start else "") + piece + ("…" if end < len(content) else "")


def index_some(connection: Connection, step: int) -> bool:
    """Index the next messages; returns whether there may be more."""
    done = int(connection.execute(select(_STATE.c.indexed)).scalar_one())
    newest = select(messages.c.id).where(messages.c.id > done).order_by(messages.c.id).limit(step).subquery()
    count, last = connection.execute(select(func.count(), func.max(newest.c.id))).one()
    if not count:
        return False
    span: dict[str, Any] = {"done": done, "last": last}
    connection.execute(
        text(
            "INSERT INTO messages_search (rowid, text)"
            " SELECT id, text FROM message_texts WHERE id > :done AND id <= :last"
        ),
        span,
    )
    connection.execute(text("UPDATE search_state SET indexed = :last"), span)
    return int(count) == step

"""Lists of sessions, last used first: by page, by user, by part of a name.

A list is read along its index, and so is a search for what is frequent: it is found soon. What is rare, the text index
finds: its sessions are read by their keys and put in order. Either way a page reads a bounded number of sessions.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, func, select, tuple_

from astrbot_like.domain.history import Session
from astrbot_like.storage.rows import session_of
from astrbot_like.storage.tables import session_keys, sessions
from astrbot_like.storage.text_index import TextIndex, TrigramIndex, among, holds

STEPS = (250, 750, 2_000)
"""Sessions that one page of a search looks through in turn, until it is full; the index is asked after the first."""
RARE = 1_000
"""Sessions read by their keys for one search."""

Position: TypeAlias = tuple[int, str]
"""Where a session stands in a list: when it was last used, and its id."""


class SessionPage(msgspec.Struct, frozen=True):
    """Some sessions, last used first. ``cursor`` asks for the ones after them; None: there are no more.

    A page of a search may hold less than was asked for, or nothing, and still have a cursor.

    Attributes:
        total: How many there are in all; None when it was not asked for, or a search would have to look through all.
    """

    sessions: tuple[Session, ...]
    cursor: str | None = None
    total: int | None = None


class SessionFilter(msgspec.Struct, frozen=True):
    """Which sessions; None does not narrow.

    Attributes:
        search: Part of the name, the creator or the origin.
    """

    creator: str | None = None
    platform_id: str | None = None
    profile_id: str | None = None
    search: str = ""

    def narrow(self, query: Select[Any], columns: Any = sessions.c) -> Select[Any]:
        """The query with these conditions, but for the search."""
        for column, value in (
            (columns.creator, self.creator),
            (columns.platform_id, self.platform_id),
            (columns.profile_id, self.profile_id),
        ):
            if value is not None:
                query = query.where(column == value)
        return query


class SessionLists:
    """Reads lists within a connection."""

    def __init__(self, index: TextIndex | None = None) -> None:
        self._index = index or TrigramIndex("sessions_search")

    def page(
        self, connection: Connection, which: SessionFilter, *, cursor: str | None, offset: int, limit: int, count: bool
    ) -> SessionPage:
        """One page; ``offset`` is for lists without a search."""
        start = _position(cursor)
        if cursor is not None and start is None:
            return SessionPage(())
        wanted = " ".join(which.search.replace("\0", " ").split())
        if wanted:
            return self._search(connection, which, wanted, start, limit)
        found = connection.execute(_ordered(which, start).limit(limit + 1).offset(offset)).all()
        total = which.narrow(select(func.count()).select_from(sessions))
        return _page(found, limit, connection.execute(total).scalar() if count else None)

    def _search(
        self, connection: Connection, which: SessionFilter, wanted: str, start: Position | None, limit: int
    ) -> SessionPage:
        found: list[Any] = []
        at = start
        for step in STEPS:
            found += _look_through(connection, _ordered(which, at).limit(step), wanted, limit)
            last = connection.execute(_ordered(which, at).offset(step - 1).limit(1)).first()
            if len(found) > limit:
                return _page(found, limit)
            if last is None:
                return _page(found, limit, len(found) if start is None else None)
            at = (last.updated_ms, last.session_id)
            if step == STEPS[0]:
                keys = self._index.rows(connection, wanted, RARE)
                if keys is not None:
                    return _of_keys(connection, which, wanted, keys, start, limit)
        return SessionPage(tuple(map(session_of, found)), _cursor(at))


def _look_through(connection: Connection, part: Select[Any], wanted: str, limit: int) -> list[Any]:
    rows = part.subquery()
    # The part is in order; only asked for once more is the order of what fits promised.
    fitting = select(rows).where(_fits(wanted, rows.c)).order_by(rows.c.updated_ms.desc(), rows.c.session_id.desc())
    return list(connection.execute(fitting.limit(limit + 1)))


def _of_keys(
    connection: Connection, which: SessionFilter, wanted: str, keys: set[int], start: Position | None, limit: int
) -> SessionPage:
    """A page of the sessions that the index found."""
    ids = select(session_keys.c.session_id).where(among(session_keys.c.id, keys))
    fitting = select(sessions).where(sessions.c.session_id.in_(ids), _fits(wanted, sessions.c))
    # With a limit the database reads these first, rather than look for them along the whole list.
    found = fitting.limit(len(keys)).subquery()
    counted = which.narrow(select(found, func.count().over().label("total")), found.c).subquery()
    page = select(counted).order_by(counted.c.updated_ms.desc(), counted.c.session_id.desc()).limit(limit + 1)
    if start is not None:
        page = page.where(tuple_(counted.c.updated_ms, counted.c.session_id) < tuple_(*start))  # type: ignore[arg-type]
    rows = connection.execute(page).all()
    total = rows[0].total if rows else 0
    more = _cursor(_place(rows[limit - 1])) if len(rows) > limit else None
    return SessionPage(tuple(session_of(row[:-1]) for row in rows[:limit]), more, total)


def _fits(wanted: str, columns: Any) -> ColumnElement[bool]:
    return holds(wanted, columns.display_name, columns.creator, columns.umo)


def _ordered(which: SessionFilter, start: Position | None) -> Select[Any]:
    query = which.narrow(select(sessions)).order_by(sessions.c.updated_ms.desc(), sessions.c.session_id.desc())
    if start is None:
        return query
    return query.where(tuple_(sessions.c.updated_ms, sessions.c.session_id) < tuple_(*start))  # type: ignore[arg-type]


def _page(found: Any, limit: int, total: int | None = None) -> SessionPage:
    more = _cursor(_place(found[limit - 1])) if len(found) > limit else None
    return SessionPage(tuple(map(session_of, found[:limit])), more, total)


def _place(row: Any) -> Position:
    return row.updated_ms, row.session_id


def _cursor(place: Position | None) -> str | None:
    return None if place is None else f"{place[0]}:{place[1]}"


def _position(cursor: str | None) -> Position | None:
    """What a cursor says; None for what is no cursor."""
    updated, _, last = (cursor or "").partition(":")
    return (int(updated), last) if updated.isascii() and updated.isdigit() and len(updated) <= 15 else None

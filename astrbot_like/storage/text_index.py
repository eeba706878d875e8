"""Indexes of trigrams: which rows may hold a text, in any script, without reading them.

SQLite's FTS5 makes them (https://sqlite.org/fts5.html, "The Trigram Tokenizer"). Another database keeps its own kind
behind ``TextIndex``; a search works without any, by looking through the rows from the newest on, a bounded number at a
time.

What is indexed ends with two line breaks, so that every character begins a trigram: texts of one or two characters are
then found among the trigrams that begin with them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Protocol

from sqlalchemy import Column, ColumnElement, Connection, func, or_, select, text

TRIGRAM = 3
LONGEST_MATCH = 64
"""Trigrams of a long text that are looked up; what is found is compared with the whole of it anyway."""


class TextIndex(Protocol):
    """Finds rows by a part of their text."""

    def rows(self, connection: Connection, wanted: str, limit: int) -> set[int] | None:
        """Keys of the rows that may hold ``wanted``: all that do, and perhaps some that don't.

        Returns:
            None when there are more than ``limit``, so that a look through the newest rows finds some soon.
        """
        ...


class TrigramIndex:
    """An FTS5 table of trigrams, with the table ``NAME_terms`` of what is in it (``fts5vocab``, ``instance``).

    Args:
        name: The FTS5 table.
    """

    def __init__(self, name: str) -> None:
        self._match = text(f"SELECT rowid FROM {name} WHERE {name} MATCH :match LIMIT :limit")
        self._begin = text(f"SELECT doc FROM {name}_terms WHERE term >= :low AND term < :high LIMIT :limit")

    def rows(self, connection: Connection, wanted: str, limit: int) -> set[int] | None:
        """See ``TextIndex``."""
        if len(wanted) >= TRIGRAM:
            found = connection.execute(self._match, {"match": _trigrams(wanted), "limit": limit + 1})
        else:
            low = folded(wanted)
            # A row counts once for each trigram: the limit is a little stricter than it says.
            values = {"low": low, "high": after(low), "limit": limit + 1}
            found = connection.execute(self._begin, values)
        keys = list(found.scalars())
        return None if len(keys) > limit else set(keys)


def quoted(wanted: str) -> str:
    """A string of FTS5's query language."""
    return '"' + wanted.replace('"', '""') + '"'


def _trigrams(wanted: str) -> str:
    pieces = (wanted[at : at + TRIGRAM] for at in range(min(len(wanted) - TRIGRAM + 1, LONGEST_MATCH)))
    return " AND ".join(map(quoted, dict.fromkeys(pieces)))


def folded(wanted: str) -> str:
    """The text with its capitals made small, each character by itself, as the tokenizer does it."""
    return "".join(small if len(small := char.lower()) == 1 else char for char in wanted)


def after(prefix: str) -> str:
    """The least text greater than all that begin with ``prefix``."""
    last = ord(prefix[-1]) + 1
    if 0xD800 <= last <= 0xDFFF:
        last = 0xE000  # surrogates are no characters
    return prefix[:-1] + chr(last) if last <= 0x10FFFF else prefix + chr(0x10FFFF)


def among(key: ColumnElement[int], keys: Iterable[int]) -> ColumnElement[bool]:
    """Whether a key is one of many; one parameter, since handing over thousands takes longer than looking them up."""
    return key.in_(select(func.json_each(json.dumps(list(keys))).table_valued("value").c.value))


def holds(wanted: str, *columns: Column[Any]) -> ColumnElement[bool]:
    """Whether one of the columns holds the text, whatever the case of its letters.

    SQLite's LIKE knows the case of ASCII letters only; of others the usual spellings are tried.
    """
    forms = {wanted}
    if not wanted.isascii():
        forms |= {wanted.lower(), wanted.upper(), wanted.title()}
    return or_(*(column.contains(form, autoescape=True) for form in sorted(forms) for column in columns))

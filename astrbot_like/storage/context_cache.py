"""What the model sees of the conversations in use, kept in memory so that a turn needs no query."""

from __future__ import annotations

from collections import OrderedDict

from astrbot_like.domain.history import StoredMessage

ROW_OVERHEAD = 800
"""Bytes that a row takes beside its text (measured with tracemalloc, rounded up)."""

ENTRY_OVERHEAD = 600
"""Bytes that a conversation takes beside its rows: without them, the empty ones would never be forgotten."""

ROWS_KEPT = 4000
"""Rows of one conversation kept at the most; the oldest go first."""


class _Entry:
    __slots__ = ("limit", "rows", "size")

    def __init__(self, rows: list[StoredMessage], limit: int) -> None:
        self.rows = rows
        self.limit = limit
        self.size = ENTRY_OVERHEAD + sum(map(_size, rows))


class ContextCache:
    """Context rows by conversation, bounded by bytes; grows with each stored message.

    A load that is under way gets the messages stored meanwhile: ``begin_load``, read, ``end_load``.

    Args:
        limit: Bytes in all.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._loading: dict[str, list[list[StoredMessage]]] = {}

    @property
    def size(self) -> int:
        """Bytes held, estimated."""
        return self._size

    def get(self, conversation_id: str, limit: int) -> list[StoredMessage] | None:
        """The newest ``limit`` rows, oldest first; None when they must be read."""
        entry = self._entries.get(conversation_id)
        if entry is None or limit > entry.limit:
            return None
        self._entries.move_to_end(conversation_id)
        return entry.rows[-limit:]

    def begin_empty(self, conversation_id: str) -> None:
        """A conversation was made: nothing of it need be read."""
        self._put(conversation_id, _Entry([], ROWS_KEPT // 2))

    def begin_load(self, conversation_id: str) -> list[StoredMessage]:
        """Announce a read; the list gathers what is stored meanwhile."""
        gathered: list[StoredMessage] = []
        self._loading.setdefault(conversation_id, []).append(gathered)
        return gathered

    def end_load(
        self, conversation_id: str, gathered: list[StoredMessage], rows: list[StoredMessage] | None, limit: int
    ) -> list[StoredMessage]:
        """Keep what was read (None: the read failed) with what was stored meanwhile, and return it."""
        waiting = self._loading.get(conversation_id, [])
        # By identity: two loads that gathered nothing are equal lists.
        remaining = [other for other in waiting if other is not gathered]
        if remaining:
            self._loading[conversation_id] = remaining
        else:
            self._loading.pop(conversation_id, None)
        if rows is None:
            return []
        last = rows[-1].id if rows else 0
        rows = [*rows, *(row for row in gathered if row.id > last)]
        if len(remaining) < len(waiting):
            self._put(conversation_id, _Entry(rows, limit))
        return rows[-limit:]

    def add(self, message: StoredMessage) -> None:
        """A message was stored."""
        if not message.context:
            return
        for gathered in self._loading.get(message.conversation_id, ()):
            gathered.append(message)
        entry = self._entries.get(message.conversation_id)
        if entry is None:
            return
        entry.rows.append(message)
        size = _size(message)
        entry.size += size
        self._size += size
        if len(entry.rows) > max(ROWS_KEPT, 2 * entry.limit):
            dropped = entry.rows[: -entry.limit]
            del entry.rows[: -entry.limit]
            freed = sum(map(_size, dropped))
            entry.size -= freed
            self._size -= freed
        self._evict()

    def drop(self, conversation_id: str) -> None:
        """The conversation's context was changed in another way; loads under way are not kept either."""
        entry = self._entries.pop(conversation_id, None)
        if entry is not None:
            self._size -= entry.size
        self._loading.pop(conversation_id, None)

    def _put(self, conversation_id: str, entry: _Entry) -> None:
        old = self._entries.pop(conversation_id, None)
        if old is not None:
            self._size -= old.size
        self._entries[conversation_id] = entry
        self._size += entry.size
        self._evict()

    def _evict(self) -> None:
        while self._size > self._limit and self._entries:
            _, entry = self._entries.popitem(last=False)
            self._size -= entry.size


def _size(message: StoredMessage) -> int:
    """An estimate that costs next to nothing: context mostly repeats the text, images are counted by their URL."""
    size = ROW_OVERHEAD + 2 * len(message.text) + 2 * len(message.full_text)
    for item in message.context:
        content = item.get("content")
        if isinstance(content, str):
            size += len(content)
        elif isinstance(content, list):
            size += sum(len(str(part)) for part in content)
    return size

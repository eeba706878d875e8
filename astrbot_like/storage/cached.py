"""A value read from the store once and kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Cached(Generic[T]):
    """Reads when it is first asked, and again after ``forget``.

    A change that comes while a read is under way makes that read stale; it is then repeated.

    Args:
        read: Reads the value.
    """

    def __init__(self, read: Callable[[], Awaitable[T]]) -> None:
        self._read = read
        self._value: T | None = None
        self._changes = 0

    @property
    def value(self) -> T | None:
        """The value, or None when it was not read yet."""
        return self._value

    async def get(self) -> T:
        """The value."""
        while self._value is None:
            changes = self._changes
            found = await self._read()
            if changes == self._changes:
                self._value = found
        return self._value

    def changed(self) -> T | None:
        """Announce a change that was just stored; returns the kept value, for the caller to follow the change."""
        self._changes += 1
        return self._value

    def forget(self) -> None:
        """Read anew next time."""
        self._changes += 1
        self._value = None

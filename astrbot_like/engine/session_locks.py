"""One run of the model at a time for each session, in the order of asking."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Place:
    """A place in a session's line; as a context manager, it is left at the end of the block.

    Args:
        locks: Told when the place was left.
        session_id: Whose line.
        before: Done when everybody further ahead has left; None: there is nobody.
    """

    __slots__ = ("_before", "_locks", "_session_id", "left")

    def __init__(self, locks: SessionLocks, session_id: str, before: asyncio.Future[None] | None) -> None:
        self._locks = locks
        self._session_id = session_id
        self._before = before
        self.left: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def reached(self) -> None:
        """Wait until it is this place's turn."""
        if self._before is not None and not self._before.done():
            await asyncio.shield(self._before)

    def leave(self) -> None:
        """Let the next one go on, once everybody further ahead has left too."""
        if self._before is None or self._before.done():
            self._left()
        else:
            # It gave up while others are still ahead: whoever comes next must wait for them.
            self._before.add_done_callback(lambda _: self._left())

    def __enter__(self) -> Place:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def _left(self) -> None:
        self.left.set_result(None)
        self._locks.forget(self._session_id, self)


class SessionLocks:
    """Fair locks by session; a lock exists only while somebody holds or wants it."""

    def __init__(self) -> None:
        self._last: dict[str, Place] = {}

    def held(self, session_id: str) -> bool:
        """Whether somebody holds or wants the session's lock."""
        return session_id in self._last

    def line_up(self, session_id: str) -> Place:
        """Take the next place in line now; what is done before ``reached`` changes nothing in the order."""
        last = self._last.get(session_id)
        place = self._last[session_id] = Place(self, session_id, last.left if last is not None else None)
        return place

    def forget(self, session_id: str, place: Place) -> None:
        """A place was left; with the last one the line is gone."""
        if self._last.get(session_id) is place:
            del self._last[session_id]

    @asynccontextmanager
    async def hold(self, session_id: str) -> AsyncIterator[None]:
        """Hold the session's lock for the duration of the block."""
        with self.line_up(session_id) as place:
            await place.reached()
            yield

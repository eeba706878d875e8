"""One run of the model at a time for each session, in the order of asking."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager


class Place:
    """A place in a session's line.

    Args:
        before: Done when everybody further ahead has left; None: there is nobody.
    """

    __slots__ = ("_before", "left")

    def __init__(self, before: asyncio.Future[None] | None) -> None:
        self._before = before
        self.left: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def reached(self) -> None:
        """Wait until it is this place's turn."""
        if self._before is not None and not self._before.done():
            await asyncio.shield(self._before)

    def leave(self) -> None:
        """Let the next one go on, once everybody further ahead has left too."""
        if self._before is None or self._before.done():
            self.left.set_result(None)
        else:
            self._before.add_done_callback(lambda _: self.left.set_result(None))


class SessionLocks:
    """Fair locks by session; a lock exists only while somebody holds or wants it."""

    def __init__(self) -> None:
        self._last: dict[str, Place] = {}

    def held(self, session_id: str) -> bool:
        """Whether somebody holds or wants the session's lock."""
        return session_id in self._last

    @contextmanager
    def line_up(self, session_id: str) -> Iterator[Place]:
        """Take the next place in line now; what is done before ``reached`` changes nothing in the order."""
        last = self._last.get(session_id)
        place = self._last[session_id] = Place(last.left if last is not None else None)
        try:
            yield place
        finally:
            place.leave()
            if self._last.get(session_id) is place:
                if place.left.done():
                    del self._last[session_id]
                else:
                    # It gave up while others are still ahead: whoever comes next must wait for them.
                    place.left.add_done_callback(lambda _: self._forget(session_id, place))

    @asynccontextmanager
    async def hold(self, session_id: str) -> AsyncIterator[None]:
        """Hold the session's lock for the duration of the block."""
        with self.line_up(session_id) as place:
            await place.reached()
            yield

    def _forget(self, session_id: str, place: Place) -> None:
        if self._last.get(session_id) is place:
            del self._last[session_id]

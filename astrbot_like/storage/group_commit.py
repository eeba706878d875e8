"""Many small writes, one transaction.

While a transaction is on its way to the disk, new items gather; the next transaction takes them all. One writer alone
has its item written at once, a thousand share a commit. The queue is bounded: a sender waits for room, for a limited
time. There is no task in between: the first audio of a reply waits for this, and every turn of the loop counts.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Generic, TypeVar

from astrbot_like.domain.errors import BotError, StorageError
from astrbot_like.storage.database import Database
from astrbot_like.storage.faults import storage_error
from astrbot_like.storage.writer_thread import CLOSED

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_BATCH = 256

OVERLOADED = "The server can't store messages fast enough. Please try again in a moment."


class GroupCommit(Generic[Item, Result]):
    """A queue of items in front of the database's writer.

    Args:
        store: Writes items on the writer's thread, in one transaction, and returns a result for each.
        committed: Called on the event loop with the results, before anybody who waits for them goes on.
        limit: Items that may wait.
        timeout: Seconds an item may wait, for room and for its commit.
    """

    def __init__(
        self,
        database: Database,
        store: Callable[[sqlite3.Connection, list[Item]], list[Result]],
        committed: Callable[[list[Result]], None],
        *,
        limit: int,
        timeout: float,
    ) -> None:
        self._database = database
        self._store = store
        self._committed = committed
        self._limit = limit
        self._timeout = timeout
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._room: deque[asyncio.Future[None]] = deque()
        self._idle: asyncio.Future[None] | None = None
        self._writing = False
        self._closed = False
        # How many items at the head of the queue are written one by one, since they failed together.
        self._singly = 0

    async def put(self, item: Item) -> Result:
        """Queue an item; returns when it is durable.

        A caller that is cancelled does not take a queued item back.

        Raises:
            StorageError: It could not be written, or not in time.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timeout
        if len(self._waiting) >= self._limit:
            await self._wait_for_room(deadline)
        if self._closed:
            raise StorageError(CLOSED)
        future: asyncio.Future[Result] = loop.create_future()
        self._waiting.append((item, future))
        expiry = loop.call_at(deadline, _expire, future)
        try:
            if not self._writing:
                self._write_next()
            return await future
        finally:
            expiry.cancel()

    async def aclose(self) -> None:
        """Write what is queued, then refuse more; idempotent."""
        self._closed = True
        while self._room:
            self._wake()
        if self._writing:
            if self._idle is None:
                self._idle = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._idle)

    async def _wait_for_room(self, deadline: float) -> None:
        try:
            async with asyncio.timeout_at(deadline):
                while len(self._waiting) >= self._limit and not self._closed:
                    await self._wait_in_line()
        except TimeoutError as error:
            raise StorageError(OVERLOADED) from error

    async def _wait_in_line(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._room.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self._wake()  # the room that this one was given belongs to the next in line
            raise

    def _wake(self) -> None:
        while self._room:
            waiter = self._room.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def _write_next(self) -> None:
        most = 1 if self._singly else MAX_BATCH
        self._singly = max(0, self._singly - 1)
        batch = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
        for _ in batch:
            self._wake()
        items = [item for item, _ in batch]
        self._writing = True
        try:
            self._database.submit(lambda connection: self._store(connection, items), partial(self._written, batch))
        except StorageError as error:
            self._writing = False
            self._fail(batch, error)

    def _written(
        self,
        batch: list[tuple[Item, asyncio.Future[Result]]],
        results: list[Result] | None,
        error: BaseException | None,
    ) -> None:
        again = isinstance(error, BotError) and not isinstance(error, StorageError) and len(batch) > 1
        if again:
            # One item was refused (its session is gone, say): the others must not suffer for it.
            self._waiting.extendleft(reversed(batch))
            self._singly += len(batch)
        elif results is not None:
            self._committed(results)
        if self._waiting:
            self._write_next()
        else:
            self._writing = False
            if self._idle is not None and not self._idle.done():
                self._idle.set_result(None)
        if again:
            return
        if error is not None or results is None:
            self._fail(batch, error or StorageError(CLOSED))
            return
        for (_, future), result in zip(batch, results, strict=True):
            if not future.done():
                future.set_result(result)

    @staticmethod
    def _fail(batch: list[tuple[Item, asyncio.Future[Result]]], error: BaseException) -> None:
        if isinstance(error, sqlite3.Error | OSError):
            error = storage_error(error)
        for _, future in batch:
            if not future.done():
                future.set_exception(error)


def _expire(future: asyncio.Future[Any]) -> None:
    if not future.done():
        future.set_exception(StorageError(OVERLOADED))

"""Many small writes, one transaction.

While a transaction is on its way to the disk, new items gather; the next transaction takes them all. One writer alone
has its item written at once, a thousand share a commit. The queue is bounded: a sender waits for room, for a limited
time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from sqlalchemy import Connection

from astrbot_like.domain.errors import BotError, StorageError
from astrbot_like.runtime.channels import Channel, ChannelClosed
from astrbot_like.storage.database import Database

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
        store: Callable[[Connection, list[Item]], list[Result]],
        committed: Callable[[list[Result]], None],
        *,
        limit: int,
        timeout: float,
    ) -> None:
        self._database = database
        self._store = store
        self._committed = committed
        self._queue: Channel[tuple[Item, asyncio.Future[Result]]] = Channel(limit)
        self._timeout = timeout
        self._task: asyncio.Task[None] | None = None

    async def put(self, item: Item) -> Result:
        """Queue an item; returns when it is durable.

        A caller that is cancelled does not take its item back.

        Raises:
            StorageError: It could not be written, or not in time.
        """
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="group-commit")
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self._timeout):
                await self._queue.send((item, future))
                return await future
        except TimeoutError as error:
            raise StorageError(OVERLOADED) from error
        except ChannelClosed as error:
            raise StorageError("The store is closed.") from error

    async def aclose(self) -> None:
        """Write what is queued, then refuse more; idempotent."""
        self._queue.close()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        async for first in self._queue:
            batch = [first]
            while len(self._queue) and len(batch) < MAX_BATCH:
                batch.append(await self._queue.receive())
            await self._commit(batch)

    async def _commit(self, batch: list[tuple[Item, asyncio.Future[Result]]]) -> None:
        items = [item for item, _ in batch]
        try:
            results = await self._database.write(lambda connection: self._store(connection, items))
        except BotError as error:
            if len(batch) > 1 and not isinstance(error, StorageError):
                # One item was refused (its session is gone, say): the others must not suffer for it.
                for entry in batch:
                    await self._commit([entry])
                return
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        except Exception as error:  # noqa: BLE001 - raised again where the items were put
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        self._committed(results)
        for (_, future), result in zip(batch, results, strict=True):
            if not future.done():
                future.set_result(result)

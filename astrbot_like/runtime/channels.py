"""A bounded channel between tasks: order kept, back-pressure on the sender, one clear end."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class ChannelClosed(Exception):
    """Sending into, or receiving from, a channel that has ended."""


class Channel(Generic[T]):
    """A bounded FIFO for one event loop.

    ``send`` waits while the channel is full; ``receive`` waits while it is empty. After ``close`` what is queued
    can still be read; then iteration ends. A channel makes no task and no loop-bound object until it has to wait.

    Args:
        limit: Items it holds before a sender waits.
    """

    __slots__ = ("_closed", "_getters", "_items", "_limit", "_putters")

    def __init__(self, limit: int) -> None:
        if limit < 1:
            raise ValueError("a channel holds at least one item")
        self._limit = limit
        self._items: deque[T] = deque()
        self._getters: deque[asyncio.Future[None]] = deque()
        self._putters: deque[asyncio.Future[None]] = deque()
        self._closed = False

    def __len__(self) -> int:
        return len(self._items)

    @property
    def closed(self) -> bool:
        """Whether ``close`` was called."""
        return self._closed

    @property
    def full(self) -> bool:
        """Whether a sender would have to wait."""
        return len(self._items) >= self._limit

    def try_send(self, item: T, *, wake: bool = True) -> bool:
        """Queue ``item`` if there is room now.

        Args:
            wake: Whether a waiting reader is told; else the item waits for the next one and is read with it.

        Returns:
            False when the channel is full.

        Raises:
            ChannelClosed: It was closed.
        """
        if self._closed:
            raise ChannelClosed
        if len(self._items) >= self._limit:
            return False
        self._items.append(item)
        if wake and self._getters:
            self._wake(self._getters)
        return True

    async def send(self, item: T) -> None:
        """Queue ``item``, waiting for room.

        Raises:
            ChannelClosed: It was closed before there was room.
        """
        while not self.try_send(item):
            await self._wait(self._putters)

    async def receive(self) -> T:
        """The oldest item, waiting for one.

        Raises:
            ChannelClosed: It was closed and everything was read.
        """
        while not self._items:
            if self._closed:
                raise ChannelClosed
            await self._wait(self._getters)
        return self.take()

    def take(self) -> T:
        """The oldest item of a channel that is not empty."""
        item = self._items.popleft()
        if self._putters:
            self._wake(self._putters)
        return item

    async def wait_for_room(self) -> None:
        """Return when ``try_send`` may succeed, or when the channel was cleared or closed."""
        if not self._closed and self.full:
            await self._wait(self._putters)

    def clear(self) -> int:
        """Drop everything queued; returns how many items that were."""
        dropped = len(self._items)
        self._items.clear()
        for _ in range(min(dropped, len(self._putters))):
            self._wake(self._putters)
        return dropped

    def force(self, item: T) -> None:
        """Queue ``item`` even when the channel is full, for a control item that must not wait.

        The caller bounds how many of these there can be.

        Raises:
            ChannelClosed: It was closed.
        """
        if self._closed:
            raise ChannelClosed
        self._items.append(item)
        self._wake(self._getters)

    def discard(self, stale: Callable[[T], bool]) -> int:
        """Drop the queued items for which ``stale`` is true, keeping the order of the rest; returns how many."""
        kept = deque(item for item in self._items if not stale(item))
        dropped = len(self._items) - len(kept)
        self._items = kept
        for _ in range(min(dropped, len(self._putters))):
            self._wake(self._putters)
        return dropped

    def close(self) -> None:
        """End the channel; idempotent. Waiting senders get ChannelClosed, readers get what is left."""
        self._closed = True
        for waiters in (self._getters, self._putters):
            while waiters:
                self._wake(waiters)

    async def __aiter__(self) -> AsyncIterator[T]:
        while True:
            while self._items:
                yield self.take()
            if self._closed:
                return
            await self._wait(self._getters)

    @staticmethod
    def _wake(waiters: deque[asyncio.Future[None]]) -> None:
        while waiters:
            waiter = waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    async def _wait(self, waiters: deque[asyncio.Future[None]]) -> None:
        waiter = asyncio.get_running_loop().create_future()
        waiters.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            # A wake-up given to a waiter that is cancelled belongs to the next one in line.
            if waiter.done() and not waiter.cancelled():
                self._wake(waiters)
            elif waiter in waiters:
                waiters.remove(waiter)
            raise

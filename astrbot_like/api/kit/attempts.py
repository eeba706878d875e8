"""Whether a call that failed is made again: with another key, or after a pause. The same for every kind of provider."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

from astrbot_like.api.kit.errors import ServiceError
from astrbot_like.api.kit.options import KeyRing

_ANOTHER_KEY = frozenset({"auth", "rate_limit"})
_AGAIN = frozenset({"rate_limit", "server", "timeout", "cut"})
_LONGEST_PAUSE = 8.0
_Result = TypeVar("_Result")


class Attempts:
    """The attempts at one call.

    Args:
        ring: The keys of the provider; each is tried once.
        tries: Calls in all, beside those with another key.
    """

    def __init__(self, ring: KeyRing, tries: int = 1) -> None:
        self._ring = ring
        self._key = ring.current
        self._refused: set[str] = set()
        self._tries_left = max(1, tries) - 1
        self._pause = 0.5

    async def result(self, call: Callable[[], Awaitable[_Result]]) -> _Result:
        """What the call gives in the end.

        Args:
            call: Makes one attempt, with the key that is current then.

        Raises:
            ServiceError: The last attempt's.
        """
        while True:
            try:
                return await call()
            except ServiceError as error:
                await self._again_or_raise(error)

    async def items(self, call: Callable[[], AsyncGenerator[_Result, None]]) -> AsyncGenerator[_Result, None]:
        """What a call gives piece by piece; once it has given something it is not made again.

        Args:
            call: Begins one attempt, with the key that is current then.

        Raises:
            ServiceError: The last attempt's.
        """
        while True:
            begun = False
            try:
                async with aclosing(call()) as items:
                    async for item in items:
                        begun = True
                        yield item
                return
            except ServiceError as error:
                if begun:
                    raise
                await self._again_or_raise(error)

    async def _again_or_raise(self, error: ServiceError) -> None:
        if error.failure in _ANOTHER_KEY:
            self._refused.add(self._key)
            if self._ring.pass_over(self._refused):
                self._key = self._ring.current
                return
        if error.failure not in _AGAIN or self._tries_left <= 0:
            raise error
        self._tries_left -= 1
        pause = error.retry_after if error.retry_after is not None else self._pause
        if pause > _LONGEST_PAUSE:
            raise error
        self._pause *= 2
        await asyncio.sleep(pause)
        self._key = self._ring.current

"""Whether a call that failed is made again."""

from __future__ import annotations

import asyncio

from astrbot_like.api.kit.errors import ServiceError
from astrbot_like.api.kit.options import KeyRing

_ANOTHER_KEY = frozenset({"auth", "rate_limit"})
_AGAIN = frozenset({"rate_limit", "server", "timeout", "cut"})
_LONGEST_PAUSE = 8.0


class Attempts:
    """Decides whether a call that gave no output yet is made again: with another key, or after a pause.

    Args:
        ring: The keys of the provider; each is tried once.
        tries: Calls in all, beside those with another key.
    """

    def __init__(self, ring: KeyRing, tries: int) -> None:
        self._ring = ring
        self._keys_left = len(ring) - 1
        self._tries_left = max(1, tries) - 1
        self._pause = 0.5

    async def again_or_raise(self, error: ServiceError) -> None:
        """Return when the call is to be made again.

        Raises:
            ServiceError: It is not; this is the error given.
        """
        if error.failure in _ANOTHER_KEY and self._keys_left > 0:
            self._keys_left -= 1
            self._ring.rotate()
            return
        if error.failure not in _AGAIN or self._tries_left <= 0:
            raise error
        self._tries_left -= 1
        pause = error.retry_after if error.retry_after is not None else self._pause
        if pause > _LONGEST_PAUSE:
            raise error
        self._pause *= 2
        await asyncio.sleep(pause)

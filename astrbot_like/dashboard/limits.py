"""Rate limits: an interface, and what one process needs of it, in memory and bounded."""

from __future__ import annotations

from collections import OrderedDict
from typing import Literal, Protocol, TypeAlias

from astrbot_like.dashboard.settings import DashboardSettings
from astrbot_like.domain.errors import RateLimited
from astrbot_like.runtime.clock import Clock

MAX_TRACKED = 10_000
"""Credentials or addresses remembered at once; the longest unseen is forgotten first."""


LimitName: TypeAlias = Literal["requests", "login"]


class RateLimits(Protocol):
    """The limits of the front ends; several processes that serve one installation would share what they count."""

    def take(self, limit: LimitName, key: str) -> None:
        """Count one request of ``key`` (a credential or an address).

        Raises:
            RateLimited: There were too many.
        """
        ...


class MemoryRateLimits:
    """Limits of this process alone.

    Args:
        settings: How much is allowed.
        clock: Monotonic time.
    """

    def __init__(self, settings: DashboardSettings, clock: Clock) -> None:
        self._limiters: dict[LimitName, RateLimiter] = {
            "requests": RateLimiter(settings.request_rate, settings.request_burst, clock),
            "login": RateLimiter(settings.login_rate / 60, settings.login_burst, clock),
        }

    def take(self, limit: LimitName, key: str) -> None:
        """See ``RateLimits.take``."""
        self._limiters[limit].take(key)


class RateLimiter:
    """A token bucket for each key (a credential or an address).

    Args:
        rate: Requests per second that may go on for ever.
        burst: Requests that may come at once.
        clock: Monotonic time.
    """

    def __init__(self, rate: float, burst: float, clock: Clock) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> None:
        """Count one request.

        Raises:
            RateLimited: There were too many.
        """
        now = self._clock.monotonic()
        tokens, then = self._buckets.get(key, (self._burst, now))
        tokens = min(self._burst, tokens + (now - then) * self._rate)
        allowed = tokens >= 1
        self._buckets[key] = (tokens - 1 if allowed else tokens, now)
        self._buckets.move_to_end(key)
        if len(self._buckets) > MAX_TRACKED:
            self._buckets.popitem(last=False)
        if not allowed:
            raise RateLimited(retry_after=(1 - tokens) / self._rate)

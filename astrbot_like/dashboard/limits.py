"""Rate limits and the lock-out of sign-in. In memory, bounded, per process."""

from __future__ import annotations

from collections import OrderedDict

from astrbot_like.domain.errors import RateLimited
from astrbot_like.runtime.clock import Clock

MAX_TRACKED = 10_000
"""Credentials or addresses remembered at once; the longest unseen is forgotten first."""

LONGEST_LOCKOUT = 3600.0
"""Seconds."""


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


class LoginGuard:
    """Locks an account or an address out after failed sign-ins, longer each time.

    Args:
        attempts: Failures before the first lock-out.
        lockout: Seconds of the first lock-out; each further one doubles.
        clock: Monotonic time.
    """

    def __init__(self, attempts: int, lockout: float, clock: Clock) -> None:
        self._attempts = attempts
        self._lockout = lockout
        self._clock = clock
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def check(self, *keys: str) -> None:
        """Refuse while one of ``keys`` (account, address) is locked out.

        Raises:
            RateLimited: With the seconds that are left.
        """
        now = self._clock.monotonic()
        left = max((self._failures.get(key, (0, now))[1] - now for key in keys), default=0.0)
        if left > 0:
            raise RateLimited("Too many failed sign-ins. Please wait before the next try.", retry_after=left)

    def failed(self, *keys: str) -> None:
        """Count a failed sign-in."""
        now = self._clock.monotonic()
        for key in keys:
            count, locked_until = self._failures.get(key, (0, now))
            if now - locked_until > LONGEST_LOCKOUT:
                count = 0
            count += 1
            over = count - self._attempts
            seconds = min(self._lockout * 2 ** min(over, 16), LONGEST_LOCKOUT) if over >= 0 else 0.0
            self._failures[key] = (count, now + seconds)
            self._failures.move_to_end(key)
            if len(self._failures) > MAX_TRACKED:
                self._failures.popitem(last=False)

    def succeeded(self, *keys: str) -> None:
        """Forget the failures of an account that signed in."""
        for key in keys:
            self._failures.pop(key, None)

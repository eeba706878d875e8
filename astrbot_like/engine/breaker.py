"""When a provider that fails is left out, and for how long (circuit breaker)."""

from __future__ import annotations

from astrbot_like.api.kit.errors import ServiceError

LONGEST_PAUSE = 600.0
"""Seconds for which a provider is left out at most."""
_ITS_INPUT = frozenset({"bad_request"})
_UNTIL_CHANGED = frozenset({"auth", "missing"})


class Breaker:
    """Counts failures in a row and says when a provider is left out.

    Attributes:
        failures: Failures since its last success.
        open_until: Monotonic seconds until which it is left out.
    """

    __slots__ = ("failures", "open_until")

    def __init__(self) -> None:
        self.failures = 0
        self.open_until = 0.0

    def allows(self, now: float) -> bool:
        """Whether the provider may be tried; after the pause it is tried again."""
        return now >= self.open_until

    def succeeded(self) -> None:
        """Close the breaker."""
        self.failures = 0
        self.open_until = 0.0

    def failed(self, error: BaseException, now: float, *, limit: int, pause: float) -> None:
        """Take a failure into account.

        A rejected input says nothing about the provider. A refused key or a missing model fails again for certain, so
        the provider is left out at once; one that says when to come back is taken at its word. For anything else the
        count decides, and each failure after a pause doubles the next one: a dead service costs less and less.

        Args:
            limit: Failures in a row after which it is left out.
            pause: Seconds for which it is left out first.
        """
        kind = error.failure if isinstance(error, ServiceError) else ""
        if kind in _ITS_INPUT:
            return
        self.failures += 1
        if isinstance(error, ServiceError) and error.retry_after:
            self.open_until = now + min(error.retry_after, LONGEST_PAUSE)
        elif kind in _UNTIL_CHANGED or self.failures >= limit:
            doubled = max(0, self.failures - limit)
            self.open_until = now + min(pause * 2 ** min(doubled, 16), max(pause, LONGEST_PAUSE))

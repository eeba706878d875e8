"""Figures of turns: recorded without delaying them, summed up for people, and limits of use."""

from __future__ import annotations

import logging
from collections import deque
from datetime import UTC, datetime

import msgspec

from astrbot_like.domain.errors import BadRequest, RateLimited, StorageError
from astrbot_like.domain.statistics import (
    Bucket,
    LimitKind,
    LimitPeriod,
    Share,
    StageTimes,
    Totals,
    TurnRecord,
    UsageLimit,
)
from astrbot_like.runtime.clock import Clock
from astrbot_like.storage.cached import Cached
from astrbot_like.storage.lru import Lru
from astrbot_like.storage.turns import SharedBy, TurnStore

log = logging.getLogger(__name__)

WAITING = 10_000
"""Records that may wait to be stored; more drop the oldest."""
FLUSH_INTERVAL = 1.0
"""Seconds that a record waits at most; a crash loses the figures of that time, never a message."""
MOST_BUCKETS = 500
FORGET_INTERVAL = 3600.0
EVERYBODY = "*"


class Overview(msgspec.Struct, frozen=True):
    """What happened in a span of time."""

    since: float
    until: float
    totals: Totals
    stages: tuple[StageTimes, ...]
    buckets: tuple[Bucket, ...]
    providers: tuple[Share, ...]
    models: tuple[Share, ...]
    users: tuple[Share, ...]
    errors: tuple[Share, ...]


class Statistics:
    """Figures of turns.

    Args:
        keep_days: Days for which records are kept; 0 keeps them.
    """

    def __init__(self, store: TurnStore, clock: Clock, *, keep_days: int = 90) -> None:
        self._store = store
        self._clock = clock
        self._keep_days = keep_days
        self._waiting: deque[TurnRecord] = deque(maxlen=WAITING)
        self._limits = Cached(store.limits)
        self._taken: Lru[tuple[LimitKind, str, float], int] = Lru(4096)

    # --- recording ------------------------------------------------------------------------------------

    def record(self, record: TurnRecord) -> None:
        """Note a turn that has ended; never blocks."""
        self._waiting.append(record)
        tokens = record.input_tokens + record.output_tokens
        kinds: tuple[tuple[LimitKind, str], ...] = (
            ("user", record.username),
            ("key", record.credential),
            ("session", record.session_id),
            ("provider", record.provider_id),
        )
        for kind, subject in kinds:
            for period in ("day", "month"):
                key = (kind, subject, _start_of(period, record.at))
                taken = self._taken.peek(key)
                if taken is not None:
                    self._taken.put(key, taken + tokens)

    async def run(self) -> None:
        """Store what was recorded, and forget what is old; a service of the supervisor."""
        forgotten = float("-inf")
        while True:
            await self._clock.sleep(FLUSH_INTERVAL)
            await self.flush()
            if self._keep_days and self._clock.monotonic() - forgotten > FORGET_INTERVAL:
                forgotten = self._clock.monotonic()
                await self._store.forget_before(self._clock.time() - self._keep_days * 86_400)

    async def flush(self) -> None:
        """Store what was recorded; kept for the next time when the store fails."""
        if not self._waiting:
            return
        records = list(self._waiting)
        self._waiting.clear()
        try:
            await self._store.add(records)
        except StorageError:
            self._waiting.extendleft(reversed(records))
            raise

    # --- reading --------------------------------------------------------------------------------------

    async def overview(self, since: float, until: float, *, step: float | None = None) -> Overview:
        """Figures of a span of time.

        Args:
            since, until: Seconds since the epoch.
            step: Seconds of each bucket; None: some fifty buckets.

        Raises:
            BadRequest: The span or the step does not fit.
        """
        if until <= since:
            raise BadRequest("The end of the span must come after its beginning.")
        width = step if step is not None else max(60.0, (until - since) / 50)
        if width <= 0 or (until - since) / width > MOST_BUCKETS:
            raise BadRequest(f"The step is too small: at most {MOST_BUCKETS} points are given.")
        await self.flush()
        store = self._store
        return Overview(
            since,
            until,
            await store.totals(since, until),
            tuple(await store.stages(since, until)),
            tuple(await store.buckets(since, until, width)),
            tuple(await store.shares("provider_id", since, until)),
            tuple(await store.shares("model", since, until)),
            tuple(await store.shares("username", since, until)),
            tuple(await store.shares("error_code", since, until)),
        )

    async def totals(self, since: float, until: float) -> Totals:
        """Sums of a span of time."""
        await self.flush()
        return await self._store.totals(since, until)

    async def shares(self, by: SharedBy, since: float, until: float) -> list[Share]:
        """Who or what took how much."""
        await self.flush()
        return await self._store.shares(by, since, until)

    # --- limits ---------------------------------------------------------------------------------------

    async def limits(self) -> list[UsageLimit]:
        """All limits."""
        return await self._limits.get()

    async def set_limit(self, limit: UsageLimit) -> None:
        """Set a limit.

        Raises:
            BadRequest: It does not fit.
        """
        if limit.tokens < 1 or not limit.subject:
            raise BadRequest("A limit names whom it is for and a number of tokens.")
        await self._store.put_limit(limit)
        self._limits.forget()

    async def lift_limit(self, kind: LimitKind, subject: str, period: LimitPeriod) -> None:
        """Lift a limit.

        Raises:
            NotFound: There is none.
        """
        await self._store.delete_limit(kind, subject, period)
        self._limits.forget()

    async def check(self, *, username: str, credential: str, session_id: str) -> None:
        """Refuse a turn whose user, key or session has used up its tokens.

        Raises:
            RateLimited: It has.
        """
        await self._check({"user": username, "key": credential, "session": session_id})

    async def check_provider(self, provider_id: str) -> None:
        """Refuse a provider whose tokens are used up.

        Raises:
            RateLimited: They are.
        """
        await self._check({"provider": provider_id})

    async def _check(self, subjects: dict[LimitKind, str]) -> None:
        """Without limits this costs nothing."""
        limits = self._limits.value
        if limits is None:
            limits = await self._limits.get()
        if not limits:
            return
        for kind, subject in subjects.items():
            if not subject:
                continue
            for period in ("day", "month"):
                allowed = _limit_for(limits, kind, subject, period)
                if allowed is not None and await self._tokens(kind, subject, period) >= allowed:
                    raise RateLimited(
                        f"The limit of {allowed} tokens a {period} for {_named(kind, subject)} is used up.",
                        retry_after=_end_of(period, self._clock.time()) - self._clock.time(),
                    )

    async def changed_outside(self) -> None:
        """Another process has written: read the limits anew."""
        self._limits.forget()

    async def _tokens(self, kind: LimitKind, subject: str, period: LimitPeriod) -> int:
        start = _start_of(period, self._clock.time())
        taken = self._taken.get((kind, subject, start))
        if taken is None:
            await self.flush()
            taken = await self._store.tokens_since(kind, subject, start)
            self._taken.put((kind, subject, start), taken)
        return taken


def _named(kind: LimitKind, subject: str) -> str:
    """Whom a limit is for; people know a provider by its id, and themselves without one."""
    return f"the provider {subject}" if kind == "provider" else f"this {kind}"


def _limit_for(limits: list[UsageLimit], kind: LimitKind, subject: str, period: LimitPeriod) -> int | None:
    general: int | None = None
    for limit in limits:
        if limit.kind == kind and limit.period == period:
            if limit.subject == subject:
                return limit.tokens
            if limit.subject == EVERYBODY:
                general = limit.tokens
    return general


def _start_of(period: LimitPeriod, at: float) -> float:
    day = datetime.fromtimestamp(at, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return (day if period == "day" else day.replace(day=1)).timestamp()


def _end_of(period: LimitPeriod, at: float) -> float:
    start = _start_of(period, at)
    # 32 days after the first of a month is in the next one.
    return start + 86_400 if period == "day" else _start_of("month", start + 32 * 86_400)

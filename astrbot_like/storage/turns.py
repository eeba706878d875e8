"""Records of turns and limits of use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from astrbot_like.domain.errors import NotFound
from astrbot_like.domain.statistics import (
    STAGES,
    Bucket,
    LimitKind,
    LimitPeriod,
    Share,
    StageTimes,
    Totals,
    TurnRecord,
    UsageLimit,
)
from astrbot_like.storage.database import Database
from astrbot_like.storage.tables import turns, usage_limits

SharedBy: TypeAlias = Literal[
    "provider_id", "model", "username", "credential", "session_id", "platform_id", "error_code"
]

_FIELDS = [name for name in TurnRecord.__struct_fields__ if name != "at"]
SUBJECT_COLUMNS = {
    "user": turns.c.username,
    "key": turns.c.credential,
    "session": turns.c.session_id,
    "provider": turns.c.provider_id,
}
MOST_SAMPLES = 200_000
"""Times that a percentile is computed from; of more turns the newest."""


class TurnStore:
    """Rows of turns that have ended."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, records: Sequence[TurnRecord]) -> None:
        """Store records."""
        rows = [
            {name: getattr(record, name) for name in _FIELDS} | {"created_ms": int(record.at * 1000)}
            for record in records
        ]
        await self._database.write(lambda c: c.execute(insert(turns), rows))

    async def totals(self, since: float, until: float) -> Totals:
        """Sums of a span of time (seconds since the epoch)."""
        query = select(*_SUMS).where(_between(since, until))
        return await self._database.read(lambda c: _totals_of(c.execute(query).one()))

    async def stages(self, since: float, until: float) -> list[StageTimes]:
        """Percentiles of each stage in a span of time."""

        def work(connection: Connection) -> list[StageTimes]:
            return [found for stage in STAGES if (found := _stage(connection, stage, since, until)) is not None]

        return await self._database.read(work)

    async def buckets(self, since: float, until: float, step: float) -> list[Bucket]:
        """Totals and percentiles of equal spans; spans without a turn are left out."""
        width = max(1, int(step * 1000))
        start = int(since * 1000)
        number = (turns.c.created_ms - start) // width

        def work(connection: Connection) -> list[Bucket]:
            grouped = connection.execute(
                select(number.label("n"), *_SUMS).where(_between(since, until)).group_by("n").order_by("n")
            ).all()
            found: list[Bucket] = []
            for n, *sums in grouped:
                at = (start + int(n) * width) / 1000
                end = min(until, at + width / 1000)
                stages = [_stage(connection, stage, at, end) for stage in STAGES]
                found.append(Bucket(at, _totals_of(sums), tuple(times for times in stages if times is not None)))
            return found

        return await self._database.read(work)

    async def shares(self, by: SharedBy, since: float, until: float, *, limit: int = 50) -> list[Share]:
        """Who or what took how much, the greatest first; empty names are left out."""
        column = turns.c[by]
        query = (
            select(column, *_SUMS)
            .where(_between(since, until), column != "")
            .group_by(column)
            .order_by((func.sum(turns.c.input_tokens) + func.sum(turns.c.output_tokens)).desc(), func.count().desc())
            .limit(limit)
        )
        return await self._database.read(lambda c: [Share(name, _totals_of(sums)) for name, *sums in c.execute(query)])

    async def tokens_since(self, kind: LimitKind, subject: str, since: float) -> int:
        """Tokens that a subject has taken since a moment."""
        query = select(func.coalesce(func.sum(turns.c.input_tokens + turns.c.output_tokens), 0)).where(
            SUBJECT_COLUMNS[kind] == subject, turns.c.created_ms >= int(since * 1000)
        )
        return await self._database.read(lambda c: int(c.execute(query).scalar_one()))

    async def forget_before(self, at: float) -> int:
        """Delete records of turns before a moment; returns how many."""
        statement = delete(turns).where(turns.c.created_ms < int(at * 1000))
        return await self._database.write(lambda c: c.execute(statement).rowcount)

    # --- limits ---------------------------------------------------------------------------------------

    async def limits(self) -> list[UsageLimit]:
        """All limits."""
        query = select(usage_limits).order_by(usage_limits.c.kind, usage_limits.c.subject, usage_limits.c.period)
        return await self._database.read(lambda c: [UsageLimit(*row) for row in c.execute(query)])

    async def put_limit(self, limit: UsageLimit) -> None:
        """Set a limit."""
        statement = upsert(usage_limits).values(
            kind=limit.kind, subject=limit.subject, period=limit.period, tokens=limit.tokens
        )
        statement = statement.on_conflict_do_update(
            index_elements=["kind", "subject", "period"], set_={"tokens": statement.excluded.tokens}
        )
        await self._database.write(lambda c: c.execute(statement))

    async def delete_limit(self, kind: LimitKind, subject: str, period: LimitPeriod) -> None:
        """Lift a limit.

        Raises:
            NotFound: There is none.
        """
        statement = delete(usage_limits).where(
            usage_limits.c.kind == kind, usage_limits.c.subject == subject, usage_limits.c.period == period
        )
        if not await self._database.write(lambda c: c.execute(statement).rowcount):
            raise NotFound("There is no such limit.")


def _between(since: float, until: float) -> ColumnElement[bool]:
    return (turns.c.created_ms >= int(since * 1000)) & (turns.c.created_ms < int(until * 1000))


_SUMS = (
    func.count(),
    func.coalesce(func.sum(turns.c.outcome == "failed"), 0),
    func.coalesce(func.sum(turns.c.outcome == "interrupted"), 0),
    func.coalesce(func.sum(turns.c.input_tokens), 0),
    func.coalesce(func.sum(turns.c.output_tokens), 0),
    func.coalesce(func.sum(turns.c.cached_tokens), 0),
)


def _totals_of(sums: Any) -> Totals:
    return Totals(*(int(value) for value in sums))


def _stage(connection: Connection, stage: str, since: float, until: float) -> StageTimes | None:
    column = turns.c[stage]
    query = (
        select(column)
        .where(_between(since, until), column.is_not(None))
        .order_by(turns.c.id.desc())
        .limit(MOST_SAMPLES)
    )
    times = sorted(connection.execute(query).scalars())
    if not times:
        return None
    return StageTimes(stage, len(times), _rank(times, 0.5), _rank(times, 0.95), _rank(times, 0.99), times[-1])


def _rank(ordered: list[float], share: float) -> float:
    """The nearest-rank percentile."""
    return ordered[max(0, -(-len(ordered) * int(share * 100) // 100) - 1)]

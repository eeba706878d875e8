"""The server's log: what was, and what comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from quart import Quart, Response

from astrbot_like.dashboard.routing import DASHBOARD, Answer, RouteTable
from astrbot_like.dashboard.services import DashboardServices
from astrbot_like.runtime.logging import LogFilter, LogLine

HEARTBEAT = 15.0
"""Seconds after which a quiet stream sends a comment, so that proxies keep it open."""

Level = Literal["", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


LineId = Annotated[int, Meta(ge=0, le=2**53)]


class LogQuery(msgspec.Struct, frozen=True):
    """Which lines."""

    level: Annotated[Level, Meta(description="This level and graver ones.")] = ""
    plugin: Annotated[str, Meta(description="Only of this plugin.")] = ""
    session_id: Annotated[str, Meta(description="Only of this session.")] = ""
    turn_id: Annotated[str, Meta(description="Only of this turn.")] = ""

    def wanted(self) -> LogFilter:
        """As the log understands it."""
        return LogFilter(self.level, self.plugin, self.session_id, self.turn_id)


class LogHistoryQuery(LogQuery, frozen=True):
    """Which lines, how many, and before which."""

    before: Annotated[LineId | None, Meta(description="Only lines with a smaller id.")] = None
    limit: Annotated[int, Meta(description="At most so many.", ge=1, le=5000)] = 500


class LogHistory(msgspec.Struct, frozen=True):
    """Lines, oldest first."""

    lines: list[LogLine]


def register(app: Quart, services: DashboardServices) -> None:
    """Declare the routes."""
    routes = RouteTable.of(app).group("Logs")

    @routes.get("/api/log/history", access=DASHBOARD)
    async def log_history(query: LogHistoryQuery) -> LogHistory:
        """Read the newest lines that are kept."""
        return LogHistory(services.logs.history(query.wanted(), before=query.before, limit=query.limit))

    @routes.get(
        "/api/log/live",
        access=DASHBOARD,
        answer=Answer("text/event-stream", "Server-sent events, one line of the log each.", (LogLine,)),
    )
    async def log_live(query: LogQuery) -> Response:
        """Follow the log: every new line as a server-sent event."""
        return Response(
            _follow(services, query.wanted()),
            content_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )


async def _follow(services: DashboardServices, wanted: LogFilter) -> AsyncIterator[bytes]:
    watcher = services.logs.watch(wanted)
    lines = aiter(watcher)
    pending: asyncio.Future[LogLine] | None = None
    try:
        # Headers go out with the first bytes: a reader knows at once that it is connected.
        yield b": connected\n\n"
        while True:
            pending = pending or asyncio.ensure_future(anext(lines))
            done, _ = await asyncio.wait((pending,), timeout=HEARTBEAT)
            if not done:
                yield b": still here\n\n"
                continue
            line, pending = pending.result(), None
            yield b"data: " + msgspec.json.encode(line, enc_hook=str) + b"\n\n"
    finally:
        watcher.close()
        if pending is not None:
            pending.cancel()

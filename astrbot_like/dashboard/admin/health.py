"""Whether the server is alive, whether it is ready, and its figures for Prometheus."""

from __future__ import annotations

import msgspec
from quart import Quart, Response

from astrbot_like import __version__
from astrbot_like.dashboard.routing import METRICS, PUBLIC, Answer, RouteTable
from astrbot_like.dashboard.services import DashboardServices
from astrbot_like.domain import errors
from astrbot_like.runtime.metrics import CONTENT_TYPE, Metric, Sample, gauge, process_metrics, render_metrics


class Health(msgspec.Struct, frozen=True):
    """The server answers."""

    version: str


def register(app: Quart, services: DashboardServices) -> None:
    """Declare the routes."""
    routes = RouteTable.of(app).group("Health")
    started_at = services.clock.time()

    @routes.get("/healthz", access=PUBLIC)
    async def healthz() -> Health:
        """Say that the process is alive."""
        return Health(__version__)

    @routes.get("/readyz", access=PUBLIC, errors=(errors.Unavailable,))
    async def readyz() -> Health:
        """Say that the server is ready to serve, or why not (503)."""
        await services.ready()
        return Health(__version__)

    @routes.get("/metrics", access=METRICS, answer=Answer("text/plain", "Figures in Prometheus' text format."))
    async def metrics() -> Response:
        """Read the server's figures; needs the metrics token of the settings."""
        found = [*process_metrics(started_at), *_task_metrics(services)]
        found.append(gauge("watched_credentials", "Open connections by credential.", len(services.credential_watch)))
        for source in services.metrics:
            found += await source()
        return Response(render_metrics(found), content_type=CONTENT_TYPE)


def _task_metrics(services: DashboardServices) -> list[Metric]:
    tasks = services.supervisor.status()
    running = tuple(Sample(float(task.running), {"task": task.name}) for task in tasks)
    restarts = tuple(Sample(float(task.restarts), {"task": task.name}) for task in tasks)
    return [
        Metric("background_task_running", "Whether a background task runs.", "gauge", running),
        Metric("background_task_restarts_total", "How often it was restarted after a failure.", "counter", restarts),
    ]

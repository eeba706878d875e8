"""The web application: plain ASGI, built from what the host hands in."""

from __future__ import annotations

import asyncio

from quart import Quart

from astrbot_like.dashboard import docs_page, static, tokens
from astrbot_like.dashboard.admin import (
    api_keys,
    backups,
    chat,
    conversations,
    health,
    logs,
    mcp,
    personas,
    platforms,
    plugin_pages,
    plugin_web,
    plugins,
    profiles,
    providers,
    statistics,
)
from astrbot_like.dashboard.admin import auth as auth_routes
from astrbot_like.dashboard.bodies import PacedHttpConnection, PacedRequest, install_lingering
from astrbot_like.dashboard.errors import install_error_handlers
from astrbot_like.dashboard.guards import Guards
from astrbot_like.dashboard.live import routes as live
from astrbot_like.dashboard.open_api import chat as open_chat
from astrbot_like.dashboard.open_api import files, im
from astrbot_like.dashboard.open_api import sessions as open_sessions
from astrbot_like.dashboard.routing import RouteTable
from astrbot_like.dashboard.security import install_security_headers
from astrbot_like.dashboard.services import DashboardServices, RouteModule
from astrbot_like.dashboard.settings import DashboardSettings

WATCH = "credential watch"

ROUTE_MODULES: tuple[RouteModule, ...] = (
    health.register,
    auth_routes.register,
    api_keys.register,
    providers.register,
    platforms.register,
    profiles.register,
    personas.register,
    mcp.register,
    chat.register,
    conversations.register,
    plugins.register,
    plugin_web.register,
    plugin_pages.register,
    statistics.register,
    backups.register,
    logs.register,
    files.register,
    im.register,
    open_sessions.register,
    live.register,
    open_chat.register,
)


def create_app(services: DashboardServices) -> Quart:
    """Build the application.

    Args:
        services: Parts of the house; nothing is looked up elsewhere, so several applications can live in one process.
    """
    app = bare_app(services.settings)
    guards = Guards(services.authenticator, services.settings, services.rate_limits, services.sign_ins.seen)
    table = RouteTable(app, guards)
    for register in (*ROUTE_MODULES, *services.routes):
        register(app, services)
    docs_page.register(app, table.document)
    static.register(app, services.settings)

    async def start() -> None:
        services.supervisor.job(asyncio.to_thread(tokens.warm_up), name="token library")
        services.supervisor.service(WATCH, services.credential_watch.run)

    async def stop() -> None:
        await services.supervisor.stop_service(WATCH)

    app.before_serving(start)
    app.after_serving(stop)
    return app


def bare_app(settings: DashboardSettings) -> Quart:
    """An application without routes: bodies, errors and headers as every route has them."""
    app = Quart(__name__, static_folder=None, template_folder=None)
    app.asgi_http_class = PacedHttpConnection
    app.request_class = PacedRequest
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    app.config["BODY_TIMEOUT"] = settings.body_timeout
    # Streams and downloads last as long as they last; the server drops clients that don't read.
    app.config["RESPONSE_TIMEOUT"] = None
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    install_error_handlers(app)
    install_security_headers(app)
    install_lingering(app)
    return app

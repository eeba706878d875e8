"""Plugins' own web APIs behind the dashboard's sign-in, and the addresses at which services call their platforms."""

from __future__ import annotations

import hmac
import sys
from collections.abc import Coroutine, Iterable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quart import Quart, Response, current_app, request

from astrbot_like.api.web import (
    PluginMultiDict,
    PluginRequest,
    PluginResponse,
    PluginUploadFile,
    bind_request_context,
    stream_response,
)
from astrbot_like.dashboard.files import file_response
from astrbot_like.dashboard.identity import Identity
from astrbot_like.dashboard.routing import DASHBOARD as SIGNED_IN
from astrbot_like.dashboard.routing import PUBLIC, Access, Answer, RouteTable
from astrbot_like.dashboard.services import DashboardServices
from astrbot_like.domain import errors
from astrbot_like.plugin_host.guard import limited

if TYPE_CHECKING:
    from astrbot_like.api.platform import Platform
    from astrbot_like.plugin_host.records import Plugin

ANSWER = Answer("*/*", "What the plugin answers.", any_status=True)
REFUSED = (errors.PluginError, errors.TurnTimeout)
NO_BOT = "No bot answers at this address."
EVERYTHING = Access("dashboard_or_key", "*")


class FormSource:
    """The current request's body, as the plugin API reads it."""

    async def body(self) -> bytes:
        """The raw body."""
        return bytes(await request.get_data(as_text=False, parse_form_data=False))  # type: ignore[arg-type]

    async def form(self) -> Iterable[tuple[str, str]]:
        """Fields of a form."""
        return list((await request.form).items(multi=True))

    async def files(self) -> Iterable[tuple[str, PluginUploadFile]]:
        """Files of a form."""
        return [
            (name, PluginUploadFile(file.stream or BytesIO(), file.filename, file.content_type, dict(file.headers)))
            for name, file in (await request.files).items(multi=True)
        ]


def register(app: Quart, services: DashboardServices) -> None:
    """Declare the routes."""
    table = RouteTable.of(app)
    routes = table.group("Plugins' own APIs")

    @routes.route(
        "/api/plug/<path:route>", ("GET", "POST"), access=SIGNED_IN, answer=ANSWER, any_body=True, errors=REFUSED
    )
    async def plugin_api(identity: Identity, route: str) -> Response:
        """Call a plugin's own web API."""
        return await call_plugin(services, identity, route, table.guards.address())

    @routes.route(
        "/api/v1/plugins/extensions/<path:route>",
        ("GET", "POST", "PUT", "PATCH", "DELETE"),
        access=EVERYTHING,
        answer=ANSWER,
        any_body=True,
        errors=REFUSED,
    )
    async def plugin_extension(identity: Identity, route: str) -> Response:
        """Call a plugin's own web API.

        Takes a sign-in token, or an API key with the scope ``*``.
        """
        return await call_plugin(services, identity, route, table.guards.address())

    @routes.route(
        "/api/platform/webhook/<webhook_id>",
        ("GET", "POST"),
        access=PUBLIC,
        answer=ANSWER,
        any_body=True,
        errors=(errors.NotFound, *REFUSED),
    )
    async def platform_webhook(webhook_id: str) -> Response:
        """Hand a service's call to the bot it is for.

        The bot is the one whose configuration has this `webhook_uuid`; whether the call is genuine (a signature, say)
        is for its adapter to check.
        """
        return await call_platform(services, webhook_id)


async def call_plugin(services: DashboardServices, identity: Identity, path: str, address: str) -> Response:
    """Let the plugin that owns ``path`` answer the current request.

    Raises:
        NotFound, MethodNotAllowed: No route of a running plugin fits.
        PluginError: The handler failed; the text names the plugin.
        TurnTimeout: It took too long.
    """
    manager = services.plugin_manager
    matched = manager.web_routes.match(path, request.method)
    if matched is None:
        if manager.web_routes.methods(path):
            raise errors.MethodNotAllowed
        raise errors.NotFound("No plugin answers at this address.")
    name = matched.plugin.name if matched.plugin is not None else ""
    request.max_content_length = services.settings.max_upload_bytes
    request.body.allow(services.settings.max_upload_bytes)  # type: ignore[attr-defined]
    bound = PluginRequest(
        method=request.method,
        path=request.path,
        headers=request.headers,  # type: ignore[arg-type]
        source=FormSource(),
        query=PluginMultiDict(list(request.args.items(multi=True))),
        cookies=dict(request.cookies),
        path_params=dict(matched.variables),
        content_type=request.headers.get("Content-Type"),
        client_host=address,
        plugin_name=name,
        username=identity.username,
    )
    with bind_request_context(bound):
        result = await _run(services, matched.plugin, matched.handler(**matched.variables))
    return await to_response(result)


async def call_platform(services: DashboardServices, webhook_id: str) -> Response:
    """Let the adapter whose address this is answer the current request; it is given Quart's request object.

    Raises:
        NotFound: No running adapter has that id, or it takes no calls.
        PluginError, TurnTimeout: As for a plugin's web API.
    """
    host = services.plugin_manager
    adapter = next((one for one in host.context.platform_manager.get_insts() if _is_at(one, webhook_id)), None)
    if adapter is None:
        raise errors.NotFound(NO_BOT)
    plugin = host.owner(type(adapter).__module__)
    given: Any = request
    try:
        result = await _run(services, plugin, adapter.webhook_callback(given._get_current_object()))
    except errors.PluginError as error:
        if isinstance(error.__cause__, NotImplementedError):
            raise errors.NotFound(NO_BOT) from error
        raise
    return await to_response(result)


def _is_at(platform: Platform, webhook_id: str) -> bool:
    own = platform.config.get("webhook_uuid")
    return isinstance(own, str) and bool(own) and hmac.compare_digest(own.encode(), webhook_id.encode())


async def _run(services: DashboardServices, plugin: Plugin | None, answering: Coroutine[Any, Any, Any]) -> Any:
    name = plugin.name if plugin is not None else ""
    try:
        if plugin is None:
            return await answering
        return await limited(
            plugin.scope,
            answering,
            context=services.plugin_manager.enter(plugin),
            timeout=services.plugin_manager.settings.web_timeout,
            name=f"{name} web api",
        )
    except errors.BotError:
        raise
    except TimeoutError as error:
        raise errors.TurnTimeout(f"The plugin {name} did not answer in time.") from error
    except Exception as error:
        raise errors.PluginError(f"The plugin {name} failed to answer: {type(error).__name__}.", name) from error


async def to_response(result: Any) -> Response:
    """What a plugin's handler returned, as an answer: AstrBot's forms, and the framework's own."""
    if isinstance(result, PluginResponse):
        if result.file is not None:
            return await file_response(result.file, mime_type=result.content_type, headers=result.headers)
        return Response(result.body, result.status_code, result.headers, content_type=result.content_type)
    if result is None:
        return Response(b"", 200, content_type="application/json")
    starlette = sys.modules.get("starlette.responses")
    if starlette is not None and isinstance(result, starlette.Response):
        return await to_response(of_starlette(result))
    made = await current_app.make_response(result)
    if not isinstance(made, Response):
        # Flask's Response of a plugin that imports flask: same data, other class.
        return Response(made.get_data(), made.status_code, made.headers)
    return made


def of_starlette(result: Any) -> PluginResponse:
    """A response of Starlette or FastAPI, which AstrBot's own web server is made with, in the plugin API's form."""
    headers = {name: value for name, value in result.headers.items() if name not in ("content-length", "content-type")}
    kind = result.headers.get("content-type") or "application/octet-stream"
    if hasattr(result, "body_iterator"):
        return stream_response(result.body_iterator, content_type=kind, status_code=result.status_code, headers=headers)
    if hasattr(result, "path"):
        return PluginResponse(b"", result.status_code, kind, headers, Path(result.path))
    return PluginResponse(bytes(result.body), result.status_code, kind, headers)

"""Typed routes: one declaration from which come validation, authentication, limits and the contract.

A resource module has ``register(app, services)``. It takes its table of routes from the application and declares::

    routes = RouteTable.of(app).group("Personas")

    @routes.post("/api/persona/create", access=DASHBOARD, errors=(Conflict,))
    async def create_persona(body: PersonaInput) -> PersonaView:
        \"\"\"Make a persona.\"\"\"

The function's annotations are the contract: ``body`` is the JSON body, ``query`` the query string, ``identity`` who
asks, every other parameter a piece of the path; what it returns becomes ``data`` of the envelope. Its docstring is
the description. Streams and files are declared with ``answer=``.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

import msgspec
from quart import Quart, Response, request

from astrbot_like.dashboard.errors import ok_response
from astrbot_like.dashboard.identity import Identity
from astrbot_like.dashboard.validation import read_body, read_query
from astrbot_like.domain import errors

if TYPE_CHECKING:
    from astrbot_like.dashboard.guards import Guards

Method: TypeAlias = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Handler: TypeAlias = Callable[..., Awaitable[Any]]
H = TypeVar("H", bound=Handler)

EXTENSION = "astrbot_like.routes"


class Access(msgspec.Struct, frozen=True):
    """Who may call a route.

    Attributes:
        kind: ``public``, ``dashboard`` (sign-in token), ``key`` (API key with ``scope``), ``dashboard_or_key``,
            ``metrics`` (its own token) or ``page`` (the path's ``<ticket>``, see ``page_tickets``).
        scope: Scope an API key needs.
    """

    kind: Literal["public", "dashboard", "key", "dashboard_or_key", "metrics", "page"]
    scope: str = ""


PUBLIC = Access("public")
DASHBOARD = Access("dashboard")
METRICS = Access("metrics")
PAGE = Access("page")


def key_scope(scope: str) -> Access:
    """Open API access: an API key that covers ``scope``."""
    return Access("key", scope)


class Answer(msgspec.Struct, frozen=True):
    """An answer that is not an envelope.

    Attributes:
        media_type: Its content type.
        description: What it holds.
        events: Types of a stream's events (several when one union can't hold them); empty for plain bytes or text.
        statuses: Success statuses, such as 206 for a part of a file.
        any_status: Any status may come; somebody else decides (a plugin).
    """

    media_type: str
    description: str
    events: tuple[Any, ...] = ()
    statuses: tuple[int, ...] = (200,)
    any_status: bool = False


class Upload(msgspec.Struct, frozen=True):
    """A ``multipart/form-data`` body.

    Attributes:
        file_field: Name of the part that is the file.
        fields: Further text fields with their descriptions.
    """

    file_field: str = "file"
    fields: tuple[tuple[str, str], ...] = ()


class Route(msgspec.Struct, frozen=True):
    """A declared route.

    Attributes:
        path: With Quart's placeholders, such as ``/api/plug/<path:route>``.
        data: Type of ``data`` in the envelope; None: an empty object.
        websocket: It is a socket, listed apart.
        page: It serves the web UI and is no part of the contract.
    """

    path: str
    methods: tuple[Method, ...]
    name: str
    tag: str
    summary: str
    description: str
    access: Access
    body: Any = None
    query: Any = None
    data: Any = None
    answer: Answer | None = None
    upload: Upload | None = None
    any_body: bool = False
    errors: tuple[type[errors.BotError], ...] = ()
    path_args: tuple[tuple[str, Any], ...] = ()
    websocket: bool = False
    page: bool = False


class RouteTable:
    """Every route of one application."""

    def __init__(self, app: Quart, guards: Guards) -> None:
        self._app = app
        self.guards = guards
        self.routes: list[Route] = []
        app.extensions[EXTENSION] = self

    @staticmethod
    def of(app: Quart) -> RouteTable:
        """The application's table."""
        return app.extensions[EXTENSION]

    def document(self) -> dict[str, Any]:
        """The contract of all routes declared so far (OpenAPI 3.1)."""
        from astrbot_like import __version__
        from astrbot_like.dashboard.openapi import Contract

        return Contract(self.routes, __version__).document()

    def group(self, tag: str) -> RouteGroup:
        """Routes that belong together in the contract."""
        return RouteGroup(self, tag)

    def add(self, route: Route, handler: Handler, wants: frozenset[str]) -> None:
        """Declare a route and hang it into the application."""
        if any(known.name == route.name for known in self.routes):
            raise ValueError(f"two routes are named {route.name}")
        self.routes.append(route)
        endpoint = self._endpoint(route, handler, wants)
        self._app.add_url_rule(route.path, route.name, endpoint, methods=list(route.methods))

    def add_websocket(self, path: str, handler: Callable[..., Awaitable[None]], *, tag: str, access: Access) -> None:
        """Declare a WebSocket. Its handler authenticates by itself, since refusals are frames and close reasons."""
        name, (summary, description) = handler.__name__, _documentation(handler)
        self.routes.append(Route(path, ("GET",), name, tag, summary, description, access, websocket=True))
        self._app.add_websocket(path, name, handler)

    def add_page(self, path: str, name: str, handler: Callable[..., Awaitable[Response]]) -> None:
        """Declare a route of the web UI, which is no part of the contract."""
        summary, description = _documentation(handler)
        self.routes.append(Route(path, ("GET",), name, "Pages", summary, description, PUBLIC, page=True))
        self._app.add_url_rule(path, name, handler, methods=["GET"])

    def _endpoint(self, route: Route, handler: Handler, wants: frozenset[str]) -> Callable[..., Awaitable[Response]]:
        guards = self.guards

        async def endpoint(**path_args: Any) -> Response:
            identity = await guards.admit(route.access)
            kwargs = path_args
            if "identity" in wants:
                kwargs["identity"] = identity
            if "query" in wants:
                kwargs["query"] = read_query(request.args, route.query)
            if "body" in wants:
                kwargs["body"] = await read_body(request, route.body)
            result = await handler(**kwargs)
            return result if isinstance(result, Response) else ok_response(result)

        return endpoint


class RouteGroup:
    """Declares routes under one tag of the contract."""

    def __init__(self, table: RouteTable, tag: str) -> None:
        self._table = table
        self._tag = tag

    def get(self, path: str, *, access: Access, **options: Any) -> Callable[[H], H]:
        """Declare a GET route; options as for ``route``."""
        return self.route(path, ("GET",), access=access, **options)

    def post(self, path: str, *, access: Access, **options: Any) -> Callable[[H], H]:
        """Declare a POST route; options as for ``route``."""
        return self.route(path, ("POST",), access=access, **options)

    def route(
        self,
        path: str,
        methods: Sequence[Method],
        *,
        access: Access,
        name: str | None = None,
        errors: tuple[type[errors.BotError], ...] = (),
        answer: Answer | None = None,
        upload: Upload | None = None,
        any_body: bool = False,
    ) -> Callable[[H], H]:
        """Declare the decorated function as a route.

        Args:
            path: With Quart's placeholders.
            methods: HTTP methods.
            access: Who may call it.
            name: Operation id; default is the function's name.
            errors: What it may answer besides what every route may.
            answer: For streams and files; default is the envelope around what the function returns.
            upload: The body is a multipart form with a file.
            any_body: The body's type is not the route's to say (a plugin's own web API).
        """

        def declare(handler: H) -> H:
            hints = typing.get_type_hints(handler)
            wants = frozenset(inspect.signature(handler).parameters)
            data = hints.get("return")
            if answer is None and (data is Response or data is None):
                raise TypeError(f"{handler.__name__} needs a return type or answer=")
            summary, description = _documentation(handler)
            route = Route(
                path=path,
                methods=tuple(methods),
                name=name or handler.__name__,
                tag=self._tag,
                summary=summary,
                description=description,
                access=access,
                body=hints.get("body"),
                query=hints.get("query"),
                data=None if answer is not None or data is type(None) else data,
                answer=answer,
                upload=upload,
                any_body=any_body,
                errors=errors,
                path_args=tuple(
                    (arg, hints.get(arg, str))
                    for arg in inspect.signature(handler).parameters
                    if arg not in ("identity", "query", "body")
                ),
            )
            self._table.add(route, handler, wants)
            return handler

        return declare

    def websocket(self, path: str, *, access: Access) -> Callable[[H], H]:
        """Declare a WebSocket endpoint; its handler authenticates by itself."""

        def declare(handler: H) -> H:
            self._table.add_websocket(path, handler, tag=self._tag, access=access)
            return handler

        return declare


def _documentation(handler: Callable[..., Any]) -> tuple[str, str]:
    summary, _, rest = inspect.cleandoc(handler.__doc__ or handler.__name__).partition("\n")
    return summary.rstrip("."), rest.strip()


__all__ = [
    "DASHBOARD",
    "METRICS",
    "PAGE",
    "PUBLIC",
    "Access",
    "Answer",
    "Identity",
    "Route",
    "RouteGroup",
    "RouteTable",
    "Upload",
    "key_scope",
]

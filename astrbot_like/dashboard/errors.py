"""From a domain error to what a client sees: HTTP status and envelope, or WebSocket close code."""

from __future__ import annotations

import logging
import math
from typing import Any

import msgspec
from quart import Quart, Response
from werkzeug.exceptions import HTTPException

from astrbot_like.domain import errors

log = logging.getLogger(__name__)

JSON_TYPE = "application/json"

HTTP_STATUS: dict[type[errors.BotError], int] = {
    errors.BotError: 500,
    errors.InvalidMessageFormat: 400,
    errors.InvalidMessage: 400,
    errors.BadRequest: 400,
    errors.InvalidAudio: 400,
    errors.StampMismatch: 400,
    errors.NoAudio: 400,
    errors.NoSpeech: 400,
    errors.TooLarge: 413,
    errors.UnsupportedMediaType: 415,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.BadUser: 400,
    errors.SessionError: 403,
    errors.NotFound: 404,
    errors.MethodNotAllowed: 405,
    errors.Conflict: 409,
    errors.RateLimited: 429,
    errors.ConfigError: 400,
    errors.Unavailable: 503,
    errors.ProcessingError: 409,
    errors.Interrupted: 409,
    errors.SttNotConfigured: 503,
    errors.LlmNotConfigured: 503,
    errors.ProviderError: 503,
    errors.TurnTimeout: 503,
    errors.PluginError: 409,
}
"""Status of each error; a class that is not listed has its parent's."""

CLOSE_CODE: dict[type[errors.BotError], int] = {
    errors.BotError: 1011,
    errors.InvalidMessage: 1008,
    errors.TooLarge: 1009,
    errors.Unauthorized: 1008,
    errors.Forbidden: 1008,
    errors.BadUser: 1008,
    errors.SessionError: 1008,
    errors.RateLimited: 1013,
    errors.Unavailable: 1013,
}
"""WebSocket close code (RFC 6455, section 7.4.1) of each error that ends a connection."""


class Envelope(msgspec.Struct, frozen=True):
    """Every answer that is not a stream or a file."""

    status: str
    message: str | None
    data: Any


def http_status(error: type[errors.BotError]) -> int:
    """The HTTP status that says what ``error`` says."""
    return next(HTTP_STATUS[cls] for cls in error.__mro__ if cls in HTTP_STATUS)


def close_code(error: type[errors.BotError]) -> int:
    """The WebSocket close code for a connection that ends with ``error``."""
    return next(CLOSE_CODE[cls] for cls in error.__mro__ if cls in CLOSE_CODE)


def ok_response(data: Any, message: str | None = None) -> Response:
    """A success; ``data`` is a struct, a mapping or None (an empty object)."""
    body = msgspec.json.encode(Envelope("ok", message, {} if data is None else data))
    return Response(body, 200, content_type=JSON_TYPE)


def error_response(error: errors.BotError, status: int | None = None) -> Response:
    """The envelope of ``error``; its stable code stands in ``data.code``."""
    data: dict[str, Any] = {"code": error.code}
    headers: dict[str, str] = {}
    if isinstance(error, errors.RateLimited):
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    if isinstance(error, errors.Unauthorized):
        headers["WWW-Authenticate"] = "Bearer"  # RFC 9110, section 15.5.2: a 401 says how to sign in
    body = msgspec.json.encode(Envelope("error", error.message, data))
    return Response(body, status or http_status(type(error)), headers, content_type=JSON_TYPE)


_FROM_STATUS: dict[int, type[errors.BotError]] = {
    401: errors.Unauthorized,
    403: errors.Forbidden,
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    409: errors.Conflict,
    413: errors.TooLarge,
    415: errors.UnsupportedMediaType,
    429: errors.RateLimited,
    503: errors.Unavailable,
}


def from_http_exception(error: HTTPException) -> tuple[errors.BotError, int]:
    """What the framework refused, as an error of the tree with its status.

    Texts of the framework are not passed on: they may quote the request or name a path.
    """
    status = error.code or 500
    if status in _FROM_STATUS:
        return _FROM_STATUS[status](), status
    if status < 500:
        return errors.BadRequest(), 400
    return errors.InternalError(), 500


def install_error_handlers(app: Quart) -> None:
    """Make every failure an envelope; unknown ones are logged and told without details."""

    async def domain_error(error: errors.BotError) -> Response:
        if http_status(type(error)) >= 500 and not isinstance(error, errors.Unavailable | errors.ProviderError):
            log.error("request failed", exc_info=error)
        return error_response(error)

    async def framework_error(error: HTTPException) -> Response:
        coded, status = from_http_exception(error)
        response = error_response(coded, status)
        if status == 405 and (allowed := getattr(error, "valid_methods", None)):
            response.headers["Allow"] = ", ".join(sorted(allowed))
        return response

    async def unknown_error(error: Exception) -> Response:
        log.error("request failed", exc_info=error)
        return error_response(errors.InternalError())

    app.register_error_handler(errors.BotError, domain_error)
    app.register_error_handler(HTTPException, framework_error)
    app.register_error_handler(Exception, unknown_error)

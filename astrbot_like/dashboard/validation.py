"""Input of a request into its declared type, in one step, with texts a caller can act on."""

from __future__ import annotations

import asyncio
import re
from typing import Any, TypeVar, cast

import msgspec
from quart import Request
from werkzeug.datastructures import MultiDict

from astrbot_like.dashboard.bodies import PacedBody, linger
from astrbot_like.domain import errors

T = TypeVar("T")

_MISSING = re.compile(r"^Object missing required field `([^`]+)`(?: - at `\$\.?([^`]*)`)?$")
_LOCATED = re.compile(r"^(.*) - at `\$\.?([^`]*)`$", re.DOTALL)


async def read_body(request: Request, body_type: type[T]) -> T:
    """The JSON body of ``request`` as ``body_type``; an empty body counts as an empty object.

    Raises:
        UnsupportedMediaType: The content type is not JSON.
        BadRequest: Not JSON, or ``Missing key: NAME``, or a value of the wrong type.
    """
    body = cast(PacedBody, request.body)
    try:
        async with asyncio.timeout(request.body_timeout):
            data = await body
    except TimeoutError:
        raise errors.BadRequest("The body did not come in time.") from None
    except errors.TooLarge:
        await linger(body)
        raise
    if data and not (request.mimetype == "application/json" or request.mimetype.endswith("+json")):
        raise errors.UnsupportedMediaType("Send the body as application/json.")
    return decode_json(data or b"{}", body_type)


def decode_json(data: bytes | str, body_type: type[T]) -> T:
    """JSON as ``body_type``; raises BadRequest as ``read_body`` does."""
    try:
        return msgspec.json.decode(data, type=body_type)
    except msgspec.ValidationError as error:
        raise errors.BadRequest(explain(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise errors.BadRequest("The body is not valid JSON.") from error


def read_query(args: MultiDict[str, str], query_type: type[T]) -> T:
    """The query string as ``query_type``; the first of repeated values counts.

    Raises:
        BadRequest: ``Missing key: NAME``, or a value of the wrong type.
    """
    values: dict[str, Any] = args.to_dict(flat=True)
    try:
        return msgspec.convert(values, query_type, strict=False)
    except msgspec.ValidationError as error:
        raise errors.BadRequest(explain(error)) from error


def explain(error: msgspec.ValidationError) -> str:
    """A validation error as callers read it: ``Missing key: NAME``, else ``NAME: what is wrong``."""
    text = str(error)
    if missing := _MISSING.match(text):
        name, where = missing.group(1), missing.group(2)
        return f"Missing key: {where + '.' if where else ''}{name}"
    if located := _LOCATED.match(text):
        return f"{located.group(2) or 'body'}: {located.group(1)}"
    return text

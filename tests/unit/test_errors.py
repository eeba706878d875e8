"""Every error code has its entry in the documentation, with the status and the close code it really has."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from werkzeug import exceptions as framework

from astrbot_like.dashboard.app import bare_app
from astrbot_like.dashboard.errors import close_code, error_response, from_http_exception, http_status
from astrbot_like.dashboard.settings import DashboardSettings
from astrbot_like.domain import errors

PAGE = Path(__file__).parent.parent.parent / "docs" / "errors.md"


def test_the_page_lists_every_code_with_its_status_and_close_code():
    rows = re.findall(r"^\| `([A-Z_]+)` \| (\d+) \| (\d+) \| .+ \| .+ \|$", PAGE.read_text(encoding="utf-8"), re.M)
    told = {code: (int(status), int(close)) for code, status, close in rows}
    assert list(told) == sorted(told)
    assert told == {code: (http_status(cls), close_code(cls)) for code, cls in errors.error_tree().items()}


@pytest.mark.parametrize("cls", errors.error_tree().values(), ids=lambda cls: cls.code)
def test_messages_can_be_read_and_end(cls):
    error = cls()
    assert error.message
    assert "Traceback" not in error.message
    assert str(error) == error.message


async def test_a_rate_limit_says_how_long_to_wait():
    response = error_response(errors.RateLimited(retry_after=2.2))
    assert response.status_code == 429
    assert response.headers["Retry-After"] == "3"
    assert error_response(errors.RateLimited(retry_after=0)).headers["Retry-After"] == "1"


@pytest.mark.parametrize(
    ("refused", "code", "status"),
    [
        (framework.NotFound(), "NOT_FOUND", 404),
        (framework.MethodNotAllowed(), "METHOD_NOT_ALLOWED", 405),
        (framework.RequestEntityTooLarge(), "TOO_LARGE", 413),
        (framework.UnsupportedMediaType(), "UNSUPPORTED_MEDIA_TYPE", 415),
        (framework.TooManyRequests(), "RATE_LIMITED", 429),
        (framework.BadRequest("with a /path/of/the/server"), "BAD_REQUEST", 400),
        (framework.RequestTimeout(), "BAD_REQUEST", 400),
        (framework.BadGateway(), "INTERNAL_ERROR", 500),
    ],
)
def test_refusals_of_the_framework_become_coded_errors(refused, code, status):
    error, given = from_http_exception(refused)
    assert (error.code, given) == (code, status)
    assert "/path" not in error.message


async def test_unknown_exceptions_are_told_without_details(caplog):
    app = bare_app(DashboardSettings())

    @app.get("/broken")
    async def broken() -> str:
        raise RuntimeError("secret in /etc/passwd")

    @app.get("/group")
    async def group() -> str:
        raise ExceptionGroup("several", [ValueError("secret")])

    for path in ("/broken", "/group"):
        response = await app.test_client().get(path)
        assert response.status_code == 500
        answer = msgspec.json.decode(await response.get_data(as_text=False))
        assert answer == {
            "status": "error",
            "message": errors.BotError.default_message,
            "data": {"code": "INTERNAL_ERROR"},
        }
    assert "secret in /etc/passwd" in caplog.text

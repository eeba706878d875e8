"""Headers that tell a browser what our pages may do, and which pages may open sockets."""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import urlsplit

from quart import Quart, Response, request

_HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:]+\](:[0-9]{1,5})?")

_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        # Vue and the Markdown renderers set style attributes; no style sheet comes from elsewhere.
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "worker-src 'self' blob:",
        "frame-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)

API_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
"""For answers that are data: even when a browser opens one as a page, it can do nothing."""

PERMISSIONS = "camera=(), geolocation=(), microphone=(self), payment=(), usb=()"


def content_security_policy(host: str) -> str:
    """The policy of our pages.

    Args:
        host: The ``Host`` header the page was asked for with. Chromium and Firefox count WebSockets of the page's own
            host as ``'self'``; Safari before 15.4 wants their origins named
            (https://bugs.webkit.org/show_bug.cgi?id=201591).
    """
    sockets = f" ws://{host} wss://{host}" if _HOST.fullmatch(host) else ""
    return f"{_POLICY}; connect-src 'self'{sockets}"


def install_security_headers(app: Quart) -> None:
    """Send the headers with every answer; a route may set a policy of its own."""

    async def add_headers(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("Referrer-Policy", "no-referrer")
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        headers.setdefault("Permissions-Policy", PERMISSIONS)
        is_page = response.mimetype == "text/html" and not request.path.startswith("/api/v1/")
        headers.setdefault("Content-Security-Policy", content_security_policy(request.host) if is_page else API_POLICY)
        if request.path.startswith("/api/"):
            headers.setdefault("Cache-Control", "no-store")
        return response

    app.after_request(add_headers)


def origin_allowed(origin: str | None, host: str, allowed: Collection[str]) -> bool:
    """Whether a page of ``origin`` may open a WebSocket with a browser's sign-in.

    Args:
        origin: The ``Origin`` header; programs other than browsers send none.
        host: The ``Host`` header the request came with.
        allowed: Further origins, from the settings.
    """
    if not origin:
        return True
    if origin in allowed:
        return True
    parts = urlsplit(origin)
    return bool(parts.netloc) and parts.netloc.lower() == host.lower()

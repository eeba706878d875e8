"""Headers that tell a browser what our pages may do, and which pages may open sockets."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from quart import Quart, Response, request

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        # Vue and the Markdown renderers set style attributes; no style sheet comes from elsewhere.
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
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


def install_security_headers(app: Quart) -> None:
    """Send the headers with every answer; a route may set a policy of its own."""

    async def add_headers(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("Referrer-Policy", "no-referrer")
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        headers.setdefault("Permissions-Policy", PERMISSIONS)
        is_page = response.mimetype == "text/html" and not request.path.startswith("/api/v1/")
        headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY if is_page else API_POLICY)
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

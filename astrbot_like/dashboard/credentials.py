"""Where a client may put its credential, for HTTP requests and WebSocket handshakes alike."""

from __future__ import annotations

from typing import TypeAlias

from quart import Request, Websocket

Carrier: TypeAlias = Request | Websocket


def bearer_token(carrier: Carrier) -> str | None:
    """The token of ``Authorization: Bearer``."""
    return _authorization(carrier, ("bearer",))


def socket_token(carrier: Carrier) -> str | None:
    """A sign-in token of a WebSocket: query ``token``, else ``Authorization: Bearer``."""
    return carrier.args.get("token") or bearer_token(carrier)


def api_key(carrier: Carrier) -> str | None:
    """An API key: ``X-API-Key``, ``Authorization: Bearer`` or ``ApiKey``, query ``api_key`` or ``key``."""
    return (
        (carrier.headers.get("X-API-Key") or "").strip()
        or _authorization(carrier, ("bearer", "apikey"))
        or carrier.args.get("api_key")
        or carrier.args.get("key")
        or None
    )


def _authorization(carrier: Carrier, schemes: tuple[str, ...]) -> str | None:
    scheme, _, value = (carrier.headers.get("Authorization") or "").strip().partition(" ")
    value = value.strip()
    return value if value and scheme.lower() in schemes else None

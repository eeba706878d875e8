"""Settings of the HTTP and WebSocket front ends."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from astrbot_like.dashboard.addresses import parse_networks

MIB = 1024 * 1024


class SocketSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of the WebSocket endpoints."""

    max_frame_bytes: Annotated[int, Meta(description="Largest frame a client may send, in bytes.", ge=1024)] = MIB
    max_text_chars: Annotated[int, Meta(description="Longest text input, in characters.", ge=1)] = 32_000
    outbound_frames: Annotated[int, Meta(description="Frames queued for a client that reads slowly.", ge=1)] = 64
    chat_requests: Annotated[int, Meta(description="Chat requests of one connection that may be in flight.", ge=1)] = 64
    chat_subscriptions: Annotated[int, Meta(description="Sessions that one connection may be bound to.", ge=1)] = 64
    slow_client_timeout: Annotated[
        float, Meta(description="Seconds a client may not read before it is dropped (close code 1013).", gt=0)
    ] = 10.0
    ping_interval: Annotated[float, Meta(description="Seconds between WebSocket pings.", gt=0)] = 20.0
    credential_check_interval: Annotated[
        float, Meta(description="Seconds between checks whether a connected key or token is still valid.", gt=0, le=5)
    ] = 2.0


class DashboardSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The web application: limits, sign-in, addresses."""

    token_lifetime: Annotated[float, Meta(description="Seconds a sign-in token stays valid.", ge=60)] = 7 * 24 * 3600.0
    max_body_bytes: Annotated[int, Meta(description="Largest JSON request body, in bytes.", ge=1024)] = 2 * MIB
    max_upload_bytes: Annotated[int, Meta(description="Largest uploaded file, in bytes.", ge=1)] = 100 * MIB
    max_archive_bytes: Annotated[
        int, Meta(description="Largest uploaded plugin archive or backup, in bytes.", ge=1)
    ] = 2048 * MIB
    body_timeout: Annotated[
        float, Meta(description="Seconds a client may take between two pieces of a request body.", gt=0)
    ] = 30.0
    login_rate: Annotated[float, Meta(description="Sign-in attempts that one address may make per minute.", gt=0)] = (
        60.0
    )
    login_burst: Annotated[int, Meta(description="Sign-in attempts that one address may make at once.", ge=1)] = 30
    request_rate: Annotated[
        float, Meta(description="HTTP requests per second that one credential or address may make.", gt=0)
    ] = 500.0
    request_burst: Annotated[
        int, Meta(description="HTTP requests that one credential or address may make at once.", ge=1)
    ] = 1000
    trusted_proxies: Annotated[
        tuple[str, ...],
        Meta(description="Addresses or networks of reverse proxies whose X-Forwarded-For header is believed."),
    ] = ()
    allowed_origins: Annotated[
        tuple[str, ...],
        Meta(
            description="Further origins whose pages may open WebSockets with a sign-in token, e.g. https://a.example."
        ),
    ] = ()
    plugin_page_origins: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^https?://[^\s;,'\"]+$")], ...],
        Meta(
            description="Further origins that plugins' pages may load scripts, styles and data from, "
            "e.g. https://cdn.jsdelivr.net."
        ),
    ] = ()
    metrics_token: Annotated[str, Meta(description="Bearer token of /metrics; without one, metrics are refused.")] = ""
    web_root: Annotated[str, Meta(description="Folder of the built web UI; empty for the one inside the package.")] = ""
    sockets: Annotated[SocketSettings, Meta(description="Limits of the WebSocket endpoints.")] = SocketSettings()

    def __post_init__(self) -> None:
        """Refuse what is no address of a proxy.

        Raises:
            ValueError: One is neither an address nor a network.
        """
        parse_networks(self.trusted_proxies)

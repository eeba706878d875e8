"""What an administrator says of an MCP server, and what is shown of it."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

State: TypeAlias = Literal["off", "connecting", "connected", "failed"]


class McpSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How MCP servers are connected to."""

    connect_deadline: Annotated[
        float, msgspec.Meta(description="Seconds a server may take to answer the handshake.")
    ] = 20.0
    ping_interval: Annotated[
        float, msgspec.Meta(description="Seconds between checks that a server is still there.")
    ] = 30.0
    ping_deadline: Annotated[float, msgspec.Meta(description="Seconds a server may take to answer such a check.")] = (
        10.0
    )
    reconnect_wait: Annotated[
        float, msgspec.Meta(description="Most seconds a tool call waits for its server to come back.")
    ] = 8.0
    first_backoff: Annotated[float, msgspec.Meta(description="Seconds until the first try to reconnect.")] = 0.25
    longest_backoff: Annotated[float, msgspec.Meta(description="Most seconds between tries to reconnect.")] = 60.0


class McpStatus(msgspec.Struct, frozen=True):
    """A server as the dashboard shows it.

    Attributes:
        error: Why it is not connected; empty when it is.
        restarts: How often the connection was made anew.
    """

    name: str
    state: State
    error: str
    restarts: int
    tools: tuple[str, ...]

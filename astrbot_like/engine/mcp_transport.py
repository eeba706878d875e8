"""How an MCP server is reached over HTTP, and how the end of a connection is noticed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcp import Client


class WatchedStream:
    """A receive stream that tells when it ends."""

    def __init__(self, inner: Any, on_end: Callable[[], None]) -> None:
        self._inner = inner
        self._on_end = on_end

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __aiter__(self) -> WatchedStream:
        return self

    async def __anext__(self) -> Any:
        try:
            return await self._inner.__anext__()
        except StopAsyncIteration:
            self._on_end()
            raise

    async def receive(self) -> Any:
        return await self._inner.receive()

    async def __aenter__(self) -> WatchedStream:
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> None:
        self._on_end()
        await self._inner.__aexit__(*error)


def import_client() -> type[Client]:
    """The library's client; importing it takes a second and more."""
    from mcp import Client

    return Client


@asynccontextmanager
async def streamable_http(url: str, headers: dict[str, str]) -> AsyncGenerator[Any, None]:
    """The streams of a streamable HTTP connection."""
    from mcp.client.streamable_http import streamable_http_client
    from mcp.shared._httpx_utils import create_mcp_http_client

    async with (
        create_mcp_http_client(headers=headers) as http,
        streamable_http_client(url, http_client=http) as streams,
    ):
        yield streams


def headers_of(config: Mapping[str, Any]) -> dict[str, str]:
    """Headers of an administrator's configuration."""
    return {str(name): str(value) for name, value in (config.get("headers") or {}).items()}

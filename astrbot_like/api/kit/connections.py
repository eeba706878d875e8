"""One set of pooled connections to a service, with the failures of the network as coded errors."""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from astrbot_like.api.kit.errors import Blame
from astrbot_like.domain.errors import BotError

if TYPE_CHECKING:
    import aiohttp

CONNECT_SECONDS = 10.0
"""How long a connection may take."""
IDLE_SECONDS = 75.0
"""How long a connection is kept alive without a request."""
CONNECTIONS = 128
"""Most connections to one service."""


@dataclass
class _Attempt:
    """What became of one request.

    Attributes:
        reused: It went out on a connection that had been kept alive.
    """

    reused: bool = False


class Connections:
    """Connections that are made when they are needed and kept alive between requests.

    Args:
        blame: Names the service in errors.
        timeout: Longest silence within an answer, in seconds.
        proxy: Address of an HTTP proxy, "" for none.
    """

    def __init__(self, blame: Blame, *, timeout: float, proxy: str = "") -> None:
        self.proxy = proxy or None
        self._blame = blame
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def session(self) -> aiohttp.ClientSession:
        """The session of the running loop."""
        loop = asyncio.get_running_loop()
        if "aiohttp" not in sys.modules:
            # It takes some tenths of a second, certificates included: not on the event loop.
            await asyncio.to_thread(import_module, "aiohttp")
        if self._session is None or self._session.closed or self._loop is not loop:
            import aiohttp

            tracing = aiohttp.TraceConfig()
            tracing.on_connection_reuseconn.append(_note_reuse)
            self._loop = loop
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=CONNECTIONS, keepalive_timeout=IDLE_SECONDS, ttl_dns_cache=300, enable_cleanup_closed=False
                ),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
                auto_decompress=True,
                trace_configs=[tracing],
            )
        return self._session

    async def request(
        self, method: str, url: str, headers: dict[str, str], data: Any, params: Mapping[str, str] | None
    ) -> aiohttp.ClientResponse:
        """The answer, its body unread.

        A kept-alive connection that the server had closed meanwhile is no failure: nothing was answered, so the
        request goes out once more, on a new connection.

        Raises:
            ServiceError: There is no answer.
        """
        session = await self.session()
        import aiohttp

        silence = None if isinstance(data, AsyncIterator) else self._timeout  # a speaker may be silent
        while True:
            attempt = _Attempt()
            try:
                return await session.request(
                    method,
                    url,
                    headers=headers,
                    data=data,
                    params=params,
                    proxy=self.proxy,
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=silence),
                    trace_request_ctx=attempt,
                )
            except aiohttp.ServerDisconnectedError as error:
                if not attempt.reused or not isinstance(data, (bytes, type(None))):
                    raise self.failure(error, url) from error
            except TimeoutError as error:
                raise self._blame.timeout(seconds=self._timeout) from error
            except (aiohttp.ClientError, ValueError, OSError) as error:
                raise self.failure(error, url) from error

    def failure(self, error: Exception, url: str) -> BotError:
        """A failure of the network as people see it."""
        import aiohttp

        where = host_of(url)
        if isinstance(error, (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError, ssl.SSLError)):
            return self._blame.unreachable(where, "its TLS certificate was not accepted")
        if isinstance(error, aiohttp.ClientConnectorDNSError):
            return self._blame.unreachable(where, "the name is not known")
        if isinstance(error, (aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError)):
            return self._blame.unreachable(where, "the proxy failed")
        if isinstance(error, (aiohttp.InvalidURL, ValueError)):
            return self._blame.unreachable(where, "the address is not valid")
        if isinstance(error, aiohttp.ClientConnectorError):
            refused = isinstance(error.os_error, ConnectionRefusedError)
            return self._blame.unreachable(where, "the connection was refused" if refused else "no connection")
        if isinstance(error, aiohttp.ServerDisconnectedError):
            return self._blame.unreachable(where, "it closed the connection without an answer")
        return self._blame.unreachable(where, "the connection failed")

    async def aclose(self) -> None:
        """Close every connection; a later request opens new ones."""
        session, self._session = self._session, None
        if session is not None and not session.closed:
            await session.close()


async def _note_reuse(_session: Any, context: Any, _parameters: Any) -> None:
    attempt = context.trace_request_ctx
    if attempt is not None:
        attempt.reused = True


def host_of(url: str) -> str:
    """Scheme, host and port; neither the path nor credentials nor a query, which may hold keys."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "that address"
    return f"{parts.scheme}://{parts.hostname or ''}{port}" if parts.hostname else "that address"

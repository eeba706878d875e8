"""Listening, serving, and stopping in order."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import sys
from typing import Any

from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.asyncio.lifespan import Lifespan
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config

from astrbot_like.domain.errors import Unavailable
from astrbot_like.host.server_protocol import ConnectionOptions, connection_factory
from astrbot_like.runtime.tasks import cancel_and_wait

log = logging.getLogger(__name__)

BACKLOG = 1024
FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nRetry-After: 5\r\n"
    b"Connection: close\r\n\r\nToo many connections. Please try again in a moment.\n"
)
"""The answer to a connection over the limit; nothing of its request is read."""


class Server:
    """Serves one ASGI application on one address.

    Args:
        app: The application.
        host: Address to listen on.
        port: Port; 0 lets the system choose.
        options: Limits of each connection.
        most_connections: Open at once; one more is refused with status 503.
    """

    def __init__(
        self,
        app: Any,
        *,
        host: str,
        port: int,
        options: ConnectionOptions | None = None,
        most_connections: int = sys.maxsize,
    ) -> None:
        self._app = ASGIWrapper(app)
        self._host = host
        self._port = port
        self._options = options or ConnectionOptions()
        self._most = most_connections
        self._refused = 0
        self._config = Config()
        self._config.keep_alive_timeout = self._options.idle_timeout
        self._config.include_server_header = False
        self._config.accesslog = None
        self._config.websocket_max_message_size = self._options.max_message
        self._config.websocket_ping_interval = None  # the connection has its own heartbeat
        self._context = WorkerContext(None)
        self._connections: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server | None = None
        self._lifespan: Lifespan | None = None
        self._lifespan_task: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._port

    @property
    def url(self) -> str:
        """Where a browser on this machine finds it."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self._host, self._host)
        return f"http://{f'[{host}]' if ':' in host and not host.startswith('[') else host}:{self._port}"

    @property
    def connections(self) -> int:
        """Open connections."""
        return len(self._connections)

    async def start(self) -> None:
        """Bind, start the application, accept.

        Raises:
            Unavailable: The address can't be listened on; the text says why and what to do.
        """
        listening = self._bind()
        loop = asyncio.get_running_loop()
        self._lifespan = Lifespan(self._app, self._config, loop, {})
        self._lifespan_task = loop.create_task(self._lifespan.handle_lifespan(), name="application lifespan")
        await self._lifespan.wait_for_startup()
        if self._lifespan_task.done():
            self._lifespan_task.result()
        make = connection_factory(self._app, loop, self._config, self._context, self._options)

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            if len(self._connections) >= self._most:
                self._refuse(writer)
                return
            self._connections.add(task)
            self._refused = 0
            try:
                await make(reader, writer).run()
            finally:
                self._connections.discard(task)

        self._listener = await asyncio.start_server(serve, sock=listening, backlog=BACKLOG)

    def close_listener(self) -> None:
        """Accept no more connections; open ones go on."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    async def stop(self, grace: float) -> None:
        """Stop accepting, let requests end for ``grace`` seconds, cut the rest, stop the application."""
        self.close_listener()
        await self._context.terminated.set()
        if self._connections:
            await asyncio.wait(tuple(self._connections), timeout=grace)
        if self._connections:
            log.warning("connections cut at the end of the grace time", extra={"connections": len(self._connections)})
        await cancel_and_wait(*self._connections)
        if self._lifespan is not None and self._lifespan_task is not None:
            await self._lifespan.wait_for_shutdown()
            await cancel_and_wait(self._lifespan_task)

    def _refuse(self, writer: asyncio.StreamWriter) -> None:
        """One more than there may be. Told in the log once for each time that the server is full."""
        if not self._refused:
            log.warning("too many connections, further ones are refused", extra={"connections": self._most})
        self._refused += 1
        writer.write(FULL)
        writer.close()

    def _bind(self) -> socket.socket:
        try:
            family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
            listening = socket.create_server((self._host, self._port), family=family, backlog=BACKLOG)
        except OSError as error:
            raise Unavailable(self._bind_failure(error)) from None
        listening.setblocking(False)
        self._port = listening.getsockname()[1]
        return listening

    def _bind_failure(self, error: OSError) -> str:
        where = f"port {self._port} on {self._host}"
        if error.errno == errno.EADDRINUSE:
            return f"Can't listen on {where}: it is in use. Stop the program that uses it, or choose another (--port)."
        if error.errno == errno.EACCES:
            return f"Can't listen on {where}: not permitted. Ports below 1024 need special rights; choose another."
        return f"Can't listen on {where}: {error.strerror or 'the address is not available'}."

"""Answers from the first moment on, while the house behind it is still being built.

``/healthz`` is answered at once. Every other request waits until the application is there, for a moment at most.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

PATIENCE = 30.0
"""Seconds a request waits for the application."""

ALIVE = b'{"status":"ok","message":null,"data":{"version":"%s"}}'
STARTING = (
    b'{"status":"error","message":"The server is starting. Please try again in a moment.",'
    b'"data":{"code":"UNAVAILABLE"}}'
)


class Asgi(Protocol):
    """An ASGI application."""

    async def __call__(self, scope: Any, receive: Any, send: Any, /) -> None: ...


class FrontDoor:
    """The ASGI application that the server is given."""

    def __init__(self, version: str) -> None:
        self._alive = ALIVE % version.encode()
        self._app: Asgi | None = None
        self._opened = asyncio.Event()

    def open(self, app: Asgi) -> None:
        """Hand everything to ``app`` from now on."""
        self._app = app
        self._opened.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        app = self._app
        if app is None:
            if scope["type"] == "lifespan":
                await _lifespan(receive, send)
                return
            if scope["type"] == "http" and scope["path"] == "/healthz":
                await _answer(send, 200, self._alive)
                return
            app = await self._wait()
            if app is None:
                await _refuse(scope, send)
                return
        await app(scope, receive, send)

    async def _wait(self) -> Asgi | None:
        try:
            async with asyncio.timeout(PATIENCE):
                await self._opened.wait()
        except TimeoutError:
            return None
        return self._app


async def _lifespan(receive: Receive, send: Send) -> None:
    """The application is started and stopped by its host; the server only has to be told that all is well."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _refuse(scope: Scope, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": 1013, "reason": "The server is starting"})
    else:
        await _answer(send, 503, STARTING)


async def _answer(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

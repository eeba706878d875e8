"""The yardstick: a bare Quart socket that sends back what it gets, on the same server as the bot."""

from __future__ import annotations

import asyncio
import sys

from quart import Quart, websocket

from astrbot_like.host.server import Server


def make_app() -> Quart:
    """The application."""
    app = Quart("echo")

    @app.websocket("/ws")
    async def echo() -> None:
        while True:
            await websocket.send(await websocket.receive())

    return app


async def serve() -> None:
    """Listen on a free port, say its address on the first line, serve until killed."""
    server = Server(make_app(), host="127.0.0.1", port=0)
    await server.start()
    sys.stdout.write(server.url + "\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    import uvloop

    uvloop.run(serve())

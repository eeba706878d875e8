"""The whole application in this process, on a real socket and a real data directory."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from astrbot_like.config import Settings
from astrbot_like.host.app import Application
from astrbot_like.host.lifecycle import Running
from astrbot_like.runtime.logging import start_logging, stop_logging

USERNAME, PASSWORD = "admin", "a-password-1"


class RunningApplication(NamedTuple):
    """The application and where it is served."""

    app: Application
    url: str
    stop: Callable[[], Awaitable[None]]


@asynccontextmanager
async def application(data: Path, **parts: Any) -> AsyncIterator[RunningApplication]:
    """Start the application and wait until it is ready; ``parts`` are sections and trees of the settings."""
    from msgspec import convert

    tree = {
        "server": {"port": 0, "data_dir": str(data), "shutdown_grace": 1.0},
        "admin": {"username": USERNAME, "password": PASSWORD},
    }
    for name, options in parts.items():
        tree[name] = {**tree.get(name, {}), **options} if isinstance(options, dict) else options
    logs = start_logging(stream=io.StringIO())
    running = Running(convert(tree, Settings), logs)
    stopped = False

    async def stop() -> None:
        nonlocal stopped
        if not stopped:
            stopped = True
            await running.stop()

    try:
        app = await running.start()
        await app.wait_until_ready()
        yield RunningApplication(app, running.server.url, stop)
    finally:
        await stop()
        stop_logging(logs)


async def sign_in(http: Any) -> str:
    """A sign-in token; ``http`` is an aiohttp session whose base is the application's URL."""
    async with http.post("/api/auth/login", json={"username": USERNAME, "password": PASSWORD}) as answer:
        return (await answer.json())["data"]["token"]


async def make_key(http: Any, *scopes: str) -> str:
    """A new API key."""
    headers = {"Authorization": f"Bearer {await sign_in(http)}"}
    body = {"name": "test", "scopes": list(scopes) or ["*"]}
    async with http.post("/api/apikey/create", json=body, headers=headers) as answer:
        return (await answer.json())["data"]["key"]

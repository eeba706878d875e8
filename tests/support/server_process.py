"""The real server as a process of its own: ``astrbot-like run`` on a temporary data directory."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from pathlib import Path

import aiohttp

ROOT = Path(__file__).parents[2]
USERNAME, PASSWORD = "admin", "a-password-1"
STARTING = 180.0
STOPPING = 60.0


class ServerProcess:
    """A server that can be stopped and killed.

    Args:
        data: Its data directory.
        newcomer: Let the server make up the administrator's password, and print it.
        settings: Options by environment variable without its prefix.
    """

    def __init__(self, data: Path, *, newcomer: bool = False, **settings: str) -> None:
        self.data = data
        self.url = ""
        self.output = ""
        self._settings = settings
        self._newcomer = newcomer
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        """The process's id."""
        assert self._process is not None
        return self._process.pid

    async def __aenter__(self) -> ServerProcess:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()

    async def start(self, *, port: int = 0) -> None:
        """Start it and wait until it says that it is ready.

        Args:
            port: 0: one that is free.
        """
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ASTRBOT_LIKE_")} | {
            f"ASTRBOT_LIKE_{name.upper()}": value for name, value in self._settings.items()
        }
        if not self._newcomer:
            environment |= {"ASTRBOT_LIKE_ADMIN_USERNAME": USERNAME, "ASTRBOT_LIKE_ADMIN_PASSWORD": PASSWORD}
        self.url, self.output = "", ""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "astrbot_like",
            "run",
            "--port",
            str(port),
            "--data-dir",
            str(self.data),
            cwd=ROOT,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        running = asyncio.Event()
        self._reading = asyncio.create_task(self._read(running))
        try:
            async with asyncio.timeout(STARTING):
                await running.wait()
                if not self.url:
                    raise RuntimeError(f"the server did not start:\n{self.output}")
                async with aiohttp.ClientSession(self.url) as http:
                    while not await self._ready(http):
                        await asyncio.sleep(0.02)
        except TimeoutError:
            raise RuntimeError(f"the server was not ready after {STARTING:g} s:\n{self.output}") from None

    async def kill(self) -> None:
        """``kill -9``; a server that has ended is left alone."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
        await self.wait()

    async def stop(self) -> int:
        """SIGTERM; returns the exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return await self.wait()

    async def wait(self) -> int:
        """Wait for its end; returns the exit status."""
        assert self._process is not None and self._reading is not None
        async with asyncio.timeout(STOPPING):
            await self._reading
            return await self._process.wait()

    @staticmethod
    async def _ready(http: aiohttp.ClientSession) -> bool:
        async with http.get("/readyz") as answer:
            return answer.status == 200

    async def _read(self, running: asyncio.Event) -> None:
        assert self._process is not None and self._process.stdout is not None
        try:
            async for line in self._process.stdout:
                text = line.decode(errors="replace")
                self.output = (self.output + text)[-100_000:]
                found = re.search(r"running at (http://\S+)", text)
                if found:
                    self.url = found[1]
                    running.set()
        finally:
            running.set()


async def make_key(url: str) -> str:
    """A new API key of a server, with all scopes."""
    async with aiohttp.ClientSession(url) as http:
        login = {"username": USERNAME, "password": PASSWORD}
        async with http.post("/api/auth/login", json=login) as answer:
            token = (await answer.json())["data"]["token"]
        headers = {"Authorization": f"Bearer {token}"}
        async with http.post("/api/apikey/create", json={"name": "t", "scopes": ["*"]}, headers=headers) as answer:
            return (await answer.json())["data"]["key"]

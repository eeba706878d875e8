"""The real server as a process of its own, forked from one that has imported everything: for runs of many starts.

What differs from ``astrbot-like run`` is the time that its imports take; from its first line on it is the same.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import re
import sys
import time
from pathlib import Path

import aiohttp

from tests.support.server_process import PASSWORD, STARTING, STOPPING, USERNAME

IMPORTED = [
    "astrbot_like.host.app",
    "astrbot_like.host.cli.run",
    "astrbot_like.host.lifecycle",
    "sqlalchemy.ext.asyncio",
    "aiohttp",
    "argon2",
    "hassil",
    "httpx",
    "jinja2",
    "selectolax",
    "unicode_rbnf",
    "uvloop",
    __name__,
]


def _serve(data: str, output: str) -> None:
    from astrbot_like.host.cli import main

    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    for name in [name for name in os.environ if name.startswith("ASTRBOT_LIKE_")]:
        del os.environ[name]
    os.environ |= {"ASTRBOT_LIKE_ADMIN_USERNAME": USERNAME, "ASTRBOT_LIKE_ADMIN_PASSWORD": PASSWORD}
    sys.exit(main(["run", "--port", "0", "--data-dir", data]))


class ForkedServer:
    """A server that can be killed.

    Args:
        data: Its data directory.
    """

    def __init__(self, data: Path) -> None:
        self.data = data
        self.url = ""
        self._output = data.with_name(f"{data.name}.output")
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(IMPORTED)
        self._process: multiprocessing.process.BaseProcess | None = None

    async def start(self) -> None:
        """Start it and wait until it says that it is ready."""
        self.url = ""
        self._output.unlink(missing_ok=True)
        self._process = self._context.Process(target=_serve, args=(str(self.data), str(self._output)))
        self._process.start()
        deadline = time.monotonic() + STARTING
        while not self.url:
            text = self._output.read_text("utf-8") if self._output.exists() else ""
            if not self._process.is_alive() or time.monotonic() > deadline:
                raise RuntimeError(f"the server did not start:\n{text}")
            if found := re.search(r"running at (http://\S+)", text):
                self.url = found[1]
            else:
                await asyncio.sleep(0.01)
        async with asyncio.timeout(STARTING), aiohttp.ClientSession(self.url) as http:
            while not await self._ready(http):
                await asyncio.sleep(0.02)

    async def kill(self) -> None:
        """``kill -9``; a server that has ended is left alone."""
        if self._process is not None and self._process.is_alive():
            self._process.kill()
            await asyncio.to_thread(self._process.join, STOPPING)

    @staticmethod
    async def _ready(http: aiohttp.ClientSession) -> bool:
        async with http.get("/readyz") as answer:
            return answer.status == 200

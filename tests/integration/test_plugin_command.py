"""``astrbot-like plugin``, with and without a running server."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.plugin_hosts import write_plugin

BODY = """
class Main(Star):
    @filter.command("hello")
    async def hello(self, event):
        yield event.plain_result("hi")
"""


async def command(data: Path, *arguments: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "astrbot_like", "plugin", *arguments, "--data-dir", str(data)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


@asynccontextmanager
async def server(data: Path) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "astrbot_like", "run", "--port", "0", "--data-dir", str(data)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "ASTRBOT_LIKE_ADMIN_PASSWORD": "a-long-password"},
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            while b"ready" not in await process.stdout.readline():
                pass
        reading = asyncio.create_task(process.stdout.read())
        yield
        process.terminate()
        await reading
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


def row(output: str, name: str) -> list[str]:
    line = next((line for line in output.splitlines() if line.startswith(name)), "")
    return re.split(r"\s{2,}", line)


async def test_without_a_server(tmp_path: Path) -> None:
    data = tmp_path / "data"
    source = write_plugin(tmp_path / "new", "hello", BODY)
    assert await command(data, "install", str(source)) == (0, "Installed hello 1.0 (on).\n")
    code, output = await command(data, "install", str(source))
    assert code == 1
    assert "already installed" in output
    assert (await command(data, "disable", "hello"))[0] == 0
    assert row((await command(data, "list"))[1], "hello")[:4] == ["hello", "1.0", "user", "off"]
    assert (await command(data, "enable", "hello"))[0] == 0
    code, output = await command(data, "reload", "hello")
    assert (code, output) == (1, "astrbot-like: To reload a plugin, start the server first.\n")
    assert await command(data, "remove", "hello") == (0, "Removed hello.\n")
    code, output = await command(data, "remove", "hello")
    assert (code, output) == (1, "astrbot-like: There is no plugin named hello.\n")


async def test_with_a_running_server(tmp_path: Path) -> None:
    data = tmp_path / "data"
    source = write_plugin(tmp_path / "new", "hello", BODY)
    async with server(data):
        assert await command(data, "install", str(source)) == (0, "Installed hello 1.0 (active).\n")
        assert row((await command(data, "list"))[1], "hello")[3] == "active"
        write_plugin(data / "plugins", "hello", "class Main(Star:")
        code, output = await command(data, "reload", "hello")
        assert code == 1
        assert "SyntaxError" in output
        assert "main.py:5" in output
        write_plugin(data / "plugins", "hello", BODY)
        assert await command(data, "reload", "hello") == (0, "Reloaded hello 1.0 (active).\n")
        assert await command(data, "disable", "hello") == (0, "Disabled hello 1.0 (disabled).\n")
        assert await command(data, "remove", "hello") == (0, "Removed hello.\n")
        assert not (data / "plugins" / "hello").exists()
        assert not list((data / "plugin-requests").iterdir())

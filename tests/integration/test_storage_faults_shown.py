"""What people see when the disk is full, the data can't be written or the database is damaged."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from tests.support.frames import read_sse
from tests.support.server_process import ROOT, ServerProcess, make_key

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits and permissions of POSIX")


async def chat(http: aiohttp.ClientSession, text: str) -> list[dict]:
    body = {"message": text, "username": "ada", "session_id": "s"}
    async with http.post("/api/v1/chat", json=body) as answer:
        if answer.content_type != "text/event-stream":
            return [await answer.json()]
        return [frame async for frame in read_sse(answer.content)]


def limit_files(process: int, size: int) -> None:
    """Let no file of a process grow beyond ``size``: to it the disk is full."""
    resource.prlimit(process, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


async def test_a_full_disk_is_told_and_the_server_lives_on(tmp_path):
    async with ServerProcess(tmp_path) as server:
        key = await make_key(server.url)
        async with aiohttp.ClientSession(server.url, headers={"X-API-Key": key}) as http:
            assert (await chat(http, "hello"))[-1]["type"] == "end"
            used = max(path.stat().st_size for path in tmp_path.glob("astrbot_like.db*"))
            limit_files(server.pid, used + 100_000)
            told = []
            for _ in range(40):
                frames = await chat(http, "x" * 20_000)
                told += [frame for frame in frames if frame.get("type") == "error" or frame.get("status") == "error"]
                if told:
                    break
            assert "disk" in json.dumps(told[0])
            assert str(tmp_path) not in json.dumps(told)
            if told[0].get("type") == "error":
                assert told[0]["code"] == "PROCESSING_ERROR"
                assert frames[-1]["type"] == "end"
            form = aiohttp.FormData()
            form.add_field("file", b"x" * (used + 200_000), filename="big.bin")
            async with http.post("/api/v1/file", data=form) as answer:
                assert answer.status == 503
                assert "disk" in (await answer.json())["message"]
            async with http.get("/healthz") as answer:
                assert answer.status == 200
            limit_files(server.pid, resource.RLIM_INFINITY)
            frames = await chat(http, "and again")
            assert [frame["type"] for frame in frames][-2:] == ["message_saved", "end"]


def started(data: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "astrbot_like", "run", "--port", "0", "--data-dir", str(data)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


def told_plainly(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """One clear line, status 1, no trace-back."""
    assert done.returncode == 1
    [line] = [line for line in done.stderr.splitlines() if line.startswith("astrbot-like: ")]
    for word in words:
        assert word in line
    assert "Traceback" not in done.stderr + done.stdout


def test_a_damaged_database_is_told_and_kept(tmp_path):
    database = tmp_path / "astrbot_like.db"
    database.write_bytes(b"SQLite format 3\x00" + os.urandom(20_000))
    before = database.read_bytes()
    told_plainly(started(tmp_path), "damaged", "backup restore")
    assert database.read_bytes() == before


def test_a_read_only_data_directory_is_told(tmp_path):
    tmp_path.chmod(0o555)
    # Root may write anywhere but in the kernel's own directories.
    data = Path("/sys/astrbot-like") if os.getuid() == 0 else tmp_path / "data"
    told_plainly(started(data), "data directory can't be written")


def test_a_busy_port_is_told(tmp_path):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = str(busy.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "astrbot_like", "run", "--port", port, "--data-dir", str(tmp_path)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
        )
    told_plainly(done, port)

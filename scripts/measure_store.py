"""Measures a server that holds much: ``python -m scripts.measure_store [--sessions N] [--longest N]``.

Makes a data directory in a temporary folder, runs a server on it, and prints for each action of a user the processor
time that the server took for one request, and how long the middle one took over loopback. On a busy machine the second
figure says more about the machine than about the server.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp

from astrbot_like.storage.database import FILE_NAME, Database

PASSWORD = "measure-me-1"
REQUESTS = 30
WORDS = [
    "the",
    "weather",
    "in",
    "paris",
    "tomorrow",
    "plan",
    "my",
    "week",
    "tell",
    "me",
    "a",
    "story",
    "about",
    "dragons",
]
SIGNS = "今天天气很好我们去公园散步吧请帮写一封邮件明会议记录学习编程语言"
LONGEST = "f" * 32
ROW = f"({', '.join('?' * 10)})"


def say(chance: random.Random, words: int) -> str:
    """Something to say, a third of the time in Chinese."""
    if chance.random() < 0.3:
        return "".join(chance.choice(SIGNS) for _ in range(2 * words))
    return " ".join(chance.choice(WORDS) for _ in range(words))


def fill(directory: Path, sessions: int, longest: int) -> int:
    """Store sessions of four messages each, and one long one; returns how many messages there are."""
    asyncio.run(_make(directory))
    chance, now, number = random.Random(1), int(time.time() * 1000) - 10**9, 0
    with sqlite3.connect(directory / FILE_NAME) as raw:
        for n in range(sessions):
            long = n == sessions // 2
            sid = LONGEST if long else f"{chance.getrandbits(128):032x}"
            user, at = "admin" if n % 2 or long else f"user{n % 50}", now + 5_000 * n
            umo = f"webchat:FriendMessage:webchat!{user}!{sid}"
            row = (sid, "webchat", user, say(chance, 6)[:60], 0, f"c{n}", "default", umo, at, at)
            raw.execute(f"INSERT INTO sessions VALUES {ROW}", row)
            raw.execute(f"INSERT INTO conversations VALUES {ROW}", (f"c{n}", sid, umo, "", None, "", 0, 0, at, at))
            for _ in range(longest if long else 4):
                number += 1
                text = say(chance, 15)
                role = "user" if number % 2 else "bot"
                parts = f'[{{"type":"plain","text":"{text}"}}]'
                raw.execute(
                    "INSERT INTO messages (id, session_id, conversation_id, turn_id, role, parts, context, text,"
                    f" full_text, meta, interrupted, created_ms) VALUES {ROW[:-1]}, 0, ?)",
                    (number, sid, f"c{n}", f"t{number}", role, parts, "[]", text, "", "{}", at),
                )
        raw.execute("INSERT INTO messages_search (messages_search) VALUES ('rebuild')")
        raw.execute("UPDATE search_state SET indexed = ?", (number,))
    raw.close()
    return number


async def _make(directory: Path) -> None:
    await (await Database.open(directory)).aclose()


@asynccontextmanager
async def serving(data: Path) -> AsyncIterator[tuple[aiohttp.ClientSession, int]]:
    """A signed-in client of a server on ``data``, and the server's process."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "astrbot_like", "run", "--port", "0", "--data-dir", str(data)),
        env=os.environ | {"ASTRBOT_LIKE_ADMIN_PASSWORD": PASSWORD, "ASTRBOT_LIKE_ADMIN_USERNAME": "admin"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            found = None
            while found is None:
                found = re.search(r"running at (http://\S+)", (await process.stdout.readline()).decode())
        async with aiohttp.ClientSession(found[1]) as http:
            body = {"username": "admin", "password": PASSWORD}
            async with http.post("/api/auth/login", json=body) as answer:
                http.headers["Authorization"] = f"Bearer {(await answer.json())['data']['token']}"
            yield http, process.pid
    finally:
        process.terminate()
        await process.wait()


def processor_time(process: int) -> float:
    """Seconds of processor time that a process has taken so far (Linux)."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measure(http: aiohttp.ClientSession, server: int) -> None:
    """Print a row for each action."""

    async def get(path: str, **query: Any) -> Any:
        async with http.get(path, params=query) as answer:
            data = await answer.read()
            assert answer.status == 200, data
            return await answer.json() if answer.content_type == "application/json" else data

    async def row(name: str, work: Callable[[], Any]) -> None:
        await work()
        times: list[float] = []
        before = processor_time(server)
        for _ in range(REQUESTS):
            start = time.perf_counter()
            await work()
            times.append(1000 * (time.perf_counter() - start))
        taken = 1000 * (processor_time(server) - before) / REQUESTS
        print(f"| {name} | {taken:.1f} | {statistics.median(times):.1f} |", flush=True)

    listing, reading, finding = "/api/chat/sessions", "/api/chat/get_session", "/api/conversation/search"
    deep = None
    for _ in range(40):
        deep = (await get(listing, limit=500, **({"before": deep} if deep else {})))["data"]["next"]
    print("| action | processor time, ms | answered after, ms |\n| --- | --- | --- |")
    await row("list one's sessions, 100 a page, with their number", lambda: get(listing, limit=100))
    await row("the same, 20,000 sessions down", lambda: get(listing, limit=100, before=deep))
    await row("open the longest session", lambda: get(reading, session_id=LONGEST))
    await row("page in its middle", lambda: get(reading, session_id=LONGEST, before=5_000))
    for wanted in ("weather", "story about", "天气", "议", "zz", "nowhere"):
        await row(f"find sessions by “{wanted}”", lambda wanted=wanted: get(listing, search=wanted))
        await row(f"find messages by “{wanted}”", lambda wanted=wanted: get(finding, q=wanted))
    newest = (await get(listing, limit=1))["data"]["sessions"][0]["session_id"]
    await row("export a session", lambda: get("/api/chat/export", session_id=newest))
    numbers = count()
    gone = [session["session_id"] for session in (await get(listing, limit=REQUESTS + 1))["data"]["sessions"]]

    async def delete() -> None:
        body = {"session_id": gone[next(numbers)]}
        async with http.post("/api/chat/delete_session", json=body) as answer:
            assert answer.status == 200

    await row("delete a session", delete)
    start = time.perf_counter()
    size = len(await get("/api/chat/export", session_id=LONGEST, format="markdown"))
    print(f"\nexporting the longest session ({size / 2**20:.1f} MiB): {1000 * (time.perf_counter() - start):.0f} ms")
    start = time.perf_counter()
    async with http.post("/api/chat/delete_session", json={"session_id": LONGEST}) as answer:
        assert answer.status == 200
    print(f"deleting it: {1000 * (time.perf_counter() - start):.0f} ms")


async def main() -> None:
    """Fill, serve, measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sessions", type=int, default=100_000)
    parser.add_argument("--longest", type=int, default=10_000, help="messages of the longest session")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        messages = await asyncio.to_thread(fill, Path(folder), options.sessions, options.longest)
        size = (Path(folder) / FILE_NAME).stat().st_size / 2**20
        print(f"{options.sessions} sessions, {messages} messages, {size:.0f} MiB; load {os.getloadavg()[0]:.1f}\n")
        async with serving(Path(folder)) as (http, server):
            await measure(http, server)


if __name__ == "__main__":
    asyncio.run(main())

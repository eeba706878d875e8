"""2,000 messages in a session and 5,000 sessions in the list stay fluid."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.frames import frames_of
from tests.browser.pages import BrowserHouse, Web
from tests.support.server_process import ServerProcess

MESSAGES = 2_000
SESSIONS = 5_000
LONGEST_FRAME_MS = 50

SCROLL = """async ([selector, step, steps]) => {
    const element = document.querySelector(selector)
    const frames = []
    const next = () => new Promise(requestAnimationFrame)
    let before = await next()
    for (let n = 0; n < steps; n++) {
        element.scrollTop += step
        const now = await next()
        frames.push(now - before)
        before = now
    }
    frames.sort((a, b) => a - b)
    return { median: frames[frames.length >> 1], p95: frames[Math.floor(frames.length * 0.95)], longest: frames.at(-1) }
}"""


def clone_rows(data: Path, session_id: str) -> None:
    """Multiply what the server has stored itself, so that this test knows nothing of its tables but their keys."""
    path = next(data.rglob("*.db"))
    with sqlite3.connect(path) as base:
        base.execute("PRAGMA busy_timeout = 10000")
        multiply(base, "messages", "id", f"session_id = '{session_id}'", MESSAGES, number=True)
        multiply(base, "sessions", "session_id", f"session_id = '{session_id}'", SESSIONS, number=False)


def multiply(base: sqlite3.Connection, table: str, key: str, where: str, count: int, *, number: bool) -> None:
    """Copies of rows under keys of their own."""
    names = [row[1] for row in base.execute(f"PRAGMA table_info({table})")]
    rows = base.execute(f"SELECT * FROM {table} WHERE {where} ORDER BY rowid").fetchall()
    at = names.index(key)
    first = base.execute(f"SELECT max({key}) FROM {table}").fetchone()[0]
    marks = ", ".join("?" * len(names))
    unique = [names.index(name) for name in ("umo", "conversation_id") if name in names and not number]
    for n in range(count - len(rows)):
        row = list(rows[n % len(rows)])
        row[at] = first + n + 1 if number else f"copy{n:06d}"
        for column in unique:
            row[column] = f"{row[column]}-{n}"
        base.execute(f"INSERT INTO {table} VALUES ({marks})", row)


@pytest.fixture
async def long_house(server: ServerProcess, house: BrowserHouse, web: Web) -> str:
    """A server with one long session among many; returns its id."""
    from tests.browser.pages import ask, reply

    async with web.open(token=house.token) as page:
        await page.goto("/chat")
        for n, question in enumerate(("What time is it?", "What is 6 times 7?", "What can you do?"), 1):
            await ask(page, question)
            await reply(page, n)
        session = page.url.rsplit("/", 1)[1]
    await server.stop()
    clone_rows(server.data, session)
    await server.start()
    return session


async def test_long_lists_scroll_smoothly(long_house: str, server: ServerProcess, web: Web):
    async with BrowserHouse(server) as house, web.open(token=house.token) as page:
        await page.goto(f"/chat/{long_house}")
        await expect(page.locator(".message").last).to_be_visible()
        between_sessions, sessions = await frames_of(page, SCROLL, [".sessions .scroller", 400, 200])
        # All pages of the session are loaded by scrolling up, then it is scrolled through.
        async with asyncio.timeout(60):
            while await page.locator("article").first.get_attribute("aria-setsize") != str(MESSAGES):
                await page.evaluate("document.querySelector('.holder .scroller').scrollTop = 0")
                await asyncio.sleep(0.05)
        between_messages, messages = await frames_of(page, SCROLL, [".holder .scroller", 300, 300])
        assert await page.locator("article").count() < 60
        assert await page.locator(".row-item").count() < 60
        print(f"\n{SESSIONS} sessions: processor time of a frame in ms: {sessions}; between frames: {between_sessions}")
        print(f"{MESSAGES} messages: processor time of a frame in ms: {messages}; between frames: {between_messages}")
        # What other processes take between two frames is not the page's; single frames hold a garbage collection.
        assert sessions.at(0.95) <= LONGEST_FRAME_MS
        assert messages.at(0.95) <= LONGEST_FRAME_MS

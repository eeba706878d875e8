"""Searches find exactly what is there, whatever way they take, and do a bounded amount of work."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine

from astrbot_like.storage import search, session_lists
from astrbot_like.storage.database import FILE_NAME, Database
from astrbot_like.storage.search import MessageSearch, index_some
from astrbot_like.storage.session_lists import SessionFilter, SessionLists
from astrbot_like.storage.text_index import after, folded
from tests.support.stores import Stores, open_stores, user_message

WORDS = [
    "weather",
    "tomorrow",
    "Über",
    "naïve",
    "天气",
    "今天",
    "会议记录",
    "の",
    "q",
    "100%",
    'a"b',
    "x_y",
    "back\\slash",
    "🎉",
]
WANTED = [
    *WORDS,
    "weath",
    "über",
    "天",
    "气",
    "议记",
    "e",
    "ea",
    "r t",
    "%",
    "_",
    '"',
    "\\",
    "zz",
    "zzz",
    "OMORROW",
    "录",
    "🎉",
]
USERS = ["ann", "bob", "webchat-fan"]


@pytest.fixture
async def stores(tmp_path: Path):
    async with open_stores(tmp_path) as opened:
        yield opened


@pytest.fixture(params=["every way", "as it is"])
def small_bounds(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds so small that a handful of rows takes every way."""
    if request.param == "every way":
        for module in (search, session_lists):
            monkeypatch.setattr(module, "STEPS", (3, 5, 7))
            monkeypatch.setattr(module, "RARE", 6)
        monkeypatch.setattr(search, "FEW", 8)


async def fill(stores: Stores, count: int) -> None:
    chance = random.Random(7)
    for n in range(count):
        session = await stores.sessions.open(f"s{n}", username=chance.choice(USERS))
        for _ in range(chance.randrange(4)):
            text = " ".join(chance.choice(WORDS) for _ in range(chance.randint(1, 3)))
            await stores.history.append(user_message(session, text))


async def every_session(stores: Stores, wanted: str, creator: str | None) -> list[str]:
    seen: list[str] = []
    cursor = None
    for _ in range(1000):
        page = await stores.sessions.list(search=wanted, creator=creator, cursor=cursor, limit=4, count=True)
        assert len(page.sessions) <= 4
        seen += [session.session_id for session in page.sessions]
        cursor = page.cursor
        if cursor is None:
            return seen
    raise AssertionError("the pages do not end")


async def test_sessions_are_found_by_any_part_of_their_names(stores: Stores, small_bounds: None):
    await fill(stores, 60)
    everything = (await stores.sessions.list(limit=500)).sessions
    for wanted in WANTED:
        for creator in (None, "ann"):
            expected = [
                session.session_id
                for session in everything
                if creator in (None, session.creator)
                and any(wanted.lower() in text.lower() for text in (session.display_name, session.creator, session.umo))
            ]
            assert await every_session(stores, wanted, creator) == expected, wanted


async def test_messages_are_found_by_any_part_of_their_text(stores: Stores, small_bounds: None):
    await fill(stores, 60)
    # A part is in the index, the rest is not yet.
    await stores.database.write(lambda c: index_some(c, 40))
    finder = MessageSearch(stores.database)
    owners = {session.session_id: session.creator for session in (await stores.sessions.list(limit=500)).sessions}
    rows = [row for session_id in owners for row in await stores.history.after(session_id, 0)]
    for wanted in [*WANTED, "weather q", "天 zz", "今天 天", "Q q weather", "eath weath weather mor"]:
        for creator in (None, "ann", "nobody"):
            expected = sorted(
                row.id
                for row in rows
                if creator in (None, owners[row.session_id])
                and all(word.lower() in row.text.lower() for word in wanted.split())
            )
            seen: list[int] = []
            before: int | None = None
            for _ in range(1000):
                page = await finder.find(wanted, creator=creator, before=before, limit=4)
                seen += [hit.message.id for hit in page.hits]
                before = page.before
                if before is None:
                    break
            assert seen == expected[::-1], wanted


async def test_the_index_follows_what_becomes_of_a_session(stores: Stores):
    async def found(wanted: str) -> list[str]:
        return [session.session_id for session in (await stores.sessions.list(search=wanted)).sessions]

    session = await stores.sessions.open("s", username="ann")
    await stores.history.append(user_message(session, "plan my week"))
    assert await found("my wee") == ["s"]
    await stores.sessions.rename("s", "周计划")
    assert (await found("my wee"), await found("周计"), await found("划")) == ([], ["s"], ["s"])
    await stores.sessions.delete(["s"])
    assert await found("周计") == []
    await stores.database.write(
        lambda c: c.exec_driver_sql("INSERT INTO sessions_search (sessions_search) VALUES ('integrity-check')")
    )
    keys = await stores.database.read(lambda c: c.exec_driver_sql("SELECT count(*) FROM session_keys").scalar())
    assert keys == 0


@pytest.mark.parametrize("cursor", ["", ":", "x:y", "1" * 20 + ":s", "²:s", "5"])
async def test_a_cursor_that_is_none_ends_the_list(stores: Stores, cursor: str):
    await fill(stores, 3)
    for wanted in ("", "weather"):
        page = await stores.sessions.list(cursor=cursor, search=wanted)
        assert page.cursor is None


def test_what_begins_with_a_prefix_lies_below_the_next():
    assert after("ab") == "ac"
    assert after("\ud7ff") == "\ue000"
    assert after("\U0010ffff") > "\U0010ffff"
    assert folded("ÜBER İx") == "über İx"


class Store:
    """A large store, read with the count of SQLite's steps."""

    def __init__(self, directory: Path) -> None:
        self._engine = create_engine(f"sqlite:///{directory / FILE_NAME}")

    def steps(self, work: Callable[[Connection], Any]) -> int:
        """Instructions of SQLite's machine, in thousands, that ``work`` took."""
        with self._engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert isinstance(driver, sqlite3.Connection)
            count = 0

            def tick() -> int:
                nonlocal count
                count += 1
                return 0

            driver.set_progress_handler(tick, 1000)
            try:
                work(connection)
            finally:
                driver.set_progress_handler(None, 0)
            return count


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """40,000 sessions with a message each; the older half are Bob's, a hundredth is about the weather."""
    import asyncio

    directory = tmp_path_factory.mktemp("large")

    async def make() -> None:
        await (await Database.open(directory)).aclose()

    asyncio.run(make())
    with sqlite3.connect(directory / FILE_NAME) as raw:
        for n in range(40_000):
            user = "bob" if n < 20_000 else "ann"
            name = "天气 weather" if n % 100 == 0 else f"talk {n}"
            sid = f"s{n:06}"
            row = (
                sid,
                "webchat",
                user,
                name,
                0,
                f"c{n}",
                "default",
                f"webchat:FriendMessage:webchat!{user}!{sid}",
                n,
                n,
            )
            raw.execute(f"INSERT INTO sessions VALUES ({','.join('?' * 10)})", row)
            raw.execute(
                "INSERT INTO conversations VALUES (?, ?, ?, '', NULL, '', 0, 0, ?, ?)", (f"c{n}", sid, sid, n, n)
            )
            message = (n + 1, sid, f"c{n}", "t", "user", "[]", "[]", name, "", "{}", 0, n, "")
            raw.execute(f"INSERT INTO messages VALUES ({','.join('?' * 13)})", message)
        raw.execute("INSERT INTO messages_search (messages_search) VALUES ('rebuild')")
        raw.execute("UPDATE search_state SET indexed = 40000")
    raw.close()
    return Store(directory)


@pytest.mark.parametrize("creator", [None, "ann", "bob", "nobody"])
@pytest.mark.parametrize(
    "wanted",
    [
        *("weather", "天", "天气", "talk 39", "zzzz", "zz", "z", "bob", "ann", "s0001", "e"),
        "a e h r t w " + "l k " * 100,
    ],
)
def test_a_search_looks_at_a_bounded_number_of_rows(large: Store, wanted: str, creator: str | None):
    lists = SessionLists()
    which = SessionFilter(creator=creator, search=wanted)
    sessions = large.steps(lambda c: lists.page(c, which, cursor=None, offset=0, limit=100, count=True))
    index = search.TrigramIndex("messages_search")
    messages = large.steps(lambda c: search._Search(c, index, wanted.split(), creator, 20).page(None))
    # A look at every session alone takes 1,400 thousand steps.
    assert (sessions < 200, messages < 200) == (True, True), (sessions, messages)

"""The built-in tools."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from astrbot_like.api.net import Fetched
from plugins.builtin_tools.calculation import NotAnExpression, evaluate
from plugins.builtin_tools.reminders import Reminder, Reminders
from plugins.builtin_tools.web_page import page_text, read_page

PAGE = """<html><head><title>A  page</title><style>p{}</style></head><body><nav>Menu</nav><h1>Hello</h1>
<p>First &amp; <b>second</b>.</p><script>alert("no")</script><ul><li>one<li>two</ul></body></html>"""


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("2 + 2", "4"),
        ("(2 + 3) * sqrt(16) / 4", "5"),
        ("2^10", "1024"),
        ("7 // 2 + 7 % 2", "4"),
        ("factorial(20)", "2432902008176640000"),
        ("max(1, 2.5) × 2", "5"),
        ("0.1 + 0.2", "0.3"),
        ("-3 ** 2", "-9"),
        ("round(2 / 3, 2)", "0.67"),
        ("123456789012345678901234567890 * 10", "1234567890123456789012345678900"),
    ],
)
def test_calculation(expression: str, value: str) -> None:
    assert evaluate(expression) == value


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "1 +",
        "1 / 0",
        "sqrt(-1)",
        "(-8) ** 0.5",
        "__import__('os').system('id')",
        "().__class__",
        "[1] * 10",
        "'a' * 10",
        "9 ** 9 ** 9 ** 9",
        "factorial(100000)",
        "lambda: 1",
        "x",
        "True + 1",
        "1 if 1 else 2",
        "max(*[1, 2])",
        "round(1.5, ndigits=1)",
        "abs(" * 90 + "1" + ")" * 90,
        "-" * 400 + "1",
        "1" * 501,
        "exp(1000)",
    ],
)
def test_what_is_not_calculated(expression: str) -> None:
    with pytest.raises(NotAnExpression):
        evaluate(expression)


def test_a_page_becomes_readable_text() -> None:
    title, text = page_text(Fetched("http://x", "text/html", None, PAGE.encode()))
    assert title == "A page"
    assert text.split("\n") == ["Hello", "", "First & second.", "", "one", "two"]


def test_pages_of_other_encodings_and_broken_tags() -> None:
    data = '<meta charset="gb2312"><p>你好</p><script>never closed'.encode("gb2312")
    assert page_text(Fetched("http://x", "text/html", None, data))[1] == "你好"
    assert page_text(Fetched("http://x", "text/html", "no-such-charset", b"plain"))[1] == "plain"


@pytest.fixture
async def site() -> AsyncIterator[str]:
    async def page(request: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    async def picture(request: web.Request) -> web.Response:
        return web.Response(body=b"\x89PNG", content_type="image/png")

    app = web.Application()
    app.add_routes([web.get("/", page), web.get("/picture", picture)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_reading_a_page_follows_the_address_rules(site: str) -> None:
    assert "may not be fetched" in await read_page(site, {})
    assert (await read_page(site, {"allow_private": True})).startswith("A page\n")
    assert "[cut off:" in await read_page(site, {"allow_private": True, "max_characters": 5})
    assert "no text but image/png" in await read_page(f"{site}/picture", {"allow_private": True})
    assert "404" in await read_page(f"{site}/nothing", {"allow_private": True})


class Reminded:
    """Reminders with a record of what was sent and kept."""

    def __init__(self, *, per_session: int = 3, working: bool = True) -> None:
        self.sent: list[Reminder] = []
        self.kept: list[dict[str, Any]] = []
        self.working = working
        self.came = asyncio.Event()
        self.time = 1000.0
        self.reminders = Reminders(self._deliver, self._keep, per_session=per_session, now=lambda: self.time)

    async def _deliver(self, reminder: Reminder) -> bool:
        self.sent.append(reminder)
        self.came.set()
        if not self.working:
            raise RuntimeError("no such session")
        return True

    async def _keep(self, kept: list[dict[str, Any]]) -> None:
        self.kept = kept


async def test_a_reminder_speaks_up_when_it_is_due() -> None:
    case = Reminded()
    case.reminders.start([])
    made = await case.reminders.add("webchat:FriendMessage:x", "drink water", 1000.02)
    assert made is not None
    assert [one["text"] for one in case.kept] == ["drink water"]
    case.time = 1000.03
    async with asyncio.timeout(60):
        await case.came.wait()
        while case.kept:
            await asyncio.sleep(0)
    assert [one.text for one in case.sent] == ["drink water"]
    await case.reminders.aclose()


async def test_reminders_of_an_earlier_run_are_taken_up() -> None:
    case = Reminded()
    stored = [
        {"id": "a", "session": "s", "text": "overdue", "due": 10.0},
        {"nonsense": 1},
        {"id": "b", "session": "s", "text": "later", "due": 9e9},
    ]
    case.reminders.start(stored)
    async with asyncio.timeout(60):
        await case.came.wait()
    assert [one.text for one in case.sent] == ["overdue"]
    assert [one.text for one in case.reminders.waiting("s")] == ["later"]
    await case.reminders.aclose()


async def test_limits_and_cancelling() -> None:
    case = Reminded(per_session=2)
    first = await case.reminders.add("s", "one", 2000)
    await case.reminders.add("s", "two", 1500)
    assert await case.reminders.add("s", "three", 3000) is None
    assert await case.reminders.add("other", "three", 3000) is not None
    assert [one.text for one in case.reminders.waiting("s")] == ["two", "one"]
    assert first is not None
    assert await case.reminders.cancel("other", first.id) is None
    assert await case.reminders.cancel("s", first.id) == first
    assert [one["text"] for one in case.kept] == ["two", "three"]


async def test_a_reminder_that_can_not_be_delivered_is_tried_again_and_given_up() -> None:
    case = Reminded(working=False)
    case.reminders.start([{"id": "a", "session": "s", "text": "x", "due": 10.0}])
    for tries in (1, 2, 3):
        async with asyncio.timeout(60):
            while len(case.sent) < tries:
                await asyncio.sleep(0)
                case.reminders._changed.set()
        case.time += 61
    async with asyncio.timeout(60):
        while case.kept or case.reminders.waiting("s"):
            await asyncio.sleep(0)
            case.reminders._changed.set()
    assert len(case.sent) == 3
    await case.reminders.aclose()

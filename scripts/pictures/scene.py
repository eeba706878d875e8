"""A picture to be taken, and what the scenes of several rooms have in common."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from playwright.async_api import Page, Route

Act = Callable[[Page], Awaitable[None]]


class Scene(NamedTuple):
    """One picture.

    Attributes:
        name: Of the file.
        path: Where it begins.
        act: What is done there before the picture is taken.
        signed_in: Whether somebody is.
        speech: What the fake microphone hears, in words; empty: silence; None: no microphone is needed.
        microphone: Whether the browser may use it.
        dialog: The component of the web UI whose dialog is open, on a phone at least.
    """

    name: str
    path: str
    act: Act | None = None
    signed_in: bool = True
    speech: str | None = None
    microphone: bool = True
    dialog: str = ""


def answering(body: str) -> Callable[[Route], Awaitable[None]]:
    """Answers a request in the server's place."""
    return lambda route: route.fulfill(body=body, content_type="application/json")


async def nothing_there(page: Page) -> None:
    """As on the first day."""
    for pattern, data in (
        ("**/api/chat/sessions*", '{"sessions": [], "total": 0, "next": null}'),
        ("**/api/conversation/list*", '{"sessions": [], "total": 0, "next": null}'),
        ("**/api/apikey/list", '{"keys": []}'),
        ("**/api/platform/list", '{"platforms": []}'),
        ("**/api/persona/list", '{"personas": []}'),
    ):
        await page.route(pattern, answering(f'{{"status": "ok", "message": null, "data": {data}}}'))
    await page.reload()


async def failing_server(page: Page) -> None:
    """Nothing answers the page's questions."""
    await page.route("**/api/**", lambda route: route.abort())
    await page.reload()
    await page.locator(".state[role=alert]:visible, .hello:visible").first.wait_for()


async def waiting_server(page: Page) -> None:
    """The answers take their time."""

    closed = asyncio.Event()
    page.on("close", lambda _: closed.set())

    async def wait(route: Route) -> None:
        await closed.wait()

    await page.route("**/api/**", wait)
    await page.reload()
    await page.locator("[role=status]").first.wait_for()


async def primary(page: Page) -> None:
    """The page's main button."""
    await page.locator(".page > header .primary").click()
    await page.locator("dialog").wait_for()


def tab(number: int) -> Act:
    """One of the page's tabs."""

    async def act(page: Page) -> None:
        await page.locator("[role=tab]").nth(number).click()

    return act


async def loaded(page: Page) -> None:
    """Everything that a page asked for is there."""
    await page.locator(".page > :is(section, .stack, .two) h2").first.wait_for()
    await page.locator(".state[role=status]").first.wait_for(state="hidden")


async def scrolled(page: Page) -> None:
    """The lower half of a page."""
    await loaded(page)
    await page.evaluate("document.querySelector('#main').scrollTo(0, 700)")


async def to_the_end(page: Page) -> None:
    """The end of a page."""
    await loaded(page)
    await page.evaluate("document.querySelector('#main').scrollTo(0, 1e6)")

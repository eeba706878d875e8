"""A stand-in for a language model, and a wire between page and server that can be cut."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Page, WebSocketRoute

from astrbot_like.bench.mock_behaviour import Behaviour
from astrbot_like.bench.mock_upstream import MockUpstream, start
from tests.browser.pages import BrowserHouse


@asynccontextmanager
async def upstream(**behaviour: object) -> AsyncIterator[tuple[MockUpstream, str]]:
    """A service that answers, and its address; nobody uses it yet."""
    mock = MockUpstream(Behaviour(**behaviour))  # type: ignore[arg-type]
    runner, url = await start(mock)
    try:
        yield mock, url
    finally:
        await runner.cleanup()


@asynccontextmanager
async def model(house: BrowserHouse, **behaviour: object) -> AsyncIterator[MockUpstream]:
    """A stand-in for a language model, put first. Its ``behaviour`` may be replaced meanwhile."""
    async with upstream(**behaviour) as (mock, url):
        await house.use_model(url)
        yield mock


class Wire:
    """The chat socket between page and server, which can be cut and held up."""

    def __init__(self) -> None:
        self.down = False
        self.deaf = False
        """What the server says is lost on its way."""
        self.connections = 0
        self._routes: list[tuple[WebSocketRoute, WebSocketRoute]] = []
        self._held: list[tuple[WebSocketRoute, str | bytes]] | None = None

    async def install(self, page: Page) -> None:
        """Stand between the page and its chat socket."""
        await page.route_web_socket(re.compile("unified_chat"), self._connect)

    def hold(self) -> None:
        """Let nothing through, in either direction, and lose nothing."""
        self._held = []

    def let_go(self) -> None:
        """Pass on what was held, in its order, and all that comes."""
        held, self._held = self._held or [], None
        for route, text in held:
            route.send(text)

    async def cut(self) -> None:
        """Break the connection on both sides, as a lost network does."""
        self.down = True
        for near, far in self._routes:
            await far.close(code=1001)
            await near.close(code=1012)
        self._routes.clear()

    async def _connect(self, near: WebSocketRoute) -> None:
        self.connections += 1
        if self.down:
            await near.close(code=1012)
            return
        far = near.connect_to_server()
        near.on_message(lambda text: self._pass_on(far, text))
        far.on_message(lambda text: None if self.deaf else self._pass_on(near, text))
        self._routes.append((near, far))

    def _pass_on(self, route: WebSocketRoute, text: str | bytes) -> None:
        if self._held is None:
            route.send(text)
        else:
            self._held.append((route, text))

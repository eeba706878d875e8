"""Chat: asking, files, stopping, editing, a broken connection, hostile text, long lists."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Page, WebSocketRoute, expect

from astrbot_like.bench.mock_behaviour import Behaviour
from astrbot_like.bench.mock_upstream import MockUpstream, start
from tests.browser.pages import BrowserHouse, Web, ask, reply, sign_in


@asynccontextmanager
async def model(house: BrowserHouse, **behaviour: object) -> AsyncIterator[MockUpstream]:
    """A stand-in for a language model, put first."""
    mock = MockUpstream(Behaviour(**behaviour))  # type: ignore[arg-type]
    runner, url = await start(mock)
    try:
        await house.use_model(url)
        yield mock
    finally:
        await runner.cleanup()


async def test_signing_in_asking_and_finding_it_again(web: Web):
    async with web.open() as page:
        await sign_in(page)
        await ask(page, "What is 18% of 240?")
        assert "43.2" in await reply(page)
        await page.reload()
        assert "43.2" in await reply(page)
        await expect(page.locator(".sessions .open").first).to_contain_text("What is 18% of 240?")
    assert web.complaints == []


async def test_a_wrong_password_is_told_and_can_be_mended(web: Web):
    async with web.open() as page:
        await page.goto("/settings")
        await page.locator("input[name=username]").fill("admin")
        await page.locator("input[name=password]").fill("wrong")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_contain_text("wrong")
        await page.locator("input[name=password]").fill("a-password-1")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/settings")


async def test_a_file_reaches_the_model(web: Web, house: BrowserHouse, tmp_path: Path):
    note = tmp_path / "note.txt"
    note.write_text("The harbour opens at nine.")
    async with model(house, reply="Read it.") as mock, web.open(token=house.token) as page:
        await page.goto("/chat")
        await page.locator("form.composer input[type=file]").set_input_files(note)
        await expect(page.locator(".chip")).to_contain_text("note.txt")
        await ask(page, "What does it say?")
        assert "Read it." in await reply(page)
        await expect(page.locator(".mine .file")).to_contain_text("note.txt")
        assert any("The harbour opens at nine." in str(request) for request in mock.requests)
    assert web.complaints == []


async def test_stop_edit_and_answer_again(web: Web, house: BrowserHouse):
    async with model(house, tokens=400, rate=20, sentence=0), web.open(token=house.token) as page:
        await page.goto("/chat")
        await ask(page, "Count for me")
        await expect(page.locator(".message:not(.mine) .markdown")).to_be_visible()
        await page.get_by_role("button", name="Stop the reply").click()
        await expect(page.locator(".note")).to_contain_text("Stopped")
    async with model_again(house, reply="Short and sweet.") as url, web.open(token=house.token) as page:
        assert url
        await page.goto("/chat")
        await page.locator(".sessions .open").first.click()
        await page.locator(".message.mine").hover()
        await page.get_by_role("button", name="Edit and send again").click()
        await page.get_by_label("Edited message").fill("Just a word")
        await page.get_by_role("button", name="Send again", exact=True).click()
        # The stopped reply is on the page until the edit takes it away.
        await expect(page.locator(".message:not(.mine) .bubble")).to_contain_text("Short and sweet.", timeout=15_000)
        await expect(page.locator(".message.mine")).to_have_count(1)
        await expect(page.locator(".message.mine .plain")).to_have_text("Just a word")


@asynccontextmanager
async def model_again(house: BrowserHouse, **behaviour: object) -> AsyncIterator[str]:
    """Another stand-in in the place of the first."""
    runner, url = await start(MockUpstream(Behaviour(**behaviour)))  # type: ignore[arg-type]
    config = {"id": "stand-in", "type": "openai_chat_completion", "provider_type": "chat_completion", "enable": True}
    try:
        await house.post("/api/provider/update", id="stand-in", config=config | {"api_base": url, "model": "mock"})
        yield url
    finally:
        await runner.cleanup()


class Wire:
    """The chat socket between page and server, which can be cut."""

    def __init__(self) -> None:
        self.down = False
        self.connections = 0
        self._routes: list[tuple[WebSocketRoute, WebSocketRoute]] = []

    async def install(self, page: Page) -> None:
        """Stand between the page and its chat socket."""
        await page.route_web_socket(re.compile("unified_chat"), self._connect)

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
        self._routes.append((near, near.connect_to_server()))


async def test_a_reply_cut_by_a_lost_connection_is_whole_and_once_afterwards(web: Web, house: BrowserHouse):
    words = " ".join(f"word{n}" for n in range(60))
    wire = Wire()
    async with model(house, reply=words, rate=20), web.open(token=house.token) as page:
        await wire.install(page)
        await page.goto("/chat")
        await ask(page, "Tell me everything")
        await expect(page.locator(".message:not(.mine) .markdown")).to_contain_text("word5")
        await wire.cut()
        await expect(page.locator(".lost")).to_contain_text("connection is lost")
        wire.down = False
        await page.get_by_role("button", name="Try now").click()
        await expect(page.locator(".lost")).to_have_count(0)
        # Back again, the words that were missed are there at once, while the reply still grows.
        bubble = page.locator(".message:not(.mine) .bubble[aria-busy='true']")
        await expect(bubble).to_contain_text(re.compile(r"word1\d(?!.*word59)"))
        shown = (await bubble.inner_text()).split()
        assert shown == words.split()[: len(shown)]
        await expect(page.locator(".message:not(.mine) .markdown")).to_contain_text("word59", timeout=20_000)
        assert (await reply(page)).split()[:60] == words.split()
        await expect(page.locator(".message")).to_have_count(2)
        await page.reload()
        await expect(page.locator(".message")).to_have_count(2)
        assert (await reply(page)).split()[:60] == words.split()


async def test_a_message_written_while_offline_is_sent_once(web: Web, house: BrowserHouse):
    wire = Wire()
    async with web.open(token=house.token) as page:
        await wire.install(page)
        await page.goto("/chat")
        await ask(page, "What is 2 plus 2?")
        await reply(page)
        await wire.cut()
        await expect(page.locator(".lost")).to_be_visible()
        await ask(page, "What is 20 plus 22?")
        wire.down = False
        assert "42" in await reply(page, 2, timeout=30_000)
        await expect(page.locator(".message")).to_have_count(4)


HOSTILE = (
    "<script>window.harmed = 1</script> <img src=x onerror='window.harmed = 2'> [go](javascript:window.harmed=3) "
    "<iframe srcdoc='<script>parent.harmed=4</script>'></iframe> **open\n\n"
    "```html\n<script>window.harmed = 5</script>\n\n| a | b |\n|--|\n$\\href{javascript:alert(1)}{x}$ ![p](https://example.invalid/pixel.png)"
)


async def test_hostile_text_is_only_text(web: Web, house: BrowserHouse):
    async with model(house, reply=HOSTILE), web.open(token=house.token) as page:
        outside: list[str] = []
        page.on(
            "request",
            lambda r: None if r.url.startswith(web.server.url) or r.url.startswith("blob:") else outside.append(r.url),
        )
        await page.goto("/chat")
        await ask(page, HOSTILE)
        await reply(page)
        await expect(page.locator(".markdown .code")).to_be_visible()
        assert await page.evaluate("window.harmed") is None
        assert await page.locator(".message script, .message iframe, .markdown img").count() == 0
        assert await page.locator("a[href^='javascript']").count() == 0
        assert outside == []
    assert web.complaints == []


async def test_tables_maths_code_and_diagrams_are_drawn(web: Web, house: BrowserHouse):
    text = (
        "| a | b |\n|---|---|\n| 1 | 2 |\n\n$$\nx^2\n$$\n\n```python\nprint('hi')\n```\n\n"
        "```mermaid\ngraph TD; A-->B;\n```\n"
    )
    async with model(house, reply=text), web.open(token=house.token) as page:
        await page.goto("/chat")
        await ask(page, "Show me")
        await expect(page.locator(".markdown table")).to_be_visible()
        await expect(page.locator(".markdown .katex").first).to_be_visible()
        await expect(page.locator(".markdown .hljs-string")).to_have_text("'hi'")
        await expect(page.locator(".markdown .diagram svg")).to_be_visible()
    assert web.complaints == []


async def test_a_message_can_be_sent_and_answered_with_the_keyboard_alone(web: Web):
    async with web.open() as page:
        await page.goto("/")
        await expect(page.locator("input[name=username]")).to_be_focused()
        await page.keyboard.type("admin")
        await page.keyboard.press("Tab")
        await page.keyboard.type("a-password-1")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/chat")
        await expect(page.locator("form.composer textarea")).to_be_focused()
        await page.keyboard.type("What is 6 times 7?")
        await page.keyboard.press("Enter")
        assert "42" in await reply(page)

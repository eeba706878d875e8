"""The order of a fall-back chain: by dragging, with the keyboard, taken out and put back."""

from __future__ import annotations

import asyncio

from playwright.async_api import Page, expect

from tests.browser.pages import PATIENCE_MS, BrowserHouse, Web

NAMES = ["harbour", "lighthouse", "ferry"]


async def with_chain(house: BrowserHouse) -> None:
    """Three models in the chain, which nobody asks."""
    for name in NAMES:
        config = {"id": name, "type": "openai_chat_completion", "provider_type": "chat_completion", "enable": True}
        await house.post("/api/provider/new", config=config | {"api_base": "http://127.0.0.1:9", "api_key": "none"})
    await house.post("/api/config/write", id="default", profile={"llm": NAMES})


async def stored(house: BrowserHouse) -> list[str]:
    """The chain on the server."""
    return (await house.get("/api/config/read", id="default"))["profile"]["llm"]


async def keeps(house: BrowserHouse, names: list[str]) -> None:
    """Wait until the server has stored this chain."""
    async with asyncio.timeout(PATIENCE_MS / 1000):
        while await stored(house) != names:
            await asyncio.sleep(0.05)


async def shows(page: Page, names: list[str]) -> None:
    """Wait until the rows of the chain stand in this order."""
    rows = page.locator(".order").first.locator("li")
    await expect(rows).to_have_count(len(names))
    for row, name in enumerate(names):
        await expect(rows.nth(row)).to_contain_text(name)


async def test_a_chain_is_ordered_by_dragging(web: Web, house: BrowserHouse):
    await with_chain(house)
    writes: list[str] = []
    async with web.open(token=house.token) as page:
        page.on("request", lambda request: writes.append(request.url) if "config/write" in request.url else None)
        await page.goto("/providers")
        await shows(page, NAMES)
        rows = page.locator(".order").first.locator("li")
        await rows.nth(0).drag_to(rows.nth(2))
        await shows(page, ["lighthouse", "ferry", "harbour"])
        await expect(page.locator(".toast.good")).to_be_visible()
        assert await stored(house) == ["lighthouse", "ferry", "harbour"]
        # However many rows it passed, it was saved once.
        assert len(writes) == 1
        await page.reload()
        await shows(page, ["lighthouse", "ferry", "harbour"])
    assert web.complaints == []


async def test_a_chain_is_ordered_with_the_keyboard(web: Web, house: BrowserHouse):
    await with_chain(house)
    async with web.open(token=house.token) as page:
        await page.goto("/providers")
        await shows(page, NAMES)
        await page.get_by_role("button", name="Move ferry up").focus()
        # Twice in a row, faster than the server answers: the focus follows the row.
        await page.keyboard.press("Enter")
        await page.keyboard.press("Enter")
        await shows(page, ["ferry", "harbour", "lighthouse"])
        await expect(page.get_by_role("button", name="Move ferry down")).to_be_focused()
        await expect(page.locator(".toast.good").last).to_be_visible()
        await page.get_by_role("button", name="Remove harbour").click()
        await shows(page, ["ferry", "lighthouse"])
        await keeps(house, ["ferry", "lighthouse"])
        await page.get_by_role("button", name="Use it").first.click()
        await expect(page.locator(".order").first.locator("li")).to_have_count(3)


async def test_an_order_that_could_not_be_saved_goes_back(web: Web, house: BrowserHouse):
    await with_chain(house)
    async with web.open(token=house.token) as page:
        await page.goto("/providers")
        await shows(page, NAMES)
        await page.route("**/api/config/write", lambda route: route.abort())
        await page.get_by_role("button", name="Move ferry up").click()
        await expect(page.locator(".toast.bad")).to_contain_text("cannot be reached")
        await shows(page, NAMES)

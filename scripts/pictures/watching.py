"""Scenes of the rooms where a bot in use is watched: conversations, keys, figures, logs and settings."""

from __future__ import annotations

from playwright.async_api import Page

from scripts.pictures.house import TIDE
from scripts.pictures.scene import Scene, loaded, nothing_there, primary, scrolled, to_the_end


async def conversation(page: Page) -> None:
    """A conversation that is read."""
    await page.locator(".rows button").filter(has_text=TIDE).click()
    await page.locator(".message").first.wait_for()


async def conversation_search(page: Page) -> None:
    """Words that are looked for in messages."""
    await page.locator("input[type=search]").fill("gauge")
    await page.locator(".hits button").first.wait_for()


async def key_made(page: Page) -> None:
    """A key, the only time that it is shown."""
    await primary(page)
    await page.locator("#key-form input").first.fill("My script")
    await page.locator("dialog footer .primary").click()
    await page.locator("dialog pre").first.wait_for()


async def limit_form(page: Page) -> None:
    """A limit of use for one of the keys."""
    await page.locator(".limits li").first.wait_for()
    await page.locator(".page section.card .button").first.click()
    await page.locator("#limit-form input[type=checkbox]").uncheck()
    await page.locator("#limit-form select").first.wait_for()


async def limit_refused(page: Page) -> None:
    """A limit of use that lacks what it is for."""
    await page.locator("section.card .limits").scroll_into_view_if_needed()
    await page.locator("section.card").filter(has=page.locator(".limits")).locator(".button").first.click()
    await page.locator("#limit-form input[type=checkbox]").uncheck()
    await page.locator("#limit-form input[type=number]").fill("")
    await page.locator("dialog footer .primary").click()


async def statistics_table(page: Page) -> None:
    """The figures of a chart as a table."""
    await loaded(page)
    await page.locator(".chart summary").first.click()
    await page.locator(".chart summary").first.scroll_into_view_if_needed()


async def libraries(page: Page) -> None:
    """What the program is made of."""
    await loaded(page)
    await page.locator("details summary").last.click()
    await page.locator("details summary").last.evaluate("summary => summary.scrollIntoView()")


async def contract(page: Page) -> None:
    """The contract, and a request that was sent from it."""
    operation = page.locator("details").filter(has_text="/api/apikey/list").first
    await operation.locator("summary").click()
    await operation.get_by_role("button", name="Send").click()
    await operation.locator("pre").filter(has_text="HTTP 200").wait_for()
    await operation.evaluate("details => details.scrollIntoView()")


async def listed(page: Page) -> None:
    """The routes are there."""
    await page.locator("details").first.wait_for()


WATCHING = (
    Scene("conversations", "/conversations"),
    Scene("conversation", "/conversations", conversation),
    Scene("conversations-search", "/conversations", conversation_search),
    Scene("conversations-none", "/conversations", nothing_there),
    Scene("keys", "/keys"),
    Scene("keys-none", "/keys", nothing_there),
    Scene("key-form", "/keys", primary, dialog="KeysPage"),
    Scene("key-made", "/keys", key_made, dialog="KeysPage"),
    Scene("limit-form", "/keys", limit_form, dialog="UsageLimits"),
    Scene("limit-form-refused", "/statistics", limit_refused, dialog="UsageLimits"),
    Scene("statistics", "/statistics", loaded),
    Scene("statistics-middle", "/statistics", scrolled),
    Scene("statistics-end", "/statistics", to_the_end),
    Scene("statistics-table", "/statistics", statistics_table),
    Scene("logs", "/logs"),
    Scene("settings", "/settings"),
    Scene("settings-end", "/settings", to_the_end),
    Scene("settings-libraries", "/settings", libraries),
    Scene("api-docs", "/api/docs", listed),
    Scene("api-docs-sent", "/api/docs", contract),
    Scene("missing", "/nowhere"),
)

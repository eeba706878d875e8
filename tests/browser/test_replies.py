"""What can be done with a message: stop, edit, answer again, reply to it, copy, its figures, export."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
from playwright.async_api import expect

from tests.browser.pages import BrowserHouse, Web, ask, reply
from tests.browser.standins import model


async def test_stop_edit_and_answer_again(web: Web, house: BrowserHouse):
    async with model(house, tokens=400, hang=20, sentence=0) as mock, web.open(token=house.token) as page:
        await page.goto("/chat")
        await ask(page, "Count for me")
        await expect(page.locator(".message:not(.mine) .markdown")).to_be_visible()
        await page.get_by_role("button", name="Stop the reply").click()
        await expect(page.locator(".note")).to_contain_text("Stopped")
        mock.behaviour = msgspec.structs.replace(mock.behaviour, reply="Short and sweet.", hang=-1)
        await page.locator(".message.mine").hover()
        await page.get_by_role("button", name="Edit and send again").click()
        await page.get_by_label("Edited message").fill("Just a word")
        await page.get_by_role("button", name="Send again", exact=True).click()
        # The stopped reply is on the page until the edit takes it away.
        await expect(page.locator(".message:not(.mine) .bubble")).to_contain_text("Short and sweet.")
        await expect(page.locator(".message.mine")).to_have_count(1)
        await expect(page.locator(".message.mine .plain")).to_have_text("Just a word")
        mock.behaviour = msgspec.structs.replace(mock.behaviour, reply="Another word.")
        await page.get_by_role("button", name="Answer again").click()
        await expect(page.locator(".message:not(.mine) .bubble")).to_contain_text("Another word.")
        await page.reload()
        await expect(page.locator(".message")).to_have_count(2)
        assert "Another word." in await reply(page)


async def test_a_reply_to_a_message_carries_its_words(web: Web, house: BrowserHouse):
    async with model(house, reply="The ferry leaves at nine.") as mock, web.open(token=house.token) as page:
        await page.goto("/chat")
        await ask(page, "When does it leave?")
        await reply(page)
        mock.behaviour = msgspec.structs.replace(mock.behaviour, reply="Yes.")
        await page.locator(".message:not(.mine)").hover()
        await page.get_by_role("button", name="Reply to this").last.click()
        await expect(page.locator(".composer .quote")).to_contain_text("The ferry leaves at nine.")
        await ask(page, "Are you sure?")
        await reply(page, 2)
        await expect(page.locator(".composer .quote")).to_have_count(0)
        await expect(page.locator(".message.mine blockquote").last).to_contain_text("The ferry leaves at nine.")
        assert "The ferry leaves at nine." in str(mock.requests[-1]["body"]["messages"][-1])


async def test_figures_and_export(web: Web, house: BrowserHouse):
    async with model(house, reply="Ready."), web.open(token=house.token) as page:
        await page.goto("/chat")
        await ask(page, "Are you there?")
        await reply(page)
        figures = page.locator(".message:not(.mine) .foot")
        await expect(figures).to_contain_text("tokens")
        await expect(figures).to_contain_text("first word")
        written: dict[str, str] = {}
        for kind in ("Markdown", "JSON"):
            await page.get_by_role("button", name="Options of this session").first.click()
            async with page.expect_download() as download:
                await page.get_by_role("menuitem", name=f"Export as {kind}").click()
            written[kind] = Path(await (await download.value).path()).read_text()
        assert "Are you there?" in written["Markdown"]
        assert "Ready." in written["Markdown"]
        assert "Are you there?" in json.dumps(json.loads(written["JSON"]))
    assert web.complaints == []


async def test_code_is_copied_as_it_was_written(web: Web, house: BrowserHouse):
    async with model(house, reply="```python\nprint('a < b')\n```"), web.open(token=house.token) as page:
        await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await page.goto("/chat")
        await ask(page, "Show me")
        await reply(page)
        await page.locator(".code-copy").click()
        await expect(page.locator(".code-copy")).to_have_text("Copied")
        assert await page.evaluate("navigator.clipboard.readText()") == "print('a < b')"

"""Files in messages: dragged, pasted, with their progress, a failed upload, a voice message."""

from __future__ import annotations

import re

from playwright.async_api import Page, expect

from tests.browser.pages import BrowserHouse, Web, ask, reply
from tests.browser.standins import model
from tests.support.spoken import say

HANDED_OVER = """([selector, kind, name, text, type]) => {
    const data = new DataTransfer()
    data.items.add(new File([text], name, { type }))
    const fields = { bubbles: true, cancelable: true }
    const event = kind === 'paste'
        ? new ClipboardEvent('paste', { ...fields, clipboardData: data })
        : new DragEvent(kind, { ...fields, dataTransfer: data })
    document.querySelector(selector).dispatchEvent(event)
}"""


async def hand_over(page: Page, selector: str, kind: str, name: str, text: str) -> None:
    """Drag or paste a text file, as the browser tells the page of it."""
    await page.evaluate(HANDED_OVER, [selector, kind, name, text, "text/plain"])


async def test_files_are_dropped_and_pasted(web: Web, house: BrowserHouse):
    async with model(house, reply="Read them.") as mock, web.open(token=house.token) as page:
        await page.goto("/chat")
        await page.locator("form.composer").wait_for()
        await hand_over(page, ".chat", "dragenter", "tide.txt", "High water at ten.")
        await expect(page.locator(".drop")).to_be_visible()
        await hand_over(page, ".chat", "drop", "tide.txt", "High water at ten.")
        await expect(page.locator(".drop")).to_have_count(0)
        await hand_over(page, "form.composer textarea", "paste", "wind.txt", "Wind from the west.")
        await expect(page.locator(".chip")).to_have_count(2)
        await page.get_by_role("button", name="Remove wind.txt").click()
        await expect(page.locator(".chip")).to_have_count(1)
        await hand_over(page, "form.composer textarea", "paste", "wind.txt", "Wind from the west.")
        await ask(page, "What do they say?")
        await reply(page)
        asked = str(mock.requests[-1]["body"])
        assert "High water at ten." in asked
        assert "Wind from the west." in asked
    assert web.complaints == []


async def test_a_long_upload_shows_its_progress_and_the_message_waits_for_it(web: Web, house: BrowserHouse):
    async with model(house, reply="Read it.") as mock, web.open(token=house.token) as page:
        await page.goto("/chat")
        network = await page.context.new_cdp_session(page)
        speed = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 50_000}
        await network.send("Network.enable")
        await network.send("Network.emulateNetworkConditions", speed)
        content = b"The tide table. " * 50_000
        file = {"name": "tide.txt", "mimeType": "text/plain", "buffer": content}
        await page.locator("form.composer input[type=file]").set_input_files(file)
        progress = page.locator(".chip [role=progressbar]")
        await expect(progress).to_have_attribute("aria-valuenow", re.compile(r"[1-9]\d?"))
        await ask(page, "What is it?")
        await expect(page.locator(".message")).to_have_count(0)
        await network.send("Network.emulateNetworkConditions", speed | {"uploadThroughput": -1})
        assert "Read it." in await reply(page)
        assert "The tide table." in str(mock.requests[-1]["body"])


async def test_a_failed_upload_holds_the_message_back_and_is_tried_again(web: Web, house: BrowserHouse):
    async with model(house, reply="Read it."), web.open(token=house.token) as page:
        await page.goto("/chat")
        await page.route("**/api/chat/post_file", lambda route: route.abort())
        file = {"name": "tide.txt", "mimeType": "text/plain", "buffer": b"High water at ten."}
        await page.locator("form.composer input[type=file]").set_input_files(file)
        await expect(page.locator(".chip.bad")).to_contain_text("cannot be reached")
        await ask(page, "What does it say?")
        await expect(page.locator(".composer [role=alert]")).to_contain_text("could not be uploaded")
        await expect(page.locator(".message")).to_have_count(0)
        await page.unroute("**/api/chat/post_file")
        await page.locator(".chip").get_by_role("button").first.click()
        await expect(page.locator(".chip.bad")).to_have_count(0)
        await page.get_by_role("button", name="Send", exact=True).click()
        assert "Read it." in await reply(page)
        await expect(page.locator(".mine .file")).to_contain_text("tide.txt")


async def test_a_voice_message_is_recorded_played_and_understood(web: Web, house: BrowserHouse):
    speech = bytes(16_000) + await say("tell me a story")
    async with web.open(token=house.token, speech=speech) as page:
        await page.goto("/chat")
        await page.get_by_role("button", name="Record a voice message").click()
        await expect(page.locator(".recording")).to_contain_text(re.compile(r"Recording ([3-9]|\d\d)(\.\d+)? s"))
        await page.get_by_role("button", name="Attach the recording").click()
        await expect(page.locator(".chip")).to_contain_text(".wav")
        await page.get_by_role("button", name="Send", exact=True).click()
        await expect(page.locator(".mine audio")).to_be_visible()
        assert "Once upon a time" in await reply(page)
    assert web.complaints == []

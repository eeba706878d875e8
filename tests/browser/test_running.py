"""Running the bot: MCP servers, bots, personas, profiles of sessions, conversations, keys, figures, the log."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import aiohttp
from playwright.async_api import Page, expect

from tests.browser.pages import BrowserHouse, Web, ask, reply
from tests.browser.standins import model
from tests.support.server_process import ROOT


async def agree(page: Page, name: str) -> None:
    """Answer the question that is asked before something is destroyed."""
    await page.get_by_role("dialog").get_by_role("button", name=name, exact=True).click()


async def test_an_mcp_server_is_tested_added_limited_and_deleted(web: Web, house: BrowserHouse):
    async with web.open(token=house.token) as page:
        await page.goto("/plugins")
        await page.get_by_role("button", name="Add a server").click()
        form = page.get_by_role("dialog")
        await form.get_by_label("Name", exact=True).fill("sums")
        await form.get_by_label("Command", exact=True).fill(sys.executable)
        await form.get_by_role("button", name="Arguments: Add an entry").click()
        await form.get_by_label("Arguments: Entry 1").fill(str(ROOT / "tests" / "standins" / "mcp_server.py"))
        await form.get_by_role("button", name="Arguments: Add an entry").click()
        await form.get_by_label("Arguments: Entry 2").fill("stdio")
        await form.get_by_role("button", name="Environment variables: Edit as JSON").click()
        variables = form.get_by_label("Environment variables", exact=True)
        await variables.fill('["no object"]')
        await expect(form.get_by_role("alert")).to_contain_text("not a JSON object")
        await expect(form.get_by_role("button", name="Save")).to_be_disabled()
        await variables.fill("{}")
        await form.get_by_role("button", name="Test").click()
        await expect(form.get_by_role("status").last).to_contain_text("Answered in")
        await form.get_by_role("button", name="Save").click()
        await expect(page.locator(".toast.good").last).to_contain_text("Saved")
        await page.get_by_text("sums", exact=True).click()
        switch = page.get_by_role("switch", name="The model may use add")
        await switch.click()
        await expect(switch).not_to_be_checked()
        await page.get_by_role("button", name="Delete: sums").click()
        await agree(page, "Delete")
        await expect(page.get_by_text("sums", exact=True)).to_have_count(0)


async def test_a_bot_that_cannot_connect_says_why_and_is_stopped_and_deleted(web: Web, house: BrowserHouse):
    async with web.open(token=house.token) as page:
        await page.goto("/bots")
        await page.get_by_role("button", name="Add a bot").first.click()
        choices = page.get_by_role("dialog")
        types = choices.locator(".types button")
        await expect(types.first.or_(choices.get_by_text("No platform adapter"))).to_be_visible()
        if await types.count() == 0:
            return
        await types.first.click()
        form = page.get_by_role("dialog")
        await form.get_by_label("Name", exact=True).fill("harbour-bot")
        await form.get_by_role("button", name="Save").click()
        card = page.locator(".bot", has_text="harbour-bot")
        await expect(card).to_be_visible()
        stop = card.get_by_role("button", name="Stop", exact=True)
        start = card.get_by_role("button", name="Start", exact=True)
        await expect(stop.or_(start)).to_be_visible()
        if await stop.count():
            await stop.click()
        await expect(start).to_be_visible()
        await card.get_by_role("button", name="Delete: harbour-bot").click()
        await agree(page, "Delete")
        await expect(card).to_have_count(0)


async def test_a_persona_and_a_profile_shape_a_session(web: Web, house: BrowserHouse):
    async with model(house, reply="Aye.") as mock, web.open(token=house.token) as page:
        await page.goto("/personas")
        await page.get_by_role("button", name="New persona").first.click()
        form = page.get_by_role("dialog")
        await form.get_by_role("button", name="Save").click()
        await expect(form.get_by_text("Enter a name.")).to_be_visible()
        await form.get_by_label("Name", exact=True).fill("captain")
        await form.locator("textarea").first.fill("You are an old captain.")
        await form.get_by_role("button", name="Save").click()
        await expect(page.locator(".persona", has_text="captain")).to_be_visible()

        await page.goto("/profiles")
        await page.get_by_role("button", name="New profile").click()
        await page.get_by_role("dialog").get_by_label("Name of the profile").fill("At sea")
        await agree(page, "Add")
        await expect(page.get_by_role("heading", name="At sea")).to_be_visible()
        await page.get_by_label("Persona", exact=True).select_option("captain")
        await expect(page.get_by_text("not saved yet")).to_be_visible()
        await page.get_by_role("button", name="Save", exact=True).click()
        await expect(page.locator(".toast.good").last).to_contain_text("Saved")

        await page.get_by_role("button", name="Rename").click()
        await page.get_by_role("dialog").get_by_label("Name of the profile").fill("On the sea")
        await agree(page, "Save")
        await expect(page.get_by_role("heading", name="On the sea")).to_be_visible()
        assert (await house.get("/api/config/list"))["configs"][1]["persona_id"] == "captain"

        # Chosen before the first message of a new session, kept afterwards.
        await page.goto("/chat")
        await page.get_by_role("button", name="Model and persona").click()
        await page.get_by_label("Profile", exact=True).select_option("On the sea")
        await page.keyboard.press("Escape")
        await ask(page, "Are we there yet?")
        assert "Aye." in await reply(page)
        assert "You are an old captain." in str(mock.requests[-1]["body"]["messages"][0])
        await page.reload()
        await page.get_by_role("button", name="Model and persona").click()
        await expect(page.get_by_label("Profile", exact=True).locator("option:checked")).to_have_text("On the sea")
        await page.get_by_label("Profile", exact=True).select_option("default")
        await page.keyboard.press("Escape")
        await ask(page, "And now?")
        await reply(page, 2)
        assert "You are an old captain." not in str(mock.requests[-1]["body"]["messages"][0])
    assert web.complaints == []


async def test_conversations_are_searched_read_exported_and_deleted(web: Web, house: BrowserHouse):
    async with web.open(token=house.token) as page:
        await page.goto("/chat")
        await ask(page, "What is 6 times 7?")
        await reply(page)
        await page.get_by_role("button", name="New chat").click()
        await ask(page, "What is 20 plus 30?")
        await reply(page)
        await page.goto("/conversations")
        await expect(page.locator(".rows li")).to_have_count(2)
        await page.get_by_role("searchbox").fill("20 plus 30")
        await expect(page.locator(".rows li")).to_have_count(1)
        await expect(page.locator(".hits li").first).to_contain_text("20 plus 30")
        await page.locator(".hits button").first.click()
        await expect(page.locator(".message")).to_have_count(2)
        written: dict[str, str] = {}
        for kind in ("Markdown", "JSON"):
            async with page.expect_download() as download:
                await page.get_by_role("button", name=f"Export as {kind}").click()
            written[kind] = Path(await (await download.value).path()).read_text()
        assert "20 plus 30" in written["Markdown"]
        assert "50" in json.dumps(json.loads(written["JSON"]))
        await page.locator(".room header").get_by_role("button", name="Delete").click()
        await agree(page, "Delete")
        await expect(page.locator(".toast.good")).to_contain_text("Deleted")
        await page.get_by_role("searchbox").fill("")
        await expect(page.locator(".rows li")).to_have_count(1)
    assert web.complaints == []


async def test_a_key_from_the_page_opens_the_live_socket(web: Web, house: BrowserHouse):
    async with web.open(token=house.token) as page:
        await page.goto("/keys")
        await page.get_by_role("button", name="New key").first.click()
        await page.get_by_label("Name").fill("doorbell")
        await page.get_by_role("button", name="Create").click()
        example = page.get_by_role("dialog").locator("pre").last
        await expect(example).to_contain_text("new WebSocket")
        # The example runs as it stands, in a page of the same server.
        script = f"""() => new Promise((resolve) => {{
            {await example.inner_text()}
            const kinds = []
            ws.addEventListener('message', (event) => {{
                kinds.push(JSON.parse(event.data).t)
                if (kinds.at(-1) === 'end') resolve(kinds)
            }})
        }})"""
        kinds = await page.evaluate(script)
        assert {"user_msg", "bot_delta_chunk", "response"} <= set(kinds)


async def test_a_limit_of_use_is_set_felt_changed_and_lifted(web: Web, house: BrowserHouse):
    async with model(house, reply="Ready."), web.open(token=house.token) as page:
        await page.goto("/chat")
        await ask(page, "Are you there?")
        await reply(page)
        await page.goto("/statistics")
        limits = page.get_by_role("region", name="Limits of use")
        await limits.get_by_role("button", name="Set a limit").click()
        form = page.get_by_role("dialog")
        await form.get_by_label("Each one without").uncheck()
        await form.get_by_label("Tokens").fill("0")
        await form.get_by_role("button", name="Set the limit").click()
        await expect(form.get_by_text("Say for whom")).to_be_visible()
        await expect(form.get_by_text("greater than zero")).to_be_visible()
        await form.get_by_label("Who").fill("admin")
        await form.get_by_label("Tokens").fill("1")
        await form.get_by_role("button", name="Set the limit").click()
        await expect(limits.locator("li")).to_contain_text("User admin")
        await expect(limits.locator("li")).to_contain_text("1 token a day")

        await page.goto("/chat")
        await ask(page, "And now?")
        await expect(page.locator(".message .error")).to_contain_text("used up")
        await page.goto("/statistics")
        await limits.get_by_role("button", name="Change: User admin").click()
        await form.get_by_label("Tokens").fill("5000")
        await form.get_by_role("button", name="Set the limit").click()
        await expect(limits.locator("li")).to_contain_text("5,000 tokens a day")
        await limits.get_by_role("button", name="Lift: User admin").click()
        await agree(page, "Lift")
        await expect(limits.locator("li")).to_have_count(0)
    assert web.complaints == []


async def test_figures_are_drawn_and_the_log_is_filtered_paused_and_kept(web: Web, house: BrowserHouse):
    async with model(house, reply="Ready."), web.open(token=house.token) as page:
        await page.goto("/chat")
        await ask(page, "Are you there?")
        await reply(page)
        await page.goto("/statistics")
        await expect(page.locator(".chart canvas").first).to_be_visible()
        assert await page.locator(".chart canvas").count() >= 3
        await page.get_by_role("tab", name="Hour").click()
        await page.get_by_label("Told apart by").select_option("model")
        await expect(page.get_by_role("region", name="Who used how much")).to_contain_text("mock")

        await page.goto("/logs")
        await expect(page.get_by_text("live", exact=True)).to_be_visible()
        await page.get_by_role("button", name="Pause").click()
        async with aiohttp.ClientSession(web.server.url) as http:
            await http.post("/api/auth/login", json={"username": "nobody", "password": "wrong"})
        await expect(page.get_by_text("Paused.")).to_be_visible()
        await page.get_by_role("button", name="Go on").click()
        await expect(page.get_by_text("Paused.")).to_have_count(0)
        async with page.expect_download() as download:
            await page.get_by_role("button", name="Download").click()
        lines = Path(await (await download.value).path()).read_text().splitlines()
        assert all("level" in json.loads(line) for line in lines)
        await page.get_by_label("Level").select_option("ERROR")
        await expect(page.locator(".line.info")).to_have_count(0)
        await page.get_by_role("button", name="Clear the filters").click()
        await expect(page.locator(".line.info").first).to_be_visible()
    assert web.complaints == []

"""A plugin's own page in the web UI: in its frame, with data of the plugin's web API, and with nothing else."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.pages import AXE, BrowserHouse, Web, serious_findings
from tests.support.server_process import ServerProcess

SAMPLES = Path(__file__).parents[1] / "plugins_on_disk"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """The server with a plugin that brings a page."""
    shutil.copytree(SAMPLES / "sample_web", tmp_path / "data" / "plugins" / "sample_web")
    async with ServerProcess(tmp_path / "data") as process:
        yield process


async def test_a_page_is_opened_and_talks_to_its_plugin(web: Web, house: BrowserHouse, tmp_path: Path):
    note = tmp_path / "note.txt"
    note.write_text("seven b", "ascii")
    async with web.open(token=house.token) as page:
        await page.goto("/plugins")
        await page.get_by_role("link", name="Open Notice board").click()
        await expect(page.locator("h1")).to_have_text("Notice board")
        frame = page.frame_locator("iframe")
        await expect(frame.locator("#heading")).to_have_text("Welcome")
        await expect(frame.locator("html")).to_have_attribute("data-bridge", "object")
        await expect(frame.locator("#user")).to_have_text("admin on page 7")
        await expect(frame.locator("#events")).to_have_text("0 1 2")
        await expect(frame.locator("#error")).to_have_text("no such item")
        await frame.get_by_role("button", name="Save").click()
        await expect(frame.locator("#saved")).to_have_text("five red sample_web")
        await frame.get_by_label("File").set_input_files(note)
        await expect(frame.locator("#uploaded")).to_have_text("note.txt 7")
        async with page.expect_download() as started:
            await frame.get_by_role("button", name="Download").click()
        download = await started.value
        assert download.suggested_filename == "notes.txt"
        assert "SampleWeb" in Path(await download.path()).read_text("utf-8")
        # Style, script module and picture came through the ticket; the web UI's storage did not.
        assert await frame.locator("body").evaluate("getComputedStyle(document.body).color") == "rgb(20, 20, 20)"
        assert await frame.locator("#picture").evaluate("(picture) => picture.naturalWidth") == 10
        await expect(frame.locator("#token")).to_have_text("out of reach")
        assert house.token not in await frame.locator("html").evaluate(
            "location.href + document.documentElement.outerHTML"
        )
    assert web.complaints == []


async def test_a_page_follows_language_and_theme(web: Web, house: BrowserHouse):
    async with web.open(token=house.token, locale="zh-CN", dark=True) as page:
        await page.goto("/plugins")
        await expect(page.get_by_role("heading", name="网页示例")).to_be_visible()
        await page.goto("/plugins/sample_web/board")
        await expect(page.locator("h1")).to_have_text("公告板")
        frame = page.frame_locator("iframe")
        await expect(frame.locator("#heading")).to_have_text("欢迎")
        await expect(frame.locator("#theme")).to_have_text("dark")
        assert await frame.locator("body").evaluate("getComputedStyle(document.body).color") == "rgb(230, 230, 230)"
        await page.emulate_media(color_scheme="light")
        await expect(frame.locator("#theme")).to_have_text("light")
    assert web.complaints == []


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed (npm ci in dashboard/)")
async def test_axe_finds_nothing_serious_around_a_page(web: Web, house: BrowserHouse):
    async with web.open(token=house.token, calm=True) as page:
        await page.goto("/plugins")
        await page.get_by_role("link", name="Open Notice board").wait_for()
        assert await serious_findings(page) == []
        await page.goto("/plugins/sample_web/board")
        await page.frame_locator("iframe").locator("#user").wait_for()
        assert await serious_findings(page) == []


async def test_a_page_that_is_opened_outside_of_its_frame_is_as_shut_in(web: Web, house: BrowserHouse):
    address = (await house.get("/api/plugin/page", name="sample_web", page="board"))["address"]
    async with web.open(token=house.token) as page:
        await page.goto("/plugins")
        await page.goto(address)
        assert await page.evaluate("origin") == "null"
        refused = "(() => { try { return localStorage.length } catch (error) { return error.name } })()"
        assert await page.evaluate(refused) == "SecurityError"
        answers = "fetch('/api/plugin/get').then((answer) => answer.status, (error) => error.name)"
        assert await page.evaluate(answers) == "TypeError"


async def test_what_a_page_may_not_load_is_said(web: Web, house: BrowserHouse):
    plugin = house.server.data / "plugins" / "sample_web" / "pages" / "board"
    (plugin / "index.html").write_text("<script src='https://cdn.example.com/vue.js'></script><h1>Here</h1>", "utf-8")
    async with web.open(token=house.token) as page:
        await page.goto("/plugins/sample_web/board")
        await expect(page.get_by_role("status")).to_contain_text("add https://cdn.example.com to")
        await expect(page.frame_locator("iframe").locator("h1")).to_have_text("Here")


async def test_a_page_of_a_plugin_that_is_off_says_so(web: Web, house: BrowserHouse):
    await house.post("/api/plugin/off", name="sample_web")
    async with web.open(token=house.token) as page:
        await page.goto("/plugins/sample_web/board")
        await expect(page.get_by_role("alert")).to_contain_text("does not run")
        await house.post("/api/plugin/on", name="sample_web")
        await page.get_by_role("button", name="Try again").click()
        await expect(page.frame_locator("iframe").locator("#user")).to_have_text("admin on page 7")

"""The Settings page: backup and restore, browsers that are signed in."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import expect

from tests.browser.pages import BrowserHouse, Web, ask, reply, sign_in
from tests.support.server_process import ServerProcess


async def test_a_backup_is_restored_from_its_file(web: Web, server: ServerProcess, tmp_path: Path):
    async with BrowserHouse(server) as house, web.open(token=house.token) as page:
        await page.goto("/chat")
        await ask(page, "What is 6 times 7?")
        await reply(page)
        session = page.url
        await page.goto("/settings")
        await page.get_by_role("button", name="Make a backup").click()
        await expect(page.locator(".toast.good").last).to_contain_text("backup is ready")
        async with page.expect_download() as download:
            await page.get_by_role("button", name="Download:").first.click()
        kept = tmp_path / "kept.zip"
        await (await download.value).save_as(kept)
        await house.post("/api/chat/delete_session", session_id=session.rsplit("/", 1)[1])

        broken = {"name": "broken.zip", "mimeType": "application/zip", "buffer": b"no archive"}
        restore = page.locator(".card", has_text="Backup and restore")
        await restore.locator("input[type=file]").set_input_files(broken)
        await page.get_by_role("dialog").get_by_role("button", name="Restore").click()
        await expect(page.locator(".toast.bad")).to_be_visible()
        await restore.locator("input[type=file]").set_input_files(kept)
        await page.get_by_role("dialog").get_by_role("button", name="Restore").click()
        await expect(page.get_by_text("Restart the server to put it in place.")).to_be_visible()
        port = int(server.url.rsplit(":", 1)[1])
        assert await server.stop() == 0
        await server.start(port=port)
        await page.goto(session)
        assert "42" in await reply(page)


async def test_another_browser_is_signed_out_from_here(web: Web, house: BrowserHouse):
    async with web.open() as other, web.open(token=house.token) as page:
        await sign_in(other)
        await other.goto("/keys")
        await page.goto("/settings")
        card = page.locator(".card", has_text="Signed in")
        await expect(card.locator("li")).to_have_count(2)
        await card.get_by_role("button", name="Sign out", exact=True).click()
        await page.get_by_role("dialog").get_by_role("button", name="Sign out").click()
        await expect(card.locator("li")).to_have_count(1)
        await other.get_by_role("link", name="Personas").click()
        await expect(other.get_by_role("alert")).to_contain_text("sign-in has ended")
        await page.get_by_role("link", name="Personas").click()
        await expect(page.get_by_role("heading", name="Personas")).to_be_visible()

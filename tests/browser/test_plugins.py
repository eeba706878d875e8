"""Plugins from a Git address and a folder: configured, used, reloaded, updated, failed and mended."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path

from playwright.async_api import Page, expect

from tests.browser.pages import BrowserHouse, Web, ask, reply

SCHEMA = {
    "greeting": {"type": "string", "description": "Greeting", "default": "Hello"},
    "tone": {"type": "string", "description": "Tone", "options": ["kind", "curt"], "default": "kind"},
    "names": {"type": "list", "description": "Names", "default": ["Ann"]},
    "more": {
        "type": "object",
        "description": "More",
        "items": {
            "times": {"type": "int", "description": "Times", "default": 1, "slider": {"min": 1, "max": 3}},
            "deep": {
                "type": "object",
                "description": "Deep",
                "items": {"share": {"type": "float", "description": "Share", "default": 0.5}},
            },
        },
    },
}

MAIN = '''from astrbot.api.event import AstrMessageEvent, filter
from astrbot.api.star import Context, Star


class Greeter(Star):
    def __init__(self, context: Context, config):
        super().__init__(context)
        self.config = config

    @filter.command("greetall")
    async def greet_all(self, event: AstrMessageEvent):
        """Greets everybody."""
        config, more = self.config, self.config["more"]
        who = " and ".join(config["names"])
        yield event.plain_result(
            f"{config['greeting']} {who}, {config['tone']}, {more['times']}, {more['deep']['share']}"
        )
'''


def write(folder: Path, *, version: str, main: str = MAIN) -> Path:
    """A plugin's files."""
    folder.mkdir(exist_ok=True, parents=True)
    described = f"name: greeter\nauthor: a test\nversion: {version}\ndesc: Greets.\nrepo: file://{folder}.git\n"
    (folder / "metadata.yaml").write_text(described)
    (folder / "_conf_schema.json").write_text(json.dumps(SCHEMA))
    (folder / "main.py").write_text(main)
    return folder


def publish(folder: Path, *, first: bool = False) -> None:
    """Commit the folder and push it to a bare repository beside it."""
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    steps = [["add", "-A"], ["commit", "-qm", "x"], ["push", "-q", f"{folder}.git", "HEAD:main"]]
    if first:
        steps = [["init", "-q", "--bare", f"{folder}.git"], ["init", "-q"], *steps]
    for step in steps:
        subprocess.run(["git", *identity, *step], cwd=folder, check=True, capture_output=True)


async def install(page: Page, tab: str, label: str, source: str) -> None:
    """Through the dialogue of the Plugins page."""
    await page.goto("/plugins")
    await page.get_by_role("button", name="Install a plugin").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("tab", name=tab).click()
    await dialog.get_by_label(label, exact=True).fill(source)
    await dialog.get_by_role("button", name="Install a plugin").click()


async def choose(page: Page, item: str) -> None:
    """From the menu of the greeter."""
    await page.get_by_role("button", name="More for greeter").click()
    await page.get_by_role("menuitem", name=item).click()


async def test_from_a_repository_over_its_settings_to_its_update(web: Web, house: BrowserHouse, tmp_path: Path):
    folder = write(tmp_path / "greeter", version="1.0.0")
    await asyncio.to_thread(publish, folder, first=True)
    async with web.open(token=house.token) as page:
        await install(page, "Git address", "Git address", f"file://{tmp_path}/nowhere.git")
        await expect(page.get_by_role("dialog").get_by_role("alert")).to_be_visible()
        await page.get_by_role("dialog").get_by_label("Git address", exact=True).fill(f"file://{folder}.git")
        await page.get_by_role("dialog").get_by_role("button", name="Install a plugin").click()

        form = page.get_by_role("dialog", name="greeter")
        await form.get_by_label("Greeting").fill("Ahoy")
        await form.get_by_label("Tone").select_option("curt")
        await form.get_by_role("button", name="Names: Add an entry").click()
        await form.get_by_label("Names: Entry 2").fill("Bob")
        times = form.get_by_role("spinbutton", name="Times")
        await times.fill("7")
        await expect(form.get_by_role("alert")).to_contain_text("outside its range")
        await expect(form.get_by_role("button", name="Save")).to_be_disabled()
        await times.fill("3")
        await form.get_by_label("Share").fill("0.25")
        await form.get_by_role("button", name="Save").click()
        await expect(page.locator(".toast.good").last).to_contain_text("Saved")

        await page.goto("/chat")
        await ask(page, "/greetall")
        assert "Ahoy Ann and Bob, curt, 3, 0.25" in await reply(page)

        await asyncio.to_thread(write, folder, version="2.0.0", main=MAIN.replace("{who},", "dear {who},"))
        await asyncio.to_thread(publish, folder)
        await page.goto("/plugins")
        await choose(page, "Update")
        await expect(page.locator(".toast.good").last).to_contain_text("Updated")
        await expect(page.locator(".plugin", has_text="greeter").first).to_contain_text("2.0.0")
        await choose(page, "Reload")
        await expect(page.locator(".toast.good").last).to_contain_text("Reloaded")
        await page.goto("/chat")
        await ask(page, "/greetall")
        assert "Ahoy dear Ann and Bob, curt, 3, 0.25" in await reply(page)
    assert web.complaints == []


async def test_from_a_folder_with_a_fault_that_is_mended(web: Web, house: BrowserHouse, tmp_path: Path):
    folder = write(tmp_path / "greeter", version="1.0.0", main="raise ValueError('no harbour')\n" + MAIN)
    async with web.open(token=house.token) as page:
        await install(page, "Folder", "Folder", str(folder))
        card = page.locator(".plugin.failed")
        await expect(card.get_by_role("alert")).to_contain_text("no harbour")
        await page.reload()  # away with what was told of the installation
        await card.get_by_role("button", name="Try again").click()
        await expect(page.locator(".toast.bad")).to_contain_text("no harbour")
        # Its author mends it where the server keeps it.
        (web.server.data / "plugins" / "greeter" / "main.py").write_text(MAIN)
        await card.get_by_role("button", name="Try again").click()
        await expect(page.locator(".plugin.failed")).to_have_count(0)
        await page.get_by_role("switch", name="Switch greeter on").click()
        await expect(page.get_by_role("switch", name="Switch greeter on")).not_to_be_checked()
        await page.get_by_role("switch", name="Switch greeter on").click()
        await expect(page.get_by_role("switch", name="Switch greeter on")).to_be_checked()
        await page.goto("/chat")
        await ask(page, "/greetall")
        assert "Hello Ann, kind, 1, 0.5" in await reply(page)
        await page.goto("/plugins")
        await choose(page, "Uninstall")
        await page.get_by_role("dialog").get_by_role("button", name="Uninstall").click()
        await expect(page.locator(".toast.good").last).to_contain_text("Uninstalled")
        await expect(page.get_by_role("button", name="More for greeter")).to_have_count(0)

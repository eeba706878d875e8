"""Every page in both languages, on a laptop and a phone, and to a screen reader; keys; plugins; providers."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.pages import AXE, BrowserHouse, Web, ask, reply, serious_findings, sign_in, until
from tests.support.frames import sse_frames
from tests.support.server_process import ROOT

PAGES = {
    "chat": "聊天",
    "voice": "语音对话",
    "providers": "模型服务",
    "plugins": "插件",
    "bots": "机器人",
    "personas": "人格",
    "profiles": "配置方案",
    "conversations": "会话记录",
    "keys": "API 密钥",
    "statistics": "统计",
    "logs": "日志",
    "settings": "设置",
}


async def settled(page: Page) -> None:
    """Wait until the page shows what it has loaded."""
    await page.locator("#main h1").first.wait_for(state="attached")
    await expect(page.locator(".state .spinner")).to_have_count(0)


async def talked(house: BrowserHouse, web: Web) -> None:
    """A conversation to show."""
    async with web.open(token=house.token) as page:
        await page.goto("/chat")
        await ask(page, "What time is it?")
        await reply(page)


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed (npm ci in dashboard/)")
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_axe_finds_nothing_serious(web: Web, house: BrowserHouse, dark: bool):
    await talked(house, web)
    findings: dict[str, list[str]] = {}
    async with web.open(dark=dark, calm=True) as page:
        await page.goto("/login")
        await page.locator("h1").wait_for()
        findings["login"] = await serious_findings(page)
    async with web.open(token=house.token, dark=dark, calm=True) as page:
        for name in ("welcome", *PAGES):
            await page.goto(f"/{name}")
            await settled(page)
            findings[name] = await serious_findings(page)
        await page.goto("/chat")
        await page.locator(".sessions .open").first.click()
        await page.locator(".message").first.wait_for()
        findings["conversation"] = await serious_findings(page)
    assert {name: found for name, found in findings.items() if found} == {}
    assert web.complaints == []


async def test_both_languages_are_complete_and_switched_at_once(web: Web, house: BrowserHouse):
    async with web.open(token=house.token, locale="zh-CN") as page:
        for name, title in PAGES.items():
            await page.goto(f"/{name}")
            await settled(page)
            assert await page.title() == f"{title} · astrbot_like"
        await page.goto("/settings")
        await page.get_by_label("语言").select_option("en")
        await expect(page.locator("h1")).to_have_text("Settings")
        await page.reload()
        await expect(page.locator("h1")).to_have_text("Settings")
        assert await page.evaluate("document.documentElement.lang") == "en"


async def test_a_phone_shows_every_page_without_sideways_scrolling(web: Web, house: BrowserHouse):
    await talked(house, web)
    async with web.open(token=house.token, phone=True) as page:
        for name in PAGES:
            await page.goto(f"/{name}")
            await settled(page)
            wide = await page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            assert wide <= 0, f"{name} is {wide} px wider than the phone"
        await page.goto("/chat")
        await page.get_by_role("button", name="Show the sessions").click()
        await page.get_by_role("dialog").locator(".sessions .open").first.click()
        await expect(page.locator(".message")).to_have_count(2)
        await page.get_by_role("button", name="Open the menu").click()
        await page.get_by_role("dialog").get_by_role("link", name="Providers").click()
        await page.wait_for_url("**/providers")


async def test_an_api_key_is_made_shown_once_used_and_revoked(web: Web, house: BrowserHouse):
    async with web.open(token=house.token) as page:
        await page.goto("/keys")
        await page.get_by_role("button", name="New key").click()
        await page.get_by_label("Name").fill("kitchen display")
        await page.get_by_role("button", name="Create").click()
        shown = page.get_by_role("dialog").locator("pre").first
        key = await shown.inner_text()
        assert key.startswith("abk_")
        await expect(page.get_by_role("dialog")).to_contain_text("curl -N")
        async with aiohttp.ClientSession(web.server.url, headers={"X-API-Key": key}) as http:
            async with http.post("/api/v1/chat", json={"username": "cook", "message": "What is 6 times 7?"}) as answer:
                text = await answer.text()
            assert "42" in "".join(
                frame["data"] for frame in sse_frames(text.splitlines()) if frame.get("type") == "plain"
            )
            await page.get_by_role("button", name="I have copied it").click()
            await expect(page.locator(".item")).to_contain_text("kitchen display")
            assert key not in await page.content()
            await page.get_by_role("button", name="Revoke").click()
            await page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
            await expect(page.locator(".item")).to_contain_text("revoked")
            async with http.get("/api/v1/chat/sessions", params={"username": "cook"}) as refused:
                assert refused.status == 401


PLUGIN = {
    "metadata.yaml": "name: greeter\nauthor: a test\nversion: 1.0.0\ndesc: Greets by name.\n",
    "_conf_schema.json": json.dumps(
        {
            "greeting": {"type": "string", "description": "Greeting", "default": "Hello"},
            "loud": {"type": "bool", "description": "Loud", "default": False},
            "more": {
                "type": "object",
                "description": "More",
                "items": {"times": {"type": "int", "description": "Times", "default": 1}},
            },
        }
    ),
    "main.py": """from astrbot.api.event import AstrMessageEvent, filter
from astrbot.api.star import Context, Star


class Greeter(Star):
    def __init__(self, context: Context, config):
        super().__init__(context)
        self.config = config

    @filter.command("greet")
    async def greet(self, event: AstrMessageEvent, name: str):
        '''Greets somebody.'''
        yield event.plain_result(" ".join([self.config["greeting"], name] * self.config["more"]["times"]))
""",
    "README.md": "# Greeter\n\nSay `/greet Ann`.\n",
}


def archive(files: dict[str, str]) -> bytes:
    """A plugin as a ZIP file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, text in files.items():
            file.writestr(f"greeter/{name}", text)
    return buffer.getvalue()


async def test_a_plugin_is_installed_configured_and_used(web: Web, house: BrowserHouse, tmp_path: Path):
    path = tmp_path / "greeter.zip"
    path.write_bytes(archive(PLUGIN))
    async with web.open(token=house.token) as page:
        await page.goto("/plugins")
        await page.get_by_role("button", name="Install a plugin").click()
        await page.get_by_role("tab", name="ZIP file").click()
        await page.get_by_role("dialog").locator("input[type=file]").set_input_files(path)
        await page.get_by_role("dialog").get_by_role("button", name="Install a plugin").click()
        form = page.get_by_role("dialog", name="greeter")
        await form.get_by_label("Greeting").fill("Good morning")
        times = form.get_by_label("Times")
        await times.fill("1.5")
        await expect(form.get_by_role("alert")).to_contain_text("whole number")
        await times.fill("2")
        await form.get_by_role("button", name="Save").click()
        await expect(page.locator(".toast.good").last).to_contain_text("Saved")
        await form.get_by_role("tab", name="Commands").click()
        await expect(form).to_contain_text("/greet")
        await form.get_by_role("tab", name="Read me").click()
        await expect(form.locator("h1")).to_have_text("Greeter")
        await form.get_by_role("button", name="Close").click()
        await page.goto("/chat")
        await ask(page, "/greet Ann")
        assert "Good morning Ann Good morning Ann" in await reply(page)
    assert web.complaints == []


async def test_a_broken_plugin_says_why_and_can_be_tried_again(web: Web, house: BrowserHouse, tmp_path: Path):
    path = tmp_path / "broken.zip"
    path.write_bytes(archive(PLUGIN | {"main.py": "def broken(:\n"}))
    async with web.open(token=house.token) as page:
        await page.goto("/plugins")
        await page.get_by_role("button", name="Install a plugin").click()
        await page.get_by_role("tab", name="ZIP file").click()
        await page.get_by_role("dialog").locator("input[type=file]").set_input_files(path)
        await page.get_by_role("dialog").get_by_role("button", name="Install a plugin").click()
        card = page.locator(".plugin.failed")
        await expect(card.get_by_role("alert")).to_contain_text("main.py")
        await card.get_by_role("button", name="Try again").click()
        await expect(card.get_by_role("alert")).to_be_visible()


async def test_a_provider_is_added_tested_and_put_in_order(web: Web, house: BrowserHouse):
    from astrbot_like.bench.mock_behaviour import Behaviour
    from astrbot_like.bench.mock_upstream import MockUpstream, start

    runner, url = await start(MockUpstream(Behaviour(reply="Pleased to meet you.")))
    try:
        async with web.open(token=house.token) as page:
            await page.goto("/providers")
            await page.get_by_role("button", name="Add a provider").first.click()
            await page.get_by_role("dialog").get_by_label("Search the catalogue").fill("openai_chat_completion")
            await page.get_by_role("dialog").locator(".types button").first.click()
            form = page.get_by_role("dialog")
            await form.get_by_label("Name", exact=True).fill("my-model")
            await form.locator("input[type=text]").first.wait_for()
            await fill_provider(form, url)
            await add_entry(form, "Extra headers", "X-Team", "blue")
            await add_entry(form, "Extra fields of each request", "top_k", "40", kind="number")
            await form.get_by_role("button", name="Test").click()
            await expect(form.locator(".result")).to_contain_text("Pleased to meet you.")
            await form.get_by_role("button", name="Save").click()
            rows = page.locator(".order li")
            await expect(rows.first).to_contain_text("my-model")
            await expect(page.locator(".toast.good").last).to_contain_text("order is saved")
            profile = (await house.get("/api/config/read", id="default"))["profile"]
            assert profile["llm"][0] == "my-model"
            saved = next(one for one in (await house.get("/api/provider/list"))["providers"] if one["id"] == "my-model")
            assert saved["config"]["custom_headers"] == {"X-Team": "blue"}
            assert saved["config"]["custom_extra_body"] == {"top_k": 40}
            await page.goto("/chat")
            await ask(page, "Hello")
            assert "Pleased to meet you." in await reply(page)
    finally:
        await runner.cleanup()


async def add_entry(form: Locator, label: str, name: str, value: str, *, kind: str = "string") -> None:
    """A row of a dictionary's editor."""
    await form.get_by_role("button", name=f"{label}: Add an entry").click()
    await form.get_by_label(f"{label}: Name 1").fill(name)
    await form.get_by_label(f"{label}: {name}: Type").select_option(kind)
    await form.get_by_label(f"{label}: {name}", exact=True).fill(value)
    await form.get_by_label(f"{label}: {name}", exact=True).blur()


async def fill_provider(form: Locator, url: str) -> None:
    """Address, key and model of an OpenAI-compatible service, by the names of its schema."""
    labels = await form.locator("label").all_inner_texts()
    for wanted, value in (("address", url), ("base", url), ("key", "none"), ("model", "mock")):
        label = next((text for text in labels if wanted in text.lower()), None)
        if label is not None:
            field = form.get_by_label(label, exact=True).first
            if await field.evaluate("element => element.tagName === 'INPUT'"):
                await field.fill(value)


async def test_a_backup_is_made_and_the_log_is_live(web: Web, house: BrowserHouse):
    async with web.open(token=house.token) as page:
        await page.goto("/settings")
        await page.get_by_role("button", name="Make a backup").click()
        await expect(page.locator(".toast.good").last).to_contain_text("backup is ready")
        async with page.expect_download() as download:
            await page.get_by_role("button", name="Download:").first.click()
        path = await (await download.value).path()
        assert zipfile.is_zipfile(path)
        await page.goto("/logs")
        await expect(page.get_by_text("live", exact=True)).to_be_visible()
        await expect(page.locator(".line").first).to_be_visible()
    assert web.complaints == []


async def test_a_revoked_sign_in_asks_to_sign_in_again(web: Web, house: BrowserHouse):
    async with web.open() as page:
        await sign_in(page)
        await page.goto("/keys")
        await settled(page)
        await house.post("/api/auth/logout_everywhere")
        await page.get_by_role("link", name="Personas").click()
        await expect(page.get_by_role("alert")).to_contain_text("sign-in has ended")


async def test_the_security_policy_is_strict(web: Web):
    async with aiohttp.ClientSession(web.server.url) as http, http.get("/") as answer:
        policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
        assert policy["script-src"] == "'self'"
        assert policy["object-src"] == "'none'"
        assert "<script>" not in await answer.text()


async def test_the_page_opens_within_a_second(web: Web):
    """A second of the page's own processor time: what else the machine does can only make a picture late."""
    async with web.open() as page:
        devtools = await page.context.new_cdp_session(page)
        await devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
        await page.goto("/login")
        await page.locator("input[name=password]").wait_for()
        await until(page, "performance.getEntriesByName('first-contentful-paint').length")
        told = await devtools.send("Performance.getMetrics")
    took = {metric["name"]: metric["value"] for metric in told["metrics"]}
    print(f"sign-in page: {took['TaskDuration']:.3f} s, {took['ScriptDuration']:.3f} s of them script")
    assert 0 < took["TaskDuration"] < 1


def test_the_first_load_stays_within_its_budget():
    manifest = json.loads((ROOT / "astrbot_like" / "web" / ".vite" / "manifest.json").read_text())
    seen: set[str] = set()

    def visit(name: str) -> None:
        chunk = manifest[name]
        if chunk["file"] not in seen:
            seen.add(chunk["file"])
            for other in chunk.get("imports", []):
                visit(other)

    for name in ("index.html", "src/pages/LoginPage.vue", "src/pages/ChatPage.vue"):
        visit(name)
    web = ROOT / "astrbot_like" / "web"
    total = sum((web / f"{file}.gz" if (web / f"{file}.gz").exists() else web / file).stat().st_size for file in seen)
    assert total < 300 * 1024

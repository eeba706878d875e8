"""Every page, dialog and state on a laptop and a phone: for a screen reader, a finger, a keyboard, and a calm eye."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Error, Page, expect

from scripts.pictures.house import TIDE
from scripts.pictures.scene import Scene
from scripts.pictures.scenes import SCENES
from scripts.pictures.talking import session
from scripts.screenshots import LOOKS, furnished
from tests.browser.conftest import CHROMIUM
from tests.browser.pages import AXE, BrowserHouse, Web, ask, reply, serious_findings

BARE = {"voice-talking", "voice-push", "voice-refused", "login", "login-wrong", "chat-lost", "error", "waiting"}
"""Scenes that need a browser of their own; other tests look at them."""
OPENED = [scene for scene in SCENES if scene.act is not None and scene.name not in BARE]

FINGER_PX = 40
SMALL_TARGETS = f"""[...document.querySelectorAll('dialog[open]')].at(-1)?.querySelectorAll('button, select, summary')
    .values().filter((e) => e.checkVisibility() && e.getBoundingClientRect().height < {FINGER_PX - 0.5})
    .map((e) => `${{e.ariaLabel ?? e.textContent}}: ${{e.getBoundingClientRect().height}} px`).toArray() ?? []"""

SHIFTS = """
window.shifts = []
new PerformanceObserver((list) => window.shifts.push(...list.getEntries().filter((e) => !e.hadRecentInput)
    .map((e) => ({ value: e.value, what: e.sources.map((s) => s.node?.className ?? '') }))))
    .observe({ type: 'layout-shift', buffered: true })
"""

FIRST_LOOKS = """
window.looks = []
new MutationObserver(() => {
    const { dataset, lang } = document.documentElement
    if (dataset.theme) window.looks.push(`${dataset.theme} ${lang} ${document.readyState}`)
}).observe(document, { subtree: true, childList: true, attributeFilter: ['data-theme', 'lang'] })
"""


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the installation is kept once it is furnished."""
    return tmp_path_factory.mktemp("furnished") / "data"


@pytest.fixture
async def home(tmp_path: Path, past: Path) -> AsyncIterator[tuple[Web, BrowserHouse]]:
    """An installation in use, and a browser for it."""
    async with furnished(tmp_path, past) as (server, house, model), Web(server, CHROMIUM, tmp_path) as web:
        model.pause = 0.02
        yield web, house


async def opened(page: Page, scene: Scene) -> list[str]:
    """What is wrong with a scene."""
    await page.unroute_all()
    await page.goto(scene.path)
    await page.locator("h1").first.wait_for(state="attached")
    assert scene.act is not None
    await scene.act(page)
    findings = await serious_findings(page)
    await page.evaluate("localStorage.removeItem('astrbot_like.must_change')")  # what one scene puts there
    wide = await page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return [*findings, *([f"{wide} px wider than the screen"] if wide > 0 else [])]


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed (npm ci in dashboard/)")
@pytest.mark.timeout(400)
@pytest.mark.parametrize("look", ["en-light", "phone-zh-dark"])
async def test_what_opens_can_be_read_reached_and_touched(home: tuple[Web, BrowserHouse], look: str):
    web, house = home
    wrong: dict[str, list[str]] = {}
    async with web.open(token=house.token, calm=True, **LOOKS[look]) as page:
        for scene in OPENED:
            try:
                wrong[scene.name] = await opened(page, scene)
            except Error as error:  # the other scenes are looked at all the same
                wrong[scene.name] = [str(error)]
            if look.startswith("phone"):
                wrong[scene.name] += [
                    f"too small for a finger: {target}" for target in await page.evaluate(SMALL_TARGETS)
                ]
    assert not any(wrong.values()), "\n".join(f"{name}: {found}" for name, all in wrong.items() for found in all)


async def test_markdown_keeps_what_its_marks_say(home: tuple[Web, BrowserHouse]):
    web, house = home
    async with web.open(token=house.token) as page:
        await page.goto("/chat")
        await session(TIDE)(page)
        height = page.get_by_role("cell", name="0.8 m")
        assert await height.evaluate("cell => getComputedStyle(cell).textAlign") == "right"
        assert await page.locator(".markdown pre").first.get_attribute("tabindex") == "0"


async def test_nothing_moves_while_a_reply_grows(home: tuple[Web, BrowserHouse]):
    web, house = home
    async with web.open(token=house.token) as page:
        await page.add_init_script(SHIFTS)
        await page.goto("/chat")
        await session(TIDE)(page)
        await page.locator(".katex").first.wait_for()  # a formula takes its place when its library is there
        await ask(page, "Tell me a story")
        await page.wait_for_timeout(600)  # what a key press moves does not count, for half a second
        await page.evaluate("window.shifts.length = 0")
        await reply(page, 2)
        assert await page.evaluate("window.shifts") == []


@pytest.mark.parametrize("dark", [True, False], ids=["dark", "light"])
async def test_theme_and_language_stand_before_the_first_picture(web: Web, house: BrowserHouse, dark: bool):
    chosen = "dark" if dark else "light"
    async with web.open(token=house.token, dark=not dark) as page:
        await page.add_init_script(f"localStorage.setItem('astrbot_like.theme', '{chosen}')")
        await page.add_init_script("localStorage.setItem('astrbot_like.locale', 'zh-CN')")
        await page.add_init_script(FIRST_LOOKS)
        await page.goto("/settings")
        await expect(page.locator("h1")).to_have_text("设置")
        looks = await page.evaluate("window.looks")
        assert looks[0] == f"{chosen} zh-CN loading"
        assert {" ".join(look.split()[:2]) for look in looks} == {f"{chosen} zh-CN"}


async def test_a_keyboard_is_enough(home: tuple[Web, BrowserHouse]):
    """A dialog keeps the focus and gives it back; a menu is walked with arrows; a chain is put in order."""
    web, house = home
    async with web.open(token=house.token) as page:
        await page.goto("/providers")
        down = page.get_by_role("button", name="Move stand-in down")
        await down.focus()
        await page.keyboard.press("Enter")
        await expect(page.locator(".order li").first).to_contain_text("deepseek")
        await expect(page.get_by_role("button", name="Move stand-in down")).to_be_focused()
        add = page.get_by_role("button", name="Add a provider")
        await add.focus()
        await page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_be_visible()
        for _ in range(12):
            await page.keyboard.press("Tab")
            outside = await page.evaluate("!document.activeElement.matches('body, dialog *')")
            assert not outside, "the focus left the dialog"
        await page.keyboard.press("Escape")
        await expect(dialog).to_have_count(0)
        await expect(add).to_be_focused()
        await page.goto("/plugins")
        more = page.get_by_role("button", name="More for Harbour radio")
        await more.focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("menuitem").first).to_be_focused()
        await page.keyboard.press("ArrowDown")
        await expect(page.get_by_role("menuitem").nth(1)).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(more).to_be_focused()


async def test_twice_the_size_still_fits(home: tuple[Web, BrowserHouse]):
    """200 % zoom of a laptop is a window of half its width with everything twice as large."""
    web, house = home
    async with web.open(token=house.token) as page:
        await page.set_viewport_size({"width": 640, "height": 400})
        for path in sorted({scene.path for scene in SCENES if scene.signed_in}):
            await page.goto(path)
            await page.locator("h1").first.wait_for(state="attached")
            wide = await page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            assert wide <= 0, f"{path} is {wide} px wider than the window"

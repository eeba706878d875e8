"""Pictures of every page in both languages, light and dark, on a laptop and a phone, from a real server.

``make screenshots`` writes them to ``screenshots/``; a name after the command makes only the pages of that name.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from playwright.async_api import Page  # noqa: E402 - needs the path above

from astrbot_like.bench.mock_behaviour import Behaviour  # noqa: E402
from astrbot_like.bench.mock_upstream import MockUpstream, start  # noqa: E402
from tests.browser.conftest import CHROMIUM  # noqa: E402
from tests.browser.pages import BrowserHouse, Web, ask, reply  # noqa: E402
from tests.support.server_process import ServerProcess  # noqa: E402

PAGES = ("login", "welcome", "chat", "voice", "providers", "plugins", "bots", "personas", "profiles", "conversations")
MORE = ("keys", "statistics", "logs", "settings", "missing")

LOOKS = {
    "en-light": {"locale": "en-US"},
    "en-dark": {"locale": "en-US", "dark": True},
    "zh-light": {"locale": "zh-CN"},
    "phone-en-light": {"locale": "en-US", "phone": True},
    "phone-zh-dark": {"locale": "zh-CN", "phone": True, "dark": True},
}

ANSWER = r"""The **tide table** of Tuesday, and how it is made:

| Time | Height |
|------|-------:|
| 04:12 | 0.8 m |
| 10:25 | 4.1 m |

The height follows $h(t) = A \cos(\omega t + \varphi)$:

```python
def height(t: float) -> float:
    return 2.4 + 1.7 * cos(2 * pi * t / 12.42)  # hours
```

1. Read the gauge.
2. Fit the curve, then *check* it against yesterday.
"""


async def seed(house: BrowserHouse, web: Web) -> None:
    """Conversations, a persona, a profile and a key to look at."""
    runner, url = await start(MockUpstream(Behaviour(reply=ANSWER)))
    try:
        await house.use_model(url)
        async with web.open(token=house.token) as page:
            for first, second in (
                ("When is high water on Tuesday?", "And how do you know?"),
                ("Plan a weekend in the mountains", "With children"),
                ("Explain the offside rule", "Shorter, please"),
            ):
                await page.goto("/chat")
                await ask(page, first)
                await reply(page)
                await ask(page, second)
                await reply(page, 2)
    finally:
        await runner.cleanup()
    await house.post("/api/config/write", id="default", profile={"llm": ["offline", "stand-in"]})
    await house.post(
        "/api/persona/create",
        id="Harbour master",
        prompt="You speak briefly, like somebody with a pipe in the corner of the mouth.",
        begin_dialogs=["Good morning", "Morning. Wind's from the west."],
    )
    await house.post("/api/config/create", name="Kitchen")
    await house.post("/api/apikey/create", name="kitchen display", scopes=["chat", "file"], expires_in_days=90)


async def shoot(page: Page, name: str, path: Path) -> None:
    """One page, settled."""
    await page.goto("/" if name == "login" else f"/{name}")
    await page.locator("h1").first.wait_for(state="attached")
    if name in ("chat", "conversations"):
        row = page.locator(".sessions .open, .rows button").first
        await row.wait_for(state="attached")
        # On a phone the list of sessions is behind a button.
        if await row.is_visible():
            await row.click()
        else:
            await page.locator(".drawer-button").click()
            await page.get_by_role("dialog").locator(".sessions .open").first.click()
        await page.locator(".message").first.wait_for()
    await page.wait_for_timeout(900)  # fonts, charts and formulas come after the page
    await page.screenshot(path=path)


async def run(target: Path, only: list[str]) -> None:
    """Start a server, fill it, and take the pictures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with (
            ServerProcess(folder / "data") as server,
            BrowserHouse(server) as house,
            Web(server, CHROMIUM, folder) as web,
        ):
            await seed(house, web)
            for look, options in LOOKS.items():
                for shown in [page for page in (*PAGES, *MORE) if not only or page in only]:
                    token = "" if shown == "login" else house.token
                    async with web.open(token=token, **options) as page:
                        await shoot(page, shown, target / f"{shown}-{look}.png")
                    print(f"{shown}-{look}.png")
            for complaint in web.complaints:
                print(f"the page complained: {complaint}", file=sys.stderr)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pages", nargs="*", help="only these pages")
    parser.add_argument("--target", type=Path, default=ROOT / "screenshots")
    options = parser.parse_args()
    options.target.mkdir(parents=True, exist_ok=True)
    if not CHROMIUM:
        print("Chromium is not installed (Debian: apt-get install chromium)", file=sys.stderr)
        return 1
    asyncio.run(run(options.target, options.pages))
    return 0


if __name__ == "__main__":
    sys.exit(main())

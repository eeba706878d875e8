"""Pictures of every page, dialog and state in both languages, light and dark, on a laptop and a phone.

``make screenshots`` writes them to ``screenshots/``; words after the command make only pictures whose names begin so.
``make screenshots ARGS=--readme`` makes the two of the README anew, as ``docs/images/*.webp``.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from PIL import Image  # noqa: E402 - needs the path above
from playwright.async_api import Error, Page  # noqa: E402

from scripts.pictures.house import furnish, move_model, spread_turns, talk  # noqa: E402
from scripts.pictures.model import TalkativeModel, serve  # noqa: E402
from scripts.pictures.scene import Scene  # noqa: E402
from scripts.pictures.scenes import SCENES  # noqa: E402
from tests.browser.conftest import CHROMIUM  # noqa: E402
from tests.browser.pages import BrowserHouse, Web  # noqa: E402
from tests.support.server_process import ServerProcess  # noqa: E402
from tests.support.spoken import say  # noqa: E402

LOOKS: dict[str, dict[str, Any]] = {
    "en-light": {"locale": "en-US"},
    "en-dark": {"locale": "en-US", "dark": True},
    "zh-light": {"locale": "zh-CN"},
    "phone-en-light": {"locale": "en-US", "phone": True},
    "phone-zh-dark": {"locale": "zh-CN", "phone": True, "dark": True},
}
README = {"chat": "en-light", "voice-talking": "en-dark"}
"""Scenes that the README shows, and how they look there."""
SETTLED_MS = 700
"""Fonts, charts and formulas come after the page."""
PAUSE = bytes(2 * 16_000)
"""A second of silence."""


@asynccontextmanager
async def furnished(
    folder: Path, kept: Path | None = None
) -> AsyncIterator[tuple[ServerProcess, BrowserHouse, TalkativeModel]]:
    """A server with a model and a past, and its HTTP routes.

    Args:
        folder: Of its data.
        kept: Where the data is kept once it has been made, to be copied the next time; the past takes its time.
    """
    data = folder / "data"
    model = TalkativeModel()
    runner, url = await serve(model)
    try:
        if kept is None or not await asyncio.to_thread(kept.is_dir):
            server = ServerProcess(data)
            async with server, BrowserHouse(server) as house:
                await furnish(house, url)
                await talk(house)
                await server.stop()
            await asyncio.to_thread(spread_turns, data / "astrbot_like.db")
            if kept is not None:
                await asyncio.to_thread(shutil.copytree, data, kept)
        else:
            await asyncio.to_thread(shutil.copytree, kept, data)
        server = ServerProcess(data)
        async with server, BrowserHouse(server) as house:
            await move_model(house, url)
            yield server, house, model
    finally:
        await runner.cleanup()


async def heard(scene: Scene) -> bytes:
    """What the microphone hears."""
    if scene.speech:
        return PAUSE * 2 + await say(scene.speech)
    return b"" if scene.speech is None else PAUSE


async def shoot(page: Page, scene: Scene, path: Path) -> None:
    """One page, settled."""
    await page.goto(scene.path)
    await page.locator("h1").first.wait_for(state="attached")
    if scene.act is not None:
        await scene.act(page)
    await page.wait_for_timeout(SETTLED_MS)
    await page.screenshot(path=path)


async def run(target: Path, scenes: Sequence[Scene], looks: Sequence[str]) -> int:
    """Start a server, fill it, and take the pictures. Returns how many could not be taken."""
    missed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with furnished(folder) as (server, house, model), Web(server, CHROMIUM, folder) as web:
            model.pause = 0.02
            for scene in scenes:
                for look in looks:
                    speech = await heard(scene)
                    token = house.token if scene.signed_in else ""
                    file = target / f"{scene.name}-{look}.png"
                    started = time.monotonic()
                    async with web.open(
                        token=token, speech=speech, permissions=scene.microphone, **LOOKS[look]
                    ) as page:
                        page.set_default_timeout(8000)
                        try:
                            await shoot(page, scene, file)
                        except Error as error:
                            missed += 1
                            print(f"{file.name}: {error}", file=sys.stderr)
                            await page.screenshot(path=file)
                    print(f"{file.name} ({time.monotonic() - started:.1f} s)", flush=True)
            for complaint in sorted(set(web.complaints)):
                print(f"the page complained: {complaint}", file=sys.stderr)
    return missed


def publish(folder: Path, target: Path) -> None:
    """Put the README's pictures where it shows them, small enough for a page."""
    target.mkdir(parents=True, exist_ok=True)
    for scene, look in README.items():
        with Image.open(folder / f"{scene}-{look}.png") as picture:
            picture.save(target / f"{scene}.webp", quality=86, method=6)


async def run_readme() -> int:
    """Only what the README shows."""
    with tempfile.TemporaryDirectory() as name:
        folder, missed = Path(name), 0
        for scene, look in README.items():
            missed += await run(folder, [s for s in SCENES if s.name == scene], [look])
        publish(folder, ROOT / "docs" / "images")
    return missed


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenes", nargs="*", help="only scenes whose names begin so")
    parser.add_argument("--look", action="append", choices=list(LOOKS), help="only this look (may be repeated)")
    parser.add_argument("--target", type=Path, default=ROOT / "screenshots")
    parser.add_argument("--readme", action="store_true", help="only the pictures of the README, into docs/images")
    options = parser.parse_args()
    options.target.mkdir(parents=True, exist_ok=True)
    if not CHROMIUM:
        print("Chromium is not installed (Debian: apt-get install chromium)", file=sys.stderr)
        return 1
    if options.readme:
        return 1 if asyncio.run(run_readme()) else 0
    wanted = [s for s in SCENES if not options.scenes or s.name.startswith(tuple(options.scenes))]
    return 1 if asyncio.run(run(options.target, wanted, options.look or list(LOOKS))) else 0


if __name__ == "__main__":
    sys.exit(main())

"""A real server, a browser, and a microphone that plays a file."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.pages import PATIENCE_MS, BrowserHouse, Web
from tests.support.server_process import ROOT, ServerProcess

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), ""
)
BUILT = ROOT / "astrbot_like" / "web" / "index.html"

# Waiting costs nothing where the page does what is expected; a busy machine may need long for it.
expect.set_options(timeout=PATIENCE_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One browser at a time: real time is measured here."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))
            if not CHROMIUM:
                item.add_marker(pytest.mark.skip(reason="Chromium is not installed (Debian: apt-get install chromium)"))
            elif not BUILT.is_file():
                item.add_marker(pytest.mark.skip(reason="the web UI is not built (make web)"))


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """The server on the embedded default, with an empty data directory."""
    async with ServerProcess(tmp_path / "data") as process:
        yield process


@pytest.fixture
async def house(server: ServerProcess) -> AsyncIterator[BrowserHouse]:
    """The server, and its HTTP routes as the signed-in administrator."""
    async with BrowserHouse(server) as opened:
        yield opened


@pytest.fixture
async def web(server: ServerProcess, tmp_path: Path) -> AsyncIterator[Web]:
    """Browsers for the server."""
    async with Web(server, CHROMIUM, tmp_path) as opened:
        yield opened

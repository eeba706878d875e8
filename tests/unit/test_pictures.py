"""The pictures show every page of the web UI and every dialog: nothing is published that nobody looked at."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from scripts.pictures.scenes import SCENES

WEB = Path(__file__).parents[2] / "dashboard" / "src"
ROUTES: list[str] = re.findall(r"path: '([^']+)', name:", (WEB / "router.ts").read_text("utf-8"))
DIALOGS = {
    file.stem: found for file in sorted(WEB.rglob("*.vue")) if (found := file.read_text("utf-8").count("<UiDialog"))
}


def shows(route: str) -> re.Pattern[str]:
    """What an address of a route of the web UI looks like."""
    if route.startswith("/:rest"):
        return re.compile("/nowhere")
    optional = re.sub(r"/:\w+\?", "(/[^/]+)?", route)
    return re.compile(re.sub(r":\w+", "[^/]+", optional))


@pytest.mark.parametrize("route", [*ROUTES, "/api/docs"])
def test_every_page_is_in_a_picture(route: str):
    # Who is not signed in is shown the sign-in page wherever they go.
    paths = ["/login" if not scene.signed_in else scene.path for scene in SCENES]
    assert any(shows(route).fullmatch(path) for path in paths), f"no scene shows {route}"


def test_the_routes_are_found():
    assert {"/login", "/chat/:session?", "/plugins/:plugin/:page"} <= set(ROUTES)


def test_every_dialog_is_in_a_picture():
    shown = Counter(scene.dialog for scene in SCENES if scene.dialog)
    assert set(shown) == set(DIALOGS), "scenes that name no dialog's component, or dialogs without a scene"
    missing = {name: count for name, count in DIALOGS.items() if shown[name] < count}
    assert not missing, f"more dialogs than scenes of them: {missing}"


def test_names_are_told_apart():
    assert [name for name, count in Counter(scene.name for scene in SCENES).items() if count > 1] == []

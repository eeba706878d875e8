"""The wheel, in a fresh environment far from the sources: it installs, starts, shows its pages and answers.

It fetches every dependency from the package index and takes minutes, so ``make soak`` runs it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = (
    "astrbot_like",
    "plugins",
    "pyproject.toml",
    "setup.py",
    "MANIFEST.in",
    "README.md",
    "LICENSE",
    "THIRD-PARTY.md",
)
PATIENCE = 1200

pytestmark = [pytest.mark.soak, pytest.mark.timeout(4 * PATIENCE)]


def done(command: list[str], folder: Path) -> str:
    """What a command prints, run far from the sources."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("ASTRBOT_LIKE_", "PYTHON"))
    }
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    assert ran.returncode == 0, f"{command[:5]}\n{ran.stdout[-3000:]}\n{ran.stderr[-3000:]}"
    return ran.stdout


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment that holds the wheel."""
    if not (ROOT / "astrbot_like" / "web" / "index.html").is_file():
        pytest.skip("the web UI is not built (make web)")
    folder = tmp_path_factory.mktemp("package")
    sources = folder / "sources"
    sources.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, sources / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, sources / name)
    done([sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", str(folder), str(sources)], folder)
    shutil.rmtree(sources)
    (wheel,) = folder.glob("*.whl")
    done([sys.executable, "-m", "venv", str(folder / "venv")], folder)
    places = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
    done([str(places / "python"), "-m", "pip", "install", "--quiet", str(wheel)], folder)
    return places


@pytest.fixture
def server(programs: Path, tmp_path: Path) -> Iterator[str]:
    """The address of the installed server."""
    output = tmp_path / "output"
    command = [str(programs / "astrbot-like"), "run", "--port", "0", "--data-dir", str(tmp_path / "data")]
    with output.open("wb") as file:
        process = subprocess.Popen(command, cwd=tmp_path, stdout=file, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 300
        while (found := re.search(r"http://127\.0\.0\.1:\d+", output.read_text())) is None:
            assert process.poll() is None, output.read_text()
            assert time.monotonic() < deadline, output.read_text()
            time.sleep(0.2)
        yield found.group()
    finally:
        process.terminate()
        assert process.wait(60) == 0


def test_the_wheel_installs_shows_its_pages_and_answers(programs: Path, server: str, tmp_path: Path):
    def fetched(path: str) -> str:
        with urllib.request.urlopen(server + path, timeout=60) as answer:
            return answer.read().decode()

    page = fetched("/")
    script = re.search(r'src="(/assets/[^"]+\.js)"', page)
    assert script is not None, "the web UI is not in the wheel"
    assert fetched(script.group(1))
    assert "## vue-router" in fetched("/licences.txt")

    data = ["--data-dir", str(tmp_path / "data")]
    told = done(
        [str(programs / "astrbot-like"), "api-key", "create", "--name", "n", "--scope", "chat", *data], tmp_path
    )
    body = json.dumps({"username": "ann", "message": "What time is it?", "enable_streaming": False}).encode()
    headers = {"X-API-Key": told.splitlines()[-1], "Content-Type": "application/json"}
    request = urllib.request.Request(f"{server}/api/v1/chat", data=body, headers=headers)
    with urllib.request.urlopen(request, timeout=120) as answer:
        text = answer.read().decode()
    assert re.search(r"\d{1,2}:\d{2}", text), text

    listed = done([str(programs / "astrbot-like"), "plugin", "list", *data], tmp_path)
    bundled = {path.parent.name for path in (ROOT / "plugins").glob("*/main.py")}
    assert len([line for line in listed.splitlines() if " bundled " in line]) == len(bundled), listed
    assert "failed" not in listed

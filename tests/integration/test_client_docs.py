"""The examples of docs/client.md, run against the whole application."""

import ast
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.houses import House, scripted_house

PAGE = Path(__file__).resolve().parents[2] / "docs" / "client.md"
EXAMPLES = re.findall(r"## ([^\n]+)\n(?:(?!^## ).)*?```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S | re.M)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with scripted_house(tmp_path, stt={"text": "what is the weather"}) as house:
        yield house


@pytest.mark.parametrize(("title", "code"), EXAMPLES, ids=[title for title, _ in EXAMPLES])
async def test_example(house: House, tmp_path: Path, title: str, code: str):
    report = tmp_path / "report.txt"
    report.write_text("Everything went well.")
    names = {"URL": house.url, "KEY": house.key, "SPEECH": b"\1\0" * 3200, "REPORT": str(report)}
    compiled = compile(code, f"{PAGE.name}: {title}", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    await eval(compiled, names)


def test_every_example_is_found():
    assert len(EXAMPLES) == PAGE.read_text(encoding="utf-8").count("```python")


def test_every_public_name_has_its_entry():
    from astrbot_like import client

    page = PAGE.read_text(encoding="utf-8")
    shown = {"ChatSocket", "LiveSocket", "SessionInfo", "SessionPage", "Turn", "UploadedFile"}
    missing = {name for name in client.__all__ if name not in page} - shown
    assert not missing

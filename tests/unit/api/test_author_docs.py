"""The documentation for authors is whole, up to date, and its example is the one that is tested."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest
import yaml

from astrbot_like.api import registration
from astrbot_like.api.config import TYPE_DEFAULTS
from astrbot_like.api.event import filter
from scripts import api_reference

DOCS = Path(__file__).parents[3] / "docs" / "plugins"
PAGES = sorted(DOCS.glob("*.md"))


def test_the_reference_is_up_to_date() -> None:
    assert (DOCS / "api-reference.md").read_text("utf-8") == api_reference.reference(), (
        "run: python scripts/api_reference.py"
    )


@pytest.mark.parametrize(("ours", "theirs"), api_reference.MODULES)
def test_every_public_name_is_documented(ours: str, theirs: str) -> None:
    import importlib
    import inspect

    module = importlib.import_module(f"{api_reference.API}.{ours}" if ours else api_reference.API)
    assert module.__doc__, theirs
    for name in api_reference.public_names(module):
        value = getattr(module, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert value.__doc__, f"{theirs}.{name}"


def test_the_tutorial_shows_the_files_that_are_tested() -> None:
    text = (DOCS / "tutorial.md").read_text("utf-8")
    shown = re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```\n", text, re.S)
    assert {Path(name).name for name, _ in shown} == {
        "metadata.yaml",
        "_conf_schema.json",
        "main.py",
        "test_reading_list.py",
    }
    for name, content in shown:
        assert (DOCS / name).read_text("utf-8") == content, name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere_and_code_parses(page: Path) -> None:
    text = page.read_text("utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target
    for language, code in re.findall(r"```(python|json|yaml)\n(.*?)```", text, re.S):
        if language == "python":
            # Pieces of handlers stand outside functions in the text: parsed as the body of one.
            body = "\n".join(f"    {line}" for line in code.splitlines())
            ast.parse(f"async def example():\n{body}\n    pass")
        elif language == "json":
            json.loads(code)
        else:
            yaml.safe_load(code)


def test_every_decorator_has_its_entry() -> None:
    text = (DOCS / "handlers.md").read_text("utf-8") + (DOCS / "models-and-tools.md").read_text("utf-8")
    decorators = [name for name in filter.__all__ if name[0].islower()]
    assert len(decorators) > 20
    for name in decorators:
        assert name in text, name


def test_every_hook_of_the_engine_has_a_decorator() -> None:
    assert len(registration.EventType) == 16


def test_every_type_of_setting_has_its_entry() -> None:
    text = (DOCS / "configuration.md").read_text("utf-8")
    for name in TYPE_DEFAULTS:
        assert f"`{name}`" in text, name

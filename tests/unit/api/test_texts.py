"""Texts of the host: every key that code asks for is there, in both languages, with the same places to fill in."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from astrbot_like.api.texts import TEXTS, language, text

ROOT = Path(__file__).parents[3] / "astrbot_like"


def _asked() -> Iterator[tuple[str, str]]:
    for file in ROOT.rglob("*.py"):
        source = file.read_text("utf-8")
        if "api.texts import" not in source:
            continue
        names = {
            alias.asname or alias.name
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.ImportFrom) and node.module == "astrbot_like.api.texts"
            for alias in node.names
        }
        for node in ast.walk(ast.parse(source)):
            called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names
            if called and node.args and isinstance(node.args[0], ast.Constant):
                yield str(node.args[0].value), file.name


ASKED = sorted(set(_asked()))


@pytest.mark.parametrize(("key", "file"), ASKED)
def test_every_text_that_is_asked_for_is_there(key: str, file: str) -> None:
    assert key in TEXTS, file


def _fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


@pytest.mark.parametrize("key", sorted(TEXTS))
def test_both_languages_say_the_same(key: str) -> None:
    chinese, english = TEXTS[key]
    assert _fields(chinese) == _fields(english)
    assert any("\u4e00" <= char <= "\u9fff" for char in chinese) or not any(char.isalpha() for char in english)


def test_language_is_of_the_running_context() -> None:
    assert text("outline.image") == "[图片]"
    token = language.set("en")
    assert text("outline.image") == "[image]"
    language.reset(token)

"""Configuration forms of plugins."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from astrbot_like.domain.errors import PluginError
from astrbot_like.plugin_host import config_forms as forms

SCHEMA: dict[str, Any] = {
    "n": {"type": "int"},
    "f": {"type": "float", "slider": {"min": 0, "max": 2, "step": 0.1}},
    "b": {"type": "bool", "default": True},
    "s": {"type": "string", "default": "x"},
    "t": {"type": "text"},
    "l": {"type": "list", "default": ["a"]},
    "files": {"type": "file"},
    "o": {"type": "object", "items": {"inner": {"type": "int", "default": 3}, "deep": {"type": "dict"}}},
    "d": {"type": "dict"},
    "tl": {"type": "template_list", "templates": {"one": {"items": {}}}},
}


def schema_in(folder: Path, schema: Any, encoding: str = "utf-8") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / forms.SCHEMA_FILE).write_text(schema if isinstance(schema, str) else json.dumps(schema), encoding)
    return folder


def test_schema_may_have_a_byte_order_mark(tmp_path: Path) -> None:
    assert forms.read_schema(schema_in(tmp_path / "p", SCHEMA, "utf-8-sig")) == SCHEMA
    assert forms.read_schema(tmp_path) is None


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"a": {"type": "colour"}}, "colour"),
        ({"o": {"type": "object", "items": {"x": {"type": "?"}}}}, "o.x"),
        ({"a": {}}, "needs a type"),
        ([1], "object of fields"),
        ("{", "not valid JSON"),
    ],
)
def test_bad_schemas_are_refused(tmp_path: Path, schema: Any, text: str) -> None:
    with pytest.raises(PluginError, match=text):
        forms.read_schema(schema_in(tmp_path / "p", schema))


def test_entered_values_are_checked_and_converted() -> None:
    values, problems = forms.check_values(
        SCHEMA, {"n": "12", "f": 1, "o": {"inner": 4}, "tl": [{"__template_key": "one"}]}
    )
    assert not problems
    assert (values["n"], values["f"], values["o"]["inner"], values["b"]) == (12, 1.0, 4, True)


@pytest.mark.parametrize(
    ("entered", "path"),
    [
        ({"n": 1.5}, "n"),
        ({"n": "many"}, "n"),
        ({"n": True}, "n"),
        ({"n": 1e400}, "n"),
        ({"f": 3}, "f"),
        ({"b": 1}, "b"),
        ({"s": 1}, "s"),
        ({"l": "a"}, "l"),
        ({"d": []}, "d"),
        ({"o": []}, "o"),
        ({"o": {"inner": "x"}}, "o.inner"),
        ({"tl": [{}]}, "tl"),
        ({"new": 1}, "new"),
    ],
)
def test_problems_name_their_field(entered: dict[str, Any], path: str) -> None:
    _, problems = forms.check_values(SCHEMA, entered)
    assert [problem.path for problem in problems] == [path]

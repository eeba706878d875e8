"""Configuration files of plugins."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from astrbot_like.api.config import AstrBotConfig, defaults_of_schema
from astrbot_like.api.legacy_config import load_config, put_config, update_config

SCHEMA: dict[str, Any] = {
    "a": {"type": "int"},
    "b": {"type": "string", "default": "x"},
    "o": {"type": "object", "items": {"c": {"type": "bool", "default": True}, "d": {"type": "float"}}},
    "l": {"type": "list", "items": {"type": "string"}},
    "t": {"type": "template_list", "templates": {}},
    "free": {"type": "dict"},
    "text": {"type": "text"},
    "f": {"type": "file"},
}

DEFAULTS: dict[str, Any] = {
    "a": 0,
    "b": "x",
    "o": {"c": True, "d": 0.0},
    "l": [],
    "t": [],
    "free": {},
    "text": "",
    "f": [],
}


def test_defaults_of_a_schema() -> None:
    assert defaults_of_schema(SCHEMA) == DEFAULTS
    with pytest.raises(TypeError, match="不受支持的配置类型 odd"):
        defaults_of_schema({"x": {"type": "odd"}})


def test_first_time_the_defaults_are_written(tmp_path: Path) -> None:
    path = tmp_path / "config" / "demo_config.json"
    config = AstrBotConfig(path, schema=SCHEMA)
    assert dict(config) == DEFAULTS
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    assert json.loads(path.read_text(encoding="utf-8-sig")) == DEFAULTS
    assert [item.name for item in path.parent.iterdir()] == [path.name]


def test_stored_values_are_merged(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    stored = {"o": {"d": 2.5, "gone": 1}, "b": None, "unknown": 1, "a": 7, "free": {"mine": 1}}
    path.write_text(json.dumps(stored), encoding="utf-8-sig")
    config = AstrBotConfig(str(path), schema=SCHEMA)
    assert dict(config) == {**DEFAULTS, "a": 7, "o": {"c": True, "d": 2.5}, "free": {"mine": 1}}
    assert list(config) == list(SCHEMA)
    assert json.loads(path.read_text(encoding="utf-8-sig")) == dict(config)
    path.write_text(json.dumps({"free": [], "o": 5}), encoding="utf-8-sig")
    assert dict(AstrBotConfig(path, schema=SCHEMA)) == DEFAULTS


def test_attributes_are_keys_of_the_root() -> None:
    config = AstrBotConfig(schema=SCHEMA)
    assert config.a == 0
    assert config.nothing is None
    config.a = 3
    config["b"] = "y"
    assert (config["a"], config.b, config.get("a")) == (3, "y", 3)
    del config.a
    assert "a" not in config
    with pytest.raises(AttributeError):
        del config.a


def test_saving(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    config = AstrBotConfig(path, schema=SCHEMA)
    config["l"].append("中")
    config.save_config()
    assert "中" in path.read_text(encoding="utf-8-sig")
    config.save_config({"a": 9}, indent=4)
    assert AstrBotConfig(path, schema=SCHEMA)["a"] == 9
    assert config.check_exist()
    AstrBotConfig(schema=SCHEMA).save_config()


async def test_the_latest_state_wins(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    config = AstrBotConfig(path, schema=SCHEMA)
    await asyncio.gather(*(config.save_config_async({"a": number}) for number in range(10)))
    assert json.loads(path.read_text(encoding="utf-8-sig"))["a"] == 9


def test_copies_are_plain() -> None:
    config = AstrBotConfig(schema=SCHEMA)
    assert type(copy.deepcopy(config)) is dict
    assert pickle.loads(pickle.dumps(config)) == dict(config)


@pytest.mark.parametrize("content", ["{", "[]", "null x"])
def test_broken_files_are_named_and_kept(tmp_path: Path, content: str) -> None:
    path = tmp_path / "c.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"c\.json"):
        AstrBotConfig(path, schema=SCHEMA)
    assert path.read_text() == content


def test_settings_of_the_first_plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASTRBOT_ROOT", str(tmp_path))
    assert load_config("demo") is False
    put_config("demo", "Name", "key", 1, "what it is")
    put_config("demo", "Name", "key", 2, "kept")
    update_config("demo", "key", 3)
    assert load_config("demo") == {"key": 3}
    for refused in (lambda: put_config("../x", "n", "k", 1, "d"), lambda: put_config("demo", "n", "k", {}, "d")):
        with pytest.raises(ValueError):
            refused()
    with pytest.raises(ValueError):
        update_config("demo", "absent", 1)

"""Import alias and plugin packages."""

from __future__ import annotations

import importlib
import sys
import types
from pathlib import Path

import pytest

from astrbot_like.plugin_host.imports import AliasFinder, PluginNamespace


def resolve(name: str) -> types.ModuleType | None:
    table = {"astrbot": "json", "astrbot.api": "json.decoder"}
    return importlib.import_module(table[name]) if name in table else None


def test_alias_is_the_same_module_and_wins_over_an_installed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "astrbot").mkdir()
    (tmp_path / "astrbot" / "__init__.py").write_text("installed = True")
    (tmp_path / "astrbot" / "other.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    import astrbot  # pyright: ignore[reportMissingImports]

    assert astrbot.installed
    real = importlib.import_module("json.decoder")
    spec = real.__spec__
    finder = AliasFinder.activate(resolve)
    again = AliasFinder.activate(resolve)
    try:
        assert again is finder
        assert importlib.import_module("astrbot.api") is real
        assert real.__spec__ is spec
        assert real.__name__ == "json.decoder"
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module("astrbot.other")
        finder.release()
        assert importlib.import_module("astrbot.api") is real
    finally:
        again.release()
    assert sys.modules["astrbot"].installed
    assert "astrbot.api" not in sys.modules
    assert not any(isinstance(item, AliasFinder) for item in sys.meta_path)
    del sys.modules["astrbot"]


def test_two_namespaces_import_the_same_plugin_twice(tmp_path: Path) -> None:
    folder = tmp_path / "plugins" / "模拟"
    (folder / "inner").mkdir(parents=True)
    (folder / "main.py").write_text("from .inner.helper import seen\nfrom . import inner\nhere = __name__\n")
    (folder / "inner" / "helper.py").write_text("seen = []")
    first, second = PluginNamespace(tmp_path), PluginNamespace(tmp_path)
    first.open()
    second.open()
    try:
        one = first.import_main("模拟", folder, folder / "main.py")
        two = second.import_main("模拟", folder, folder / "main.py")
        assert (one.here, two.here) == ("data.plugins.模拟.main", "data_2.plugins.模拟.main")
        assert one.seen is not two.seen
        first.forget("模拟", folder)
        assert not list(first.modules("模拟"))
    finally:
        first.close()
        second.close()
    assert not any(name.split(".")[0] in ("data", "data_2") for name in sys.modules)


def test_forget_drops_modules_and_paths_a_plugin_added(tmp_path: Path) -> None:
    folder = tmp_path / "plugins" / "p"
    folder.mkdir(parents=True)
    (folder / "main.py").write_text(
        "import sys, pathlib\nsys.path.insert(0, str(pathlib.Path(__file__).parent))\nimport odd_helper_name\n"
    )
    (folder / "odd_helper_name.py").write_text("")
    (folder / "__init__.py").write_text("marker = 1")
    space = PluginNamespace(tmp_path)
    space.open()
    try:
        space.import_main("p", folder, folder / "main.py")
        assert sys.modules["data.plugins.p"].marker == 1
        assert "odd_helper_name" in sys.modules
        space.forget("p", folder)
        assert "odd_helper_name" not in sys.modules
        assert str(folder) not in sys.path
    finally:
        space.close()

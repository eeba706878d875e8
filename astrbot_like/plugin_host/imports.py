"""Import names of plugins: the alias ``astrbot`` and the packages ``data.plugins.<folder>``."""

from __future__ import annotations

import contextlib
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import linecache
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

ALIAS = "astrbot"
Resolve = Callable[[str], ModuleType | None]


class AliasFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Lets plugins import our public API as ``astrbot…``, whether or not a package of that name is installed.

    One finder serves all hosts of the process: it holds no state of a host.

    Args:
        resolve: Gives the module that stands for an import name, or None when there is no such name.
    """

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._users = 0
        self._hidden: dict[str, ModuleType] = {}
        self._specs: dict[str, Any] = {}

    @classmethod
    def activate(cls, resolve: Resolve) -> AliasFinder:
        """Put the finder in force, ahead of every other, or join the one that is; ``release`` it once for each call."""
        finder = next((item for item in sys.meta_path if isinstance(item, cls)), None)
        if finder is None:
            finder = cls(resolve)
            finder._hidden = finder._take_modules()
            sys.meta_path.insert(0, finder)
        finder._users += 1
        return finder

    def release(self) -> None:
        """Stop using the finder; the last user takes it out of force and brings hidden modules back."""
        self._users -= 1
        if self._users > 0 or self not in sys.meta_path:
            return
        sys.meta_path.remove(self)
        self._take_modules()
        sys.modules.update(self._hidden)
        self._hidden = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The import system's question."""
        if fullname != ALIAS and not fullname.startswith(ALIAS + "."):
            return None
        module = self._resolve(fullname)
        if module is None:
            # Ours is the only package of this name: an installed one must not be mixed in.
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        return importlib.machinery.ModuleSpec(
            fullname, self, loader_state=module, is_package=hasattr(module, "__path__")
        )

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        """The real module itself, so that ``astrbot.api.x`` and ours are the same objects."""
        module: ModuleType = spec.loader_state
        self._specs[spec.name] = (getattr(module, "__spec__", None), getattr(module, "__loader__", None))
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to run; the import system's marks are taken off the real module again."""
        spec = module.__spec__
        if spec is not None and spec.name in self._specs:
            module.__spec__, module.__loader__ = self._specs.pop(spec.name)

    @staticmethod
    def _take_modules() -> dict[str, ModuleType]:
        names = [name for name in list(sys.modules) if name == ALIAS or name.startswith(ALIAS + ".")]
        return {name: sys.modules.pop(name) for name in names}


class PluginNamespace:
    """The import packages of one host's plugins.

    The first host of a process has ``data.plugins``, as AstrBot's plugins expect; a second one gets ``data_2.plugins``,
    and so on, so that the same plugin can run in both.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._root = ""
        self._hidden: dict[str, ModuleType] = {}

    @property
    def prefix(self) -> str:
        """``data.plugins`` or another host's like; empty before ``open``."""
        return f"{self._root}.plugins" if self._root else ""

    def open(self) -> None:
        """Claim a name and make its packages."""
        number, root = 1, "data"
        while isinstance(getattr(sys.modules.get(root), "__plugin_namespace__", None), PluginNamespace):
            number += 1
            root = f"data_{number}"
        self._root = root
        self._hidden = self._take(root)
        top = _package(root, [str(self._data_dir)])
        top.__plugin_namespace__ = self  # type: ignore[attr-defined]
        plugins = _package(self.prefix, [str(self._data_dir / "plugins")])
        top.plugins = plugins  # type: ignore[attr-defined]
        sys.modules[root] = top
        sys.modules[self.prefix] = plugins

    def close(self) -> None:
        """Give the name back; everything below it leaves ``sys.modules``."""
        if self._root:
            self._take(self._root)
            sys.modules.update(self._hidden)
            self._hidden = {}
            self._root = ""

    def package_of(self, directory: str) -> str:
        """Import name of a plugin's folder."""
        return f"{self.prefix}.{directory}"

    def import_main(self, directory: str, folder: Path, main: Path) -> ModuleType:
        """Import a plugin's main module (and its folder's ``__init__.py``). May block; raises as the plugin does."""
        package = self.package_of(directory)
        importlib.invalidate_caches()
        init = folder / "__init__.py"
        if main.name == "__init__.py":
            return self._load(package, main, [str(folder)])
        if init.is_file():
            self._load(package, init, [str(folder)])
        else:
            sys.modules[package] = _package(package, [str(folder)])
        parent = sys.modules.get(self.prefix)
        if parent is not None:
            setattr(parent, directory, sys.modules[package])
        return importlib.import_module(f"{package}.{main.stem}")

    def _load(self, name: str, file: Path, search: list[str]) -> ModuleType:
        spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=search)
        if spec is None or spec.loader is None:
            raise ImportError(f"{file.name} can't be imported")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module

    def forget(self, directory: str, folder: Path) -> None:
        """Drop a plugin's modules: those below its package, and any others that came from its folder."""
        package = self.package_of(directory)
        inside = str(folder) + "/"
        # A module whose top package lies elsewhere came by another way: another host's, or a test's own import.
        tops = {name for name, module in list(sys.modules.items()) if "." not in name and _lies_in(module, inside)}
        for name in list(sys.modules):
            if name == package or name.startswith(package + ".") or name.partition(".")[0] in tops:
                sys.modules.pop(name, None)
        with contextlib.suppress(AttributeError):
            delattr(sys.modules[self.prefix], directory)
        sys.path[:] = [place for place in sys.path if place != str(folder) and not place.startswith(inside)]
        for place in list(sys.path_importer_cache):
            if place == str(folder) or place.startswith(inside):
                sys.path_importer_cache.pop(place, None)
        for file in list(linecache.cache):
            if file.startswith(inside):
                linecache.cache.pop(file, None)

    def modules(self, directory: str) -> Iterable[str]:
        """Names of a plugin's modules that are imported."""
        package = self.package_of(directory)
        return [name for name in list(sys.modules) if name == package or name.startswith(package + ".")]

    @staticmethod
    def _take(root: str) -> dict[str, ModuleType]:
        # Copied first: threads import at the same time.
        names = [name for name in list(sys.modules) if name == root or name.startswith(root + ".")]
        return {name: sys.modules.pop(name) for name in names}


def drop_bytecode(folder: Path) -> None:
    """Remove compiled files below ``folder``: Python tells them apart by whole seconds, too coarse for a reload."""
    for cache in list(folder.rglob("__pycache__")):
        shutil.rmtree(cache, ignore_errors=True)


def _package(name: str, path: list[str]) -> ModuleType:
    module = ModuleType(name)
    module.__path__ = path
    module.__package__ = name
    spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = path
    module.__spec__ = spec
    return module


def _lies_in(module: ModuleType, folder: str) -> bool:
    """Whether a module, or a package without a file of its own, lies in a folder (with a slash at its end)."""
    places = [getattr(module, "__file__", None), *(getattr(module, "__path__", None) or ())]
    return any(str(place).startswith(folder) or f"{place}/" == folder for place in places if place)

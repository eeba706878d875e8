"""Modules that stand under AstrBot's import names, for an import alias such as the plugin host's."""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType
from typing import Any

from astrbot_like.api import compat_paths

ALIAS = "astrbot"


class CompatModule(ModuleType):
    """A module of AstrBot made from the table; names are looked up when they are first used."""

    def __getattr__(self, name: str) -> Any:
        if name == "__all__":
            return sorted(compat_paths.public_names(self.__name__))
        if name.startswith("__") and name not in compat_paths.public_names(self.__name__):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        value = compat_paths.resolve(self.__name__, name)
        self.__dict__[name] = value
        return value

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *compat_paths.public_names(self.__name__)})


def resolve(name: str) -> ModuleType | None:
    """The module for an import name below ``astrbot``, or None when there is none.

    ``astrbot.api…`` are our own modules themselves, and so are deep paths that stand for one whole module of ours.
    """
    if name != ALIAS and not name.startswith(f"{ALIAS}."):
        return None
    if name not in compat_paths.modules():
        return _own(name)
    entries = compat_paths.TABLE.get(name, ())
    if len(entries) == 1 and entries[0].endswith(":*"):
        return importlib.import_module(f"{compat_paths.API}.{entries[0][:-2]}")
    if name == f"{ALIAS}.api" or name.startswith(f"{ALIAS}.api."):
        return _own(name)
    module = CompatModule(name)
    if any(other.startswith(f"{name}.") for other in compat_paths.modules()):
        module.__path__ = []
    return module


def _own(name: str) -> ModuleType | None:
    if name != f"{ALIAS}.api" and not name.startswith(f"{ALIAS}.api."):
        return None
    ours = compat_paths.API + name[len(f"{ALIAS}.api") :]
    try:
        found = importlib.util.find_spec(ours)
    except ModuleNotFoundError:
        return None
    return importlib.import_module(ours) if found is not None else None

"""The modules behind the import name ``astrbot``.

``astrbot.api…`` are the modules of our API themselves; ``astrbot`` and ``astrbot.core…`` are made from the API's table
of compatible paths, their names looked up when they are used.
"""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType
from typing import Any

from astrbot_like.api import compat_paths

_API = "astrbot.api"


class AliasModule(ModuleType):
    """A module whose names stand for objects of our API."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__ = []

    def __getattr__(self, name: str) -> Any:
        if name == "__all__":
            return list(compat_paths.public_names(self.__name__))
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        value = compat_paths.resolve(self.__name__, name)
        setattr(self, name, value)
        return value

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *compat_paths.public_names(self.__name__)})


def resolve(name: str) -> ModuleType | None:
    """The module that stands for an import name below ``astrbot``; None when there is none."""
    if name == _API or name.startswith(f"{_API}."):
        ours = f"{compat_paths.API}{name[len(_API) :]}"
        if _exists(ours):
            return importlib.import_module(ours)
    return AliasModule(name) if name in compat_paths.modules() else None


def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False

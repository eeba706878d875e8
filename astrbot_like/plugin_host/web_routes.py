"""Routes of plugins' own web APIs: which handler answers which path."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, MutableSequence
from functools import lru_cache
from typing import Any, TypeAlias
from urllib.parse import unquote

import msgspec

from astrbot_like.plugin_host.records import Plugin

ViewHandler: TypeAlias = Callable[..., Awaitable[Any]]
RegisteredApi: TypeAlias = tuple[str, ViewHandler, list[str], str]
"""AstrBot's form of a route: path, handler, methods, description."""

_VARIABLE = re.compile(r"<(?:(?P<kind>[a-z]+):)?(?P<name>[A-Za-z_]\w*)>")
_PATTERNS = {"": r"[^/]+", "string": r"[^/]+", "path": r".+", "int": r"\d+", "float": r"\d+\.\d+"}


class MatchedRoute(msgspec.Struct, frozen=True):
    """A route that answers a request.

    Attributes:
        handler: To be called with ``variables`` as keywords.
        variables: Values of the path's variables.
        plugin: Whose it is; None when no plugin owns the handler.
        description: What it does.
    """

    handler: Any
    variables: dict[str, Any]
    plugin: Plugin | None
    description: str = ""


class WebRoutes:
    """Looks routes up in the list that plugins fill (and may edit).

    Args:
        registered: The list, in order of registration.
        owner: Finds the plugin of a module.
    """

    def __init__(
        self, registered: Callable[[], MutableSequence[RegisteredApi]], owner: Callable[[str], Plugin | None]
    ) -> None:
        self._registered = registered
        self._owner = owner

    def match(self, path: str, method: str) -> MatchedRoute | None:
        """The first route that fits a path (without prefix, decoded or not) and method; None when there is none."""
        wanted = "/" + path.strip("/")
        for route, handler, methods, description in list(self._registered()):
            if method.upper() not in {one.upper() for one in methods}:
                continue
            found = _pattern(route).fullmatch(wanted)
            if found is None:
                continue
            plugin = self._owner(module_of(handler))
            if plugin is not None and not plugin.active:
                continue
            kinds = {item["name"]: item["kind"] or "" for item in _VARIABLE.finditer(route)}
            variables = {name: _converted(kinds[name], value) for name, value in found.groupdict().items()}
            return MatchedRoute(handler, variables, plugin, description)
        return None

    def methods(self, path: str) -> list[str]:
        """Methods some route takes at a path; empty: there is no such path."""
        wanted = "/" + path.strip("/")
        found = {
            method.upper()
            for route, _, methods, _ in self._registered()
            if _pattern(route).fullmatch(wanted)
            for method in methods
        }
        return sorted(found)

    def of_plugin(self, plugin: Plugin) -> list[RegisteredApi]:
        """A plugin's routes."""
        return [one for one in self._registered() if self._owner(module_of(one[1])) is plugin]

    def remove(self, plugin: Plugin) -> None:
        """Take a plugin's routes out of the list."""
        gone = [id(one) for one in self.of_plugin(plugin)]
        registered = self._registered()
        registered[:] = [one for one in registered if id(one) not in gone]


def module_of(handler: Any) -> str:
    """Name of the module that a function, method or partial was written in."""
    target = getattr(handler, "func", handler)  # functools.partial
    instance = getattr(target, "__self__", None)
    return str(getattr(target, "__module__", None) or type(instance).__module__)


@lru_cache(maxsize=1024)
def _pattern(route: str) -> re.Pattern[str]:
    parts, position = [], 0
    text = "/" + route.strip("/")
    for item in _VARIABLE.finditer(text):
        parts.append(re.escape(text[position : item.start()]))
        parts.append(f"(?P<{item['name']}>{_PATTERNS.get(item['kind'] or '', _PATTERNS[''])})")
        position = item.end()
    parts.append(re.escape(text[position:]))
    return re.compile("".join(parts))


def _converted(kind: str, value: str) -> Any:
    if kind == "int":
        return int(value)
    return float(value) if kind == "float" else unquote(value)


def describe(routes: Iterable[RegisteredApi]) -> list[dict[str, Any]]:
    """Routes as the dashboard shows them."""
    return [{"route": route, "methods": list(methods), "desc": text} for route, _, methods, text in routes]

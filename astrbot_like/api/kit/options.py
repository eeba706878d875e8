"""Options of a provider's configuration. Numbers may be written as text, and keys as a list or a string."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import Any

Config = Mapping[str, Any]


def text(config: Config, *names: str, default: str = "") -> str:
    """The first of these options that holds text; ``env:NAME`` gives that environment variable."""
    for name in names:
        value = config.get(name)
        if isinstance(value, (str, int, float)) and not isinstance(value, bool) and str(value).strip():
            return from_environment(str(value).strip())
    return default


def number(config: Config, *names: str, default: float) -> float:
    """The first of these options that holds a number, written as one or as text."""
    for name in names:
        value = config.get(name)
        if isinstance(value, bool) or value is None or value == "":
            continue
        try:
            return float(value)
        except (TypeError, ValueError):
            continue
    return default


def flag(config: Config, name: str, default: bool = False) -> bool:
    """A yes or no, also as text."""
    value = config.get(name, default)
    return value.strip().lower() in {"1", "true", "yes", "on"} if isinstance(value, str) else bool(value)


def mapping(config: Config, name: str) -> dict[str, Any]:
    """An option that holds names and values; empty where it does not."""
    value = config.get(name)
    return dict(value) if isinstance(value, Mapping) else {}


def keys(config: Config, *names: str) -> list[str]:
    """Every API key given, by default in ``key`` or ``api_key``: strings of one or several, or lists of them.

    Within a string commas and white space part the keys, but not within brackets: those hold an object of settings.
    """
    found: list[str] = []
    for name in names or ("key", "api_key"):
        value = config.get(name)
        given = [one for one in (value if isinstance(value, (list, tuple)) else [value]) if isinstance(one, str)]
        for key in (key for one in given for key in _parted(one)):
            resolved = from_environment(key)
            if resolved and resolved not in found:
                found.append(resolved)
    return found


def _parted(text: str) -> list[str]:
    return [text.strip()] if "[" in text else text.replace(",", " ").split()


def model(config: Config, default: str = "") -> str:
    """The model's name, in ``model`` or, as older configurations have it, in ``model_config.model``."""
    return text(config, "model") or text(mapping(config, "model_config"), "model", default=default)


def from_environment(value: str) -> str:
    """``env:NAME`` as the environment has it ("" when it has not), any other text as it is."""
    return os.environ.get(value[4:].strip(), "") if value.startswith("env:") else value


class KeyRing:
    """The keys of one provider; the next one takes over when a key is refused or used up.

    Args:
        keys: At least one; an empty list means the service needs none.
    """

    def __init__(self, keys: list[str]) -> None:
        self._keys = list(keys) or [""]
        self._at = 0

    @property
    def current(self) -> str:
        """The key to use now."""
        return self._keys[self._at]

    @property
    def all(self) -> list[str]:
        """Every key."""
        return list(self._keys)

    def use(self, key: str) -> None:
        """Make this key the current one, adding it when it is new."""
        if key not in self._keys:
            self._keys.append(key)
        self._at = self._keys.index(key)

    def pass_over(self, refused: Collection[str]) -> bool:
        """Go on to a key that is none of these, if the current one is; False when there is no other.

        Several calls that fail with the same key at once go on to the same next one.
        """
        for step in range(len(self._keys)):
            place = (self._at + step) % len(self._keys)
            if self._keys[place] not in refused:
                self._at = place
                return True
        return False

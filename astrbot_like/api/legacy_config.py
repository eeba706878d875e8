"""``load_config``, ``put_config``, ``update_config``: settings as AstrBot's first plugins kept them.

Each namespace is a file ``data/config/<namespace>.json`` of ``key → {config_type, name, description, path, value}``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from astrbot_like.api.paths import get_astrbot_config_path

_KINDS = (str, int, float, bool, list)


def _file(namespace: str) -> Path:
    if (
        not namespace
        or namespace.startswith("internal_")
        or not namespace.replace("_", "a").replace("-", "a").isalnum()
    ):
        raise ValueError(f"{namespace!r} is not a valid namespace.")
    return Path(get_astrbot_config_path()) / f"{namespace}.json"


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8-sig")) if path.exists() else {}


def _write(path: Path, entries: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(entries, ensure_ascii=False, indent=2), encoding="utf-8-sig")


def load_config(namespace: str) -> dict[str, Any] | bool:
    """The values of a namespace; False when there is none."""
    path = _file(namespace)
    if not path.exists():
        return False
    return {key: entry["value"] for key, entry in _read(path).items()}


def put_config(namespace: str, name: str, key: str, value: Any, description: str) -> None:
    """Add a setting with its default; one that is there keeps its value.

    Raises:
        ValueError: The namespace or the type of the value is not allowed.
    """
    if not isinstance(value, _KINDS):
        raise ValueError(f"a setting can't be of type {type(value).__name__}")
    path = _file(namespace)
    entries = _read(path)
    if key not in entries:
        kind = type(value).__name__
        entries[key] = {
            "config_type": "item",
            "name": name,
            "description": description,
            "path": key,
            "value": value,
            "val_type": kind,
        }
        _write(path, entries)


def update_config(namespace: str, key: str, value: Any) -> None:
    """Change a setting.

    Raises:
        ValueError: It was never added, or the type of the value is not allowed.
    """
    if not isinstance(value, _KINDS):
        raise ValueError(f"a setting can't be of type {type(value).__name__}")
    path = _file(namespace)
    entries = _read(path)
    if key not in entries:
        raise ValueError(f"the setting {key!r} was never added to {namespace!r}")
    entries[key]["value"] = value
    _write(path, entries)


__all__ = [
    "load_config",
    "put_config",
    "update_config",
]

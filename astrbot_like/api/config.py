"""``AstrBotConfig``: a configuration file as a dictionary with attribute access."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import os
import tempfile
import threading
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

TYPE_DEFAULTS: dict[str, Any] = {
    "int": 0,
    "float": 0.0,
    "bool": False,
    "string": "",
    "text": "",
    "list": [],
    "file": [],
    "object": {},
    "dict": {},
    "template_list": [],
}
"""Types of ``_conf_schema.json`` → value where the schema gives no default."""


class AstrBotConfig(dict[str, Any]):
    """A configuration. Missing keys read as attributes are None; attributes write keys, at the root level.

    Args:
        config_path: The JSON file; read when it exists, written when it lacks something. Empty: in memory alone.
        default_config: Keys and their defaults. Others are removed from the file's content.
        schema: ``_conf_schema.json`` of a plugin; gives the defaults in place of ``default_config``.

    Raises:
        TypeError: The schema names an unknown type.
        ValueError: The file is not JSON.
    """

    def __init__(
        self,
        config_path: str | os.PathLike[str] = "",
        default_config: dict[str, Any] | None = None,
        schema: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        set_plainly = object.__setattr__
        defaults = defaults_of_schema(schema) if schema is not None else dict(default_config or {})
        set_plainly(self, "config_path", str(config_path))
        set_plainly(self, "default_config", defaults)
        set_plainly(self, "schema", schema)
        set_plainly(self, "first_deploy", False)
        set_plainly(self, "_lock", threading.Lock())
        set_plainly(self, "_revision", 0)
        set_plainly(self, "_written", 0)
        stored = self._read() if config_path else None
        if stored is None and config_path:
            set_plainly(self, "first_deploy", True)
        changed = self.check_config_integrity(defaults, stored := stored or {})
        self.update(stored)
        if config_path and (changed or not Path(config_path).exists()):
            self.save_config()

    def _read(self) -> dict[str, Any] | None:
        path = Path(self.config_path)
        if not path.exists():
            return None
        try:
            stored = json.loads(path.read_text(encoding="utf-8-sig"))
        except ValueError as error:
            raise ValueError(f"The configuration file {path.name} is not valid JSON: {error}") from error
        if not isinstance(stored, dict):
            raise ValueError(f"The configuration file {path.name} must hold a JSON object.")
        return stored

    def check_config_integrity(self, refer_conf: dict[str, Any], conf: dict[str, Any], path: str = "") -> bool:
        """Bring ``conf`` into the form of ``refer_conf``: missing and null keys get defaults, unknown ones go.

        Returns:
            Whether anything changed, order included.
        """
        merged = merged_with_defaults(refer_conf, conf)
        changed = json.dumps(merged, default=str) != json.dumps(conf, default=str)
        conf.clear()
        conf.update(merged)
        return changed

    def save_config(self, replace_config: dict[str, Any] | None = None, *, indent: int = 2) -> None:
        """Write the file (UTF-8 with BOM, atomically).

        Args:
            replace_config: Keys to set before.
            indent: Spaces a level.
        """
        snapshot, revision = self._snapshot(replace_config)
        self._write(snapshot, revision, indent)

    async def save_config_async(self, replace_config: dict[str, Any] | None = None, *, indent: int = 2) -> bool:
        """As ``save_config``, off the event loop.

        Returns:
            False when a later state was written meanwhile.
        """
        snapshot, revision = self._snapshot(replace_config)
        return await asyncio.to_thread(self._write, snapshot, revision, indent)

    def check_exist(self) -> bool:
        """Whether the file exists."""
        return bool(self.config_path) and Path(self.config_path).exists()

    def _snapshot(self, replace_config: dict[str, Any] | None) -> tuple[dict[str, Any], int]:
        with self._lock:
            if replace_config:
                self.update(replace_config)
            object.__setattr__(self, "_revision", self._revision + 1)
            return copy.deepcopy(dict(self)), self._revision

    def _write(self, snapshot: dict[str, Any], revision: int, indent: int) -> bool:
        if not self.config_path:
            return True
        target = Path(self.config_path)
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8-sig") as file:
                json.dump(snapshot, file, indent=indent, ensure_ascii=False)
                file.flush()
                os.fsync(file.fileno())
            with self._lock:
                if revision <= self._written:
                    return False
                temporary.replace(target)
                object.__setattr__(self, "_written", revision)
                return True
        finally:
            temporary.unlink(missing_ok=True)

    def __getattr__(self, item: str) -> Any:
        if item.startswith("__"):
            raise AttributeError(item)
        return self.get(item)

    def __setattr__(self, key: str, value: Any) -> None:
        self[key] = value

    def __delattr__(self, key: str) -> None:
        if key not in self:
            raise AttributeError(f"no key {key!r}")
        del self[key]
        self.save_config()

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        return copy.deepcopy(dict(self), memo)

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)


def defaults_of_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """The configuration a schema describes, all at its defaults.

    Raises:
        TypeError: It names an unknown type.
    """
    defaults: dict[str, Any] = {}
    for key, entry in schema.items():
        kind = entry.get("type") if isinstance(entry, dict) else None
        if kind not in TYPE_DEFAULTS:
            raise TypeError(f"不受支持的配置类型 {kind}。支持的类型有：{', '.join(TYPE_DEFAULTS)}")
        if kind == "object":
            defaults[key] = defaults_of_schema(entry.get("items") or {})
        else:
            defaults[key] = copy.deepcopy(entry.get("default", TYPE_DEFAULTS[kind]))
    return defaults


def merged_with_defaults(defaults: dict[str, Any], stored: dict[str, Any]) -> dict[str, Any]:
    """``stored`` in the form of ``defaults``: its keys and order, stored values where there are any that fit."""
    merged: dict[str, Any] = {}
    for key, default in defaults.items():
        value = stored.get(key)
        if value is None:
            merged[key] = copy.deepcopy(default)
        elif isinstance(default, dict):
            held = value if isinstance(value, dict) else {}
            # An empty default is a free dictionary: its keys are the user's own.
            merged[key] = merged_with_defaults(default, held) if default else held
        else:
            merged[key] = value
    return merged

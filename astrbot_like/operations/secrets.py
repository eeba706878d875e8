"""Secrets within configurations: shown masked, kept when the mask comes back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MASK = "••••"
VISIBLE = 4
"""Characters of a long secret shown after the mask, so that people can tell two keys apart."""

_SECRET_NAME = re.compile(
    r"(?i)(^|[_\-.])(key|keys|api_?key|apikey|token|access_token|secret|secret_?key|app_?secret|client_?secret|"
    r"password|passwd|pass|authorization|credential|credentials|cookie)$"
)


def is_secret(name: str) -> bool:
    """Whether an option of that name holds a secret."""
    return _SECRET_NAME.search(name) is not None


def mask(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration as people see it: every secret reads ``••••1234``."""
    return {name: _mask_value(value) if is_secret(name) else _mask_inside(value) for name, value in config.items()}


def unmask(given: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration to save: where the mask came back, the stored secret stays."""
    result: dict[str, Any] = {}
    for name, value in given.items():
        old = stored.get(name)
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            result[name] = unmask(value, old)
        elif is_secret(name):
            result[name] = _unmask_value(value, old)
        else:
            result[name] = value
    return result


def _mask_inside(value: Any) -> Any:
    if isinstance(value, Mapping):
        return mask(value)
    if isinstance(value, list | tuple):
        return [_mask_inside(item) for item in value]
    return value


def _mask_value(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_mask_value(item) for item in value]
    if isinstance(value, Mapping):
        return {name: _mask_value(item) for name, item in value.items()}
    if not isinstance(value, str) or not value:
        return value
    return MASK + (value[-VISIBLE:] if len(value) >= 4 * VISIBLE else "")


def _unmask_value(value: Any, old: Any) -> Any:
    if isinstance(value, list):
        known = old if isinstance(old, list) else []
        by_mask = {_mask_value(item): item for item in known if isinstance(item, str)}
        return [by_mask.get(item, item) if isinstance(item, str) else item for item in value]
    if isinstance(value, str) and value.startswith(MASK):
        return old if isinstance(old, str) else ""
    return value

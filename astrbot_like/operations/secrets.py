"""Secrets within configurations: shown masked, kept when the mask comes back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from astrbot_like.storage import secrets


def mask(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration as people see it: every secret reads ``••••1234``."""
    return {
        name: _mask_value(value) if secrets.is_secret_name(name) else _mask_inside(value)
        for name, value in config.items()
    }


def unmask(given: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration to save: where the mask came back, the stored secret stays."""
    result: dict[str, Any] = {}
    for name, value in given.items():
        old = stored.get(name)
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            result[name] = unmask(value, old)
        else:
            result[name] = _unmask_value(value, old)
    return result


def _mask_inside(value: Any) -> Any:
    if isinstance(value, Mapping):
        return mask(value)
    if isinstance(value, list | tuple):
        return [_mask_inside(item) for item in value]
    return value


def _mask_value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _mask_value(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_mask_value(item) for item in value]
    return secrets.mask(value) if isinstance(value, str) else value


def _unmask_value(value: Any, old: Any) -> Any:
    if isinstance(value, list):
        known = [item for item in old if isinstance(item, str)] if isinstance(old, list) else []
        by_mask = {secrets.mask(item): item for item in known}
        return [by_mask.get(item, item) if isinstance(item, str) else item for item in value]
    if secrets.is_masked(value):
        return old if isinstance(old, str) else ""
    return value

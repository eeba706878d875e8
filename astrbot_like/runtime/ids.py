"""Identifiers."""

from __future__ import annotations

import secrets


def new_id(prefix: str = "") -> str:
    """A random id of 128 bits, URL-safe, with an optional prefix."""
    return prefix + secrets.token_hex(16)

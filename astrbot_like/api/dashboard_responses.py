"""What answers of the dashboard look like; some plugins build those of their web APIs with the same functions."""

from __future__ import annotations

from typing import Any


def ok(data: Any = None, message: str | None = None) -> dict[str, Any]:
    """An answer that brings something."""
    return {"status": "ok", "message": message, "data": {} if data is None else data}


def error(message: str, data: Any = None) -> dict[str, Any]:
    """An answer that says what went wrong."""
    return {"status": "error", "message": message, **({} if data is None else {"data": data})}


__all__ = ["error", "ok"]

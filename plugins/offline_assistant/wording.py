"""Results of tools in words."""

from __future__ import annotations

import json
from typing import Any

from .numerals import number_text


def word_result(tool_name: str, result: str, *, chinese: bool) -> str:
    """A tool's result as a sentence: text as it is, JSON as names and values."""
    text = result.strip()
    if not text:
        return "已经完成。" if chinese else "Done."
    try:
        decoded = json.loads(text)
    except ValueError:
        return text
    return _worded(decoded, chinese) or text


def _worded(value: Any, chinese: bool) -> str:
    stop, between = ("。", "，") if chinese else (".", ", ")
    if isinstance(value, bool):
        return ("是" if value else "否") + stop if chinese else ("Yes" if value else "No") + stop
    if isinstance(value, (int, float)):
        return number_text(value)
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return between.join(_worded(item, chinese).rstrip(stop) for item in value[:20]) + (stop if value else "")
    if isinstance(value, dict):
        link = "：" if chinese else ": "
        pairs = [
            f"{str(key).replace('_', ' ')}{link}{_worded(item, chinese).rstrip(stop)}" for key, item in value.items()
        ]
        return between.join(pairs[:20]) + stop
    return ""

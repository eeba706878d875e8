"""The public plugin API; plugins import it as ``astrbot.api``.

Names are resolved on first use, so that importing one part of the API costs no other.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from astrbot_like.api.config import AstrBotConfig
    from astrbot_like.api.log import logger
    from astrbot_like.api.preferences import sp
    from astrbot_like.api.rendering import html_renderer
    from astrbot_like.api.tool_decorator import llm_tool
    from astrbot_like.api.tools import FunctionTool, ToolSet

_HOMES = {
    "AstrBotConfig": "config",
    "FunctionTool": "tools",
    "ToolSet": "tools",
    "html_renderer": "rendering",
    "llm_tool": "tool_decorator",
    "logger": "log",
    "sp": "preferences",
}

__all__ = ["AstrBotConfig", "FunctionTool", "ToolSet", "html_renderer", "llm_tool", "logger", "sp"]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value

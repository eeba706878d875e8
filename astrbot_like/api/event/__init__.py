"""Events, results and the ``filter`` module of decorators."""

from __future__ import annotations

from astrbot_like.api.chain import (
    CommandResult,
    EventResultType,
    MessageChain,
    MessageEventResult,
    ResultContentType,
)
from astrbot_like.api.event import filter
from astrbot_like.api.message_event import AstrMessageEvent

__all__ = [
    "AstrMessageEvent",
    "CommandResult",
    "EventResultType",
    "MessageChain",
    "MessageEventResult",
    "ResultContentType",
    "filter",
]

"""``from astrbot_like.api.event import filter``: decorators and filters of handlers."""

from __future__ import annotations

from astrbot_like.api.decorators import (
    after_message_sent,
    command,
    command_group,
    custom_filter,
    event_message_type,
    on_agent_begin,
    on_agent_done,
    on_astrbot_loaded,
    on_decorating_result,
    on_llm_request,
    on_llm_response,
    on_llm_tool_respond,
    on_platform_loaded,
    on_plugin_error,
    on_plugin_loaded,
    on_plugin_unloaded,
    on_using_llm_tool,
    on_waiting_llm_request,
    permission_type,
    platform_adapter_type,
    regex,
)
from astrbot_like.api.filters.arguments import GreedyStr
from astrbot_like.api.filters.base import CustomFilter, CustomFilterAnd, CustomFilterOr, HandlerFilter
from astrbot_like.api.filters.command import CommandFilter, CommandGroupFilter
from astrbot_like.api.filters.kinds import (
    EventMessageType,
    EventMessageTypeFilter,
    PermissionType,
    PermissionTypeFilter,
    PlatformAdapterType,
    PlatformAdapterTypeFilter,
    RegexFilter,
)
from astrbot_like.api.tool_decorator import llm_tool

__all__ = [
    "CommandFilter",
    "CommandGroupFilter",
    "CustomFilter",
    "CustomFilterAnd",
    "CustomFilterOr",
    "EventMessageType",
    "EventMessageTypeFilter",
    "GreedyStr",
    "HandlerFilter",
    "PermissionType",
    "PermissionTypeFilter",
    "PlatformAdapterType",
    "PlatformAdapterTypeFilter",
    "RegexFilter",
    "after_message_sent",
    "command",
    "command_group",
    "custom_filter",
    "event_message_type",
    "llm_tool",
    "on_agent_begin",
    "on_agent_done",
    "on_astrbot_loaded",
    "on_decorating_result",
    "on_llm_request",
    "on_llm_response",
    "on_llm_tool_respond",
    "on_platform_loaded",
    "on_plugin_error",
    "on_plugin_loaded",
    "on_plugin_unloaded",
    "on_using_llm_tool",
    "on_waiting_llm_request",
    "permission_type",
    "platform_adapter_type",
    "regex",
]

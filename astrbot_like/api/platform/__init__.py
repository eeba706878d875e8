"""Messages and platform adapters."""

from __future__ import annotations

from astrbot_like.api.incoming import (
    AstrBotMessage,
    Group,
    MessageMember,
    MessageSesion,
    MessageSession,
    MessageType,
    PlatformMetadata,
)
from astrbot_like.api.message_components import *  # noqa: F403
from astrbot_like.api.message_event import AstrMessageEvent
from astrbot_like.api.platform.base import Platform, PlatformError, PlatformStatus
from astrbot_like.api.platform.register import register_platform_adapter

__all__ = [
    "AstrBotMessage",
    "AstrMessageEvent",
    "Group",
    "MessageMember",
    "MessageSesion",
    "MessageSession",
    "MessageType",
    "Platform",
    "PlatformError",
    "PlatformMetadata",
    "PlatformStatus",
    "register_platform_adapter",
]

"""Filters by kind of message, platform, permission and pattern."""

from __future__ import annotations

import enum
import re
from typing import TYPE_CHECKING

from astrbot_like.api.filters.base import HandlerFilter
from astrbot_like.api.incoming import MessageType
from astrbot_like.api.texts import text

if TYPE_CHECKING:
    from astrbot_like.api.config import AstrBotConfig
    from astrbot_like.api.message_event import AstrMessageEvent


class EventMessageType(enum.Flag):
    """Kinds of messages; combine with ``|``."""

    __hash__ = object.__hash__  # as ``MessageType``; one object stands for each combination

    GROUP_MESSAGE = enum.auto()
    PRIVATE_MESSAGE = enum.auto()
    OTHER_MESSAGE = enum.auto()
    ALL = GROUP_MESSAGE | PRIVATE_MESSAGE | OTHER_MESSAGE


MESSAGE_TYPE_2_EVENT_MESSAGE_TYPE = {
    MessageType.GROUP_MESSAGE: EventMessageType.GROUP_MESSAGE,
    MessageType.FRIEND_MESSAGE: EventMessageType.PRIVATE_MESSAGE,
    MessageType.OTHER_MESSAGE: EventMessageType.OTHER_MESSAGE,
}


class EventMessageTypeFilter(HandlerFilter):
    """Passes messages of some kinds, whether the bot is addressed or not."""

    def __init__(self, event_message_type: EventMessageType) -> None:
        self.event_message_type = event_message_type
        # Each listener is asked for each message, and arithmetic with flags is slow.
        self._passing = tuple(
            message_type
            for message_type, kind in MESSAGE_TYPE_2_EVENT_MESSAGE_TYPE.items()
            if kind & event_message_type
        )

    def filter(self, event: AstrMessageEvent, cfg: AstrBotConfig) -> bool:
        """Whether the message is of one of the kinds."""
        return event.get_message_type() in self._passing


class PlatformAdapterType(enum.Flag):
    """Types of platform adapters; combine with ``|``."""

    AIOCQHTTP = enum.auto()
    QQOFFICIAL = enum.auto()
    QQOFFICIAL_WEBHOOK = enum.auto()
    TELEGRAM = enum.auto()
    WECOM = enum.auto()
    WECOM_AI_BOT = enum.auto()
    LARK = enum.auto()
    DINGTALK = enum.auto()
    DISCORD = enum.auto()
    SLACK = enum.auto()
    KOOK = enum.auto()
    VOCECHAT = enum.auto()
    WEIXIN_OFFICIAL_ACCOUNT = enum.auto()
    SATORI = enum.auto()
    MISSKEY = enum.auto()
    LINE = enum.auto()
    MATRIX = enum.auto()
    WEIXIN_OC = enum.auto()
    MATTERMOST = enum.auto()
    WEBCHAT = enum.auto()
    GEWECHAT = enum.auto()
    WECHATPADPRO = enum.auto()
    ALL = enum.auto()


_SPELLED_OTHERWISE = {
    PlatformAdapterType.QQOFFICIAL: "qq_official",
    PlatformAdapterType.QQOFFICIAL_WEBHOOK: "qq_official_webhook",
}

ADAPTER_NAME_2_TYPE: dict[str, PlatformAdapterType] = {
    _SPELLED_OTHERWISE.get(kind, str(kind.name).lower()): kind
    for kind in PlatformAdapterType
    if kind is not PlatformAdapterType.ALL
}
"""Adapter type as events name it → flag."""


class PlatformAdapterTypeFilter(HandlerFilter):
    """Passes messages of some platforms."""

    def __init__(self, platform_adapter_type_or_str: PlatformAdapterType | str) -> None:
        given = platform_adapter_type_or_str
        self.platform_type = ADAPTER_NAME_2_TYPE.get(given) if isinstance(given, str) else given

    def filter(self, event: AstrMessageEvent, cfg: AstrBotConfig) -> bool:
        """Whether the event comes from one of the platforms."""
        if self.platform_type is None:
            return False
        if self.platform_type & PlatformAdapterType.ALL:
            return True
        kind = ADAPTER_NAME_2_TYPE.get(event.get_platform_name())
        return kind is not None and bool(kind & self.platform_type)


class PermissionType(enum.Flag):
    """Who may use a handler."""

    ADMIN = enum.auto()
    MEMBER = enum.auto()


class PermissionTypeFilter(HandlerFilter):
    """Passes administrators only, or everybody. Judged when all other filters of the handler passed.

    Args:
        raise_error: Tell the sender that the permission is missing and stop the event; False: skip silently.
    """

    def __init__(self, permission_type: PermissionType, raise_error: bool = True) -> None:
        self.permission_type = permission_type
        self.raise_error = raise_error

    def filter(self, event: AstrMessageEvent, cfg: AstrBotConfig) -> bool:
        """Whether the sender has the permission."""
        return PermissionType.ADMIN not in self.permission_type or event.is_admin()

    def denial(self, event: AstrMessageEvent) -> str:
        """What a sender without the permission is told."""
        return text("permission.denied", sender=event.get_sender_id())


class RegexFilter(HandlerFilter):
    """Passes messages in which a pattern is found, whether the bot is addressed or not."""

    def __init__(self, regex: str | re.Pattern[str]) -> None:
        self.regex = re.compile(regex)
        self.regex_str = self.regex.pattern

    def filter(self, event: AstrMessageEvent, cfg: AstrBotConfig) -> bool:
        """Whether the pattern is found in the stripped text."""
        return self.regex.search(event.get_message_str().strip()) is not None

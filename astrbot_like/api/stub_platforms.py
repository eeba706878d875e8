"""Event and adapter classes of messengers that plugins name in ``isinstance`` checks.

No event of this host is an instance of them, unless a plugin brings such an adapter; the checks then take their general
branch. See docs/plugins.md.
"""

from __future__ import annotations

from typing import Any

from astrbot_like.api.message_event import AstrMessageEvent
from astrbot_like.api.platform.base import Platform


class AiocqhttpMessageEvent(AstrMessageEvent):
    """An event of a OneBot v11 adapter; ``bot`` is its client."""

    bot: Any


class QQOfficialMessageEvent(AstrMessageEvent):
    """An event of QQ's official bots."""

    bot: Any


class QQOfficialWebhookMessageEvent(QQOfficialMessageEvent):
    """An event of QQ's official bots, by webhook."""


class TelegramPlatformEvent(AstrMessageEvent):
    """An event of Telegram."""

    client: Any


class LarkMessageEvent(AstrMessageEvent):
    """An event of Lark."""

    bot: Any


class SlackMessageEvent(AstrMessageEvent):
    """An event of Slack."""

    web_client: Any


class DingtalkMessageEvent(AstrMessageEvent):
    """An event of DingTalk."""

    client: Any


class DiscordPlatformEvent(AstrMessageEvent):
    """An event of Discord."""

    client: Any


class GewechatPlatformEvent(AstrMessageEvent):
    """An event of Gewechat."""

    client: Any


class WeChatPadProMessageEvent(AstrMessageEvent):
    """An event of WeChatPadPro."""

    adapter: Any


class WecomPlatformEvent(AstrMessageEvent):
    """An event of WeCom."""

    client: Any


class WeixinOfficialAccountPlatformEvent(AstrMessageEvent):
    """An event of a WeChat official account."""

    client: Any


class SatoriPlatformEvent(AstrMessageEvent):
    """An event of Satori."""

    adapter: Any


class MisskeyPlatformEvent(AstrMessageEvent):
    """An event of Misskey."""

    client: Any


class KookEvent(AstrMessageEvent):
    """An event of KOOK."""

    client: Any


class WebChatMessageEvent(AstrMessageEvent):
    """An event of the web chat; the host's own web chat events are instances of it."""


class AiocqhttpAdapter(Platform):
    """A OneBot v11 adapter."""


class QQOfficialPlatformAdapter(Platform):
    """An adapter for QQ's official bots."""


class GewechatPlatformAdapter(Platform):
    """An adapter for Gewechat."""


class TelegramPlatformAdapter(Platform):
    """An adapter for Telegram."""


class DiscordPlatformAdapter(Platform):
    """An adapter for Discord."""


class LarkPlatformAdapter(Platform):
    """An adapter for Lark."""


class WebChatAdapter(Platform):
    """The web chat adapter."""

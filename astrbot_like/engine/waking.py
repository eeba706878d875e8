"""The stages before any plugin sees a message: is the bot addressed, by whom, and may they."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from astrbot_like.engine.chains import component_kind
from astrbot_like.engine.context import subtree
from astrbot_like.runtime.clock import Clock

if TYPE_CHECKING:
    from astrbot_like.api.event import AstrMessageEvent

BLOCKED_TEXT = "你的消息或者大模型的响应中包含不适当的内容，已被屏蔽。"


def wake(event: AstrMessageEvent, config: Mapping[str, Any], *, admin: bool = False) -> bool:
    """Set the event's wake flags and role; remove the wake prefix from its text.

    Args:
        admin: The sender is an administrator whatever ``admins_id`` says.

    Returns:
        False when the message is the bot's own and those are ignored.
    """
    platform = subtree(config, "platform_settings")
    if platform.get("ignore_bot_self_message") and event.get_sender_id() == event.get_self_id() != "":
        return False
    admins = {str(item) for item in config.get("admins_id") or ()}
    if admin or event.get_sender_id() in admins:
        event.role = "admin"
    event.message_str = event.message_str.strip()
    if (
        _prefix(event, config)
        or _mentioned(event, platform)
        or (event.is_private_chat() and not platform.get("friend_message_needs_wake_prefix"))
    ):
        event.is_wake = event.is_at_or_wake_command = True
    return True


def _prefix(event: AstrMessageEvent, config: Mapping[str, Any]) -> bool:
    prefixes = config.get("wake_prefix") or ()
    if isinstance(prefixes, str):
        prefixes = (prefixes,)
    for prefix in prefixes:
        if prefix and event.message_str.startswith(prefix):
            if not event.is_private_chat() and _speaks_to_another(event):
                return False
            event.message_str = event.message_str[len(prefix) :].strip()
            return True
    return False


def _speaks_to_another(event: AstrMessageEvent) -> bool:
    """Whether the message starts with a mention of somebody who is not the bot."""
    first = next(iter(event.get_messages()), None)
    return component_kind(first) == "At" and str(getattr(first, "qq", "")) not in (event.get_self_id(), "all")


def _mentioned(event: AstrMessageEvent, platform: Mapping[str, Any]) -> bool:
    own_id = event.get_self_id()
    for component in event.get_messages():
        kind = component_kind(component)
        target = str(getattr(component, "qq", ""))
        if kind == "AtAll" or (kind == "At" and target == "all"):
            if not platform.get("ignore_at_all"):
                return True
        elif (kind == "At" and target == own_id != "") or (
            kind == "Reply" and str(getattr(component, "sender_id", "")) == own_id != ""
        ):
            return True
    return False


def allowed(event: AstrMessageEvent, config: Mapping[str, Any]) -> bool:
    """The whitelist: with ``enable_id_white_list`` and a non-empty ``id_whitelist`` only those are heard."""
    platform = subtree(config, "platform_settings")
    listed = [str(item) for item in platform.get("id_whitelist") or ()]
    if not platform.get("enable_id_white_list", True) or not listed:
        return True
    group = not event.is_private_chat()
    if event.is_admin() and platform.get("wl_ignore_admin_on_group" if group else "wl_ignore_admin_on_friend", True):
        return True
    return event.unified_msg_origin in listed or (event.get_group_id() or event.get_sender_id()) in listed


def contains_blocked(text: str, config: Mapping[str, Any]) -> bool:
    """Whether ``content_safety.internal_keywords`` forbids the text."""
    rules = subtree(subtree(config, "content_safety"), "internal_keywords")
    if not rules.get("enable"):
        return False
    return any(str(word) and str(word) in text for word in rules.get("extra_keywords") or ())


class RateLimiter:
    """``platform_settings.rate_limit``: ``count`` messages of a session in ``time`` seconds; 0 means no limit.

    With strategy ``stall`` a message over the limit waits, with ``discard`` it is dropped.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: dict[str, list[float]] = {}

    async def admit(self, session: str, rule: Mapping[str, Any]) -> bool:
        """Wait until the session may send one more message.

        Returns:
            False when the message is to be dropped.
        """
        count, window = int(rule.get("count") or 0), float(rule.get("time") or 60)
        if count <= 0:
            return True
        while True:
            now = self._clock.monotonic()
            recent = [moment for moment in self._seen.get(session, ()) if moment > now - window]
            if len(recent) < count:
                self._seen[session] = [*recent, now]
                if len(self._seen) > 4096:
                    self._forget(now - window)
                return True
            if rule.get("strategy") == "discard":
                return False
            await self._clock.sleep(recent[0] + window - now)

    def _forget(self, before: float) -> None:
        self._seen = {key: moments for key, moments in self._seen.items() if moments[-1] > before}

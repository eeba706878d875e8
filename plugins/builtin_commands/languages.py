"""``/language``: in which language the house speaks to somebody."""

from __future__ import annotations

from astrbot_like.api import sp
from astrbot_like.api.event import AstrMessageEvent
from astrbot_like.api.texts import LANGUAGE_KEY, language, language_of

from .texts import say

NAMES = {"zh": "zh", "中文": "zh", "chinese": "zh", "en": "en", "英文": "en", "english": "en"}


async def choose_language(event: AstrMessageEvent, wanted: str) -> str:
    """Show the language (``wanted`` is empty), choose one, or go back to the default (``auto``)."""
    if not wanted:
        return say("language")
    scope, scope_id = "umo", event.unified_msg_origin
    if event.is_private_chat():
        scope, scope_id = "user", f"{event.get_platform_id()}:{event.get_sender_id()}"
    name = wanted.lower()
    if name in ("auto", "默认"):
        await sp.remove_async(scope, scope_id, LANGUAGE_KEY)
        return say("language.auto")
    tag = NAMES.get(name) or NAMES.get(name.partition("-")[0])
    if tag is None:
        return say("language.unknown")
    await sp.put_async(scope, scope_id, LANGUAGE_KEY, tag)
    language.set(language_of(tag) or "zh")
    return say("language")

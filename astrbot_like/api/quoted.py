"""What a message quotes: text and pictures of its ``Reply``, as AstrBot's ``quoted_message_parser`` gives them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from astrbot_like.api.components.base import BaseMessageComponent
from astrbot_like.api.components.basic import Plain, Reply
from astrbot_like.api.components.forward import Node, Nodes
from astrbot_like.api.components.media import Image
from astrbot_like.api.message_event import AstrMessageEvent

DEEPEST = 8
"""Forwarded messages inside forwarded messages are followed to this depth."""


async def extract_quoted_message_text(
    event: AstrMessageEvent, reply_component: Reply | None = None, settings: Any = None
) -> str | None:
    """The quoted text; None when nothing is quoted or the quotation has no text.

    Args:
        reply_component: The quotation; None: the event's first one.
        settings: Accepted as AstrBot does; nothing is fetched here, so there is nothing to limit.
    """
    reply = reply_component or _first_reply(event)
    if reply is None:
        return None
    written = "\n".join(part.text for part in _flat(reply.chain or ()) if isinstance(part, Plain) and part.text.strip())
    return written.strip() or str(reply.message_str or "").strip() or None


async def extract_quoted_message_images(
    event: AstrMessageEvent, reply_component: Reply | None = None, settings: Any = None
) -> list[str]:
    """The quoted pictures as addresses, paths or ``base64://…``, each once.

    Args:
        reply_component: The quotation; None: the event's first one.
        settings: Accepted as AstrBot does.
    """
    reply = reply_component or _first_reply(event)
    if reply is None:
        return []
    pictures = (part for part in _flat(reply.chain or ()) if isinstance(part, Image))
    places = (picture.url or picture.path or picture.file or "" for picture in pictures)
    return list(dict.fromkeys(place for place in places if place))


def _first_reply(event: AstrMessageEvent) -> Reply | None:
    return next((part for part in event.get_messages() if isinstance(part, Reply)), None)


def _flat(parts: Iterable[Any], depth: int = 0) -> Iterator[BaseMessageComponent]:
    """The components, those of forwarded messages in their place."""
    for part in parts:
        inner = part.nodes if isinstance(part, Nodes) else part.content if isinstance(part, Node) else None
        if inner is None:
            yield part
        elif depth < DEEPEST:
            yield from _flat(inner if isinstance(inner, list) else [inner], depth + 1)


__all__ = ["extract_quoted_message_images", "extract_quoted_message_text"]

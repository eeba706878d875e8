"""Messages that a program lets a bot send."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta
from quart import Quart

from astrbot_like.dashboard.identity import Identity
from astrbot_like.dashboard.parts import check_text_length, parse_parts, parse_text
from astrbot_like.dashboard.routing import RouteTable, key_scope
from astrbot_like.dashboard.services import DashboardServices
from astrbot_like.domain import errors
from astrbot_like.domain.origins import MESSAGE_TYPES, parse_origin

EMPTY = "Message content is empty"


class ProactiveMessage(msgspec.Struct, frozen=True):
    """A message for a bot to send.

    Attributes:
        umo: Where to: unified message origin, ``platform:MessageType:session``.
        message: Text, or message parts as in chat frames.
    """

    umo: Annotated[str, Meta(examples=["webchat:FriendMessage:webchat!alice!4fd2"])]
    message: str | list[dict[str, Any]]


class BotIds(msgspec.Struct, frozen=True):
    """Bots that run now."""

    bot_ids: list[str]


class Nothing(msgspec.Struct, frozen=True):
    """No data; that it succeeded is all there is to say."""


def register(app: Quart, services: DashboardServices) -> None:
    """Declare the routes."""
    routes = RouteTable.of(app).group("Messages")
    limit = services.settings.sockets.max_text_chars

    @routes.post(
        "/api/v1/im/message",
        access=key_scope("im"),
        errors=(errors.InvalidMessageFormat, errors.NotFound, errors.ProcessingError),
    )
    async def send_message(identity: Identity, body: ProactiveMessage) -> Nothing:
        """Let a bot send a message now."""
        check_umo(body.umo)
        if isinstance(body.message, str):
            parts = parse_text(body.message, empty=EMPTY)
        else:
            parts = parse_parts(body.message, empty=EMPTY)
        check_text_length(parts, limit)
        await services.messages.send(body.umo, parts, credential=identity.key_id)
        return Nothing()

    @routes.get("/api/v1/im/bots", access=key_scope("im"))
    async def list_bots() -> BotIds:
        """List the bots that run."""
        return BotIds(services.platforms.bot_ids())


def check_umo(umo: str) -> None:
    """Refuse what can't be a unified message origin.

    Raises:
        BadRequest: It is not ``platform:MessageType:session``.
    """
    if not umo.strip():
        raise errors.BadRequest("Missing key: umo")
    try:
        known = parse_origin(umo).message_type in MESSAGE_TYPES
    except errors.BadRequest:
        known = False
    if not known:
        raise errors.BadRequest(
            f"Invalid umo: it must read platform:MessageType:session, with {', '.join(MESSAGE_TYPES)} in the middle."
        )

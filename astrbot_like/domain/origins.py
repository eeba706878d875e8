"""Unified message origins: ``platform:MessageType:session``, the name of a conversation's place on any platform.

The web chat's session part is ``webchat!USER!SESSION``. A user's name may hold any mark; what keeps the parts apart is
that a session's id holds no ``!``.
"""

from __future__ import annotations

from typing import NamedTuple

from astrbot_like.domain.errors import BadRequest, InvalidMessageFormat

WEBCHAT = "webchat"
"""Id of the built-in platform."""
MESSAGE_TYPES = ("FriendMessage", "GroupMessage", "OtherMessage")
MARK = "!"


class Origin(NamedTuple):
    """The parts of a unified message origin."""

    platform_id: str
    message_type: str
    session: str


def parse_origin(umo: str) -> Origin:
    """The parts of an origin.

    Raises:
        BadRequest: It is none.
    """
    platform_id, kind, session = [*umo.split(":", 2), "", ""][:3]
    if not platform_id or not kind or not session:
        raise BadRequest("An origin reads platform:MessageType:session.")
    return Origin(platform_id, kind, session)


def webchat_session(username: str, session_id: str) -> str:
    """The session part of a web chat's origin."""
    return f"{WEBCHAT}{MARK}{username}{MARK}{session_id}"


def webchat_origin(username: str, session_id: str) -> str:
    """The origin of a web chat's session."""
    return f"{WEBCHAT}:FriendMessage:{webchat_session(username, session_id)}"


def webchat_names(origin: Origin) -> tuple[str, str] | None:
    """User and session id of a web chat's origin; None where it is not of that form."""
    head = f"{WEBCHAT}{MARK}"
    if origin.platform_id != WEBCHAT or not origin.session.startswith(head):
        return None
    username, mark, session_id = origin.session.removeprefix(head).rpartition(MARK)
    return (username, session_id) if mark and username and session_id else None


def check_webchat_session_id(session_id: str) -> None:
    """Refuse an id that could not be told from the user's name before it, or that is a place of another platform.

    Raises:
        InvalidMessageFormat: It holds the mark, or reads like an origin.
    """
    if MARK in session_id:
        raise InvalidMessageFormat(f"session_id must not hold {MARK!r}")
    if any(f":{kind}:" in session_id for kind in MESSAGE_TYPES):
        raise InvalidMessageFormat("session_id must not read platform:MessageType:session")

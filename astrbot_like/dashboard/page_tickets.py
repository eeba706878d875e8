"""Tickets: what a page of a plugin shows to load its files, since it must never see a sign-in token.

A page runs in a sandboxed frame without an origin of its own, so its scripts, styles and pictures are asked for
without any header of ours. The ticket stands in their path instead. It opens the static files of one page and nothing
else, lives for an hour, and ends with the sign-in that it was made for. It is signed with a key that is derived from
the signing secret, so a ticket is no sign-in token and a sign-in token is no ticket.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode

import msgspec

from astrbot_like.domain.errors import Unauthorized

LIFETIME = 3600.0
"""Seconds a ticket opens the files of its page."""
PURPOSE = b"files of a plugin's page"
INVALID = "This page has expired. Open it again from the plugins' page."


class PageTicket(msgspec.Struct, frozen=True, array_like=True):
    """What a ticket says.

    Attributes:
        username: The account whose sign-in it was made for.
        sign_in: Id of that sign-in.
        generation: Generation of the account's tokens.
        expires_at: Seconds since the epoch.
        plugin: Name of the plugin.
        page: Name of the page.
    """

    username: str
    sign_in: str
    generation: int
    expires_at: float
    plugin: str
    page: str


def encode_ticket(ticket: PageTicket, secret: str) -> str:
    """A signed ticket, fit for a path."""
    payload = msgspec.json.encode(ticket)
    return _base64(_signature(payload, secret) + payload)


def decode_ticket(text: str, secret: str, *, now: float) -> PageTicket:
    """What a valid ticket says.

    Args:
        text: As it stood in the path.
        now: Seconds since the epoch.

    Raises:
        Unauthorized: Forged, damaged or expired.
    """
    try:
        signed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as error:
        raise Unauthorized(INVALID) from error
    size = hashlib.sha256().digest_size
    signature, payload = signed[:size], signed[size:]
    if not hmac.compare_digest(signature, _signature(payload, secret)):
        raise Unauthorized(INVALID)
    ticket = msgspec.json.decode(payload, type=PageTicket)
    if ticket.expires_at <= now:
        raise Unauthorized(INVALID)
    return ticket


def _signature(payload: bytes, secret: str) -> bytes:
    key = hmac.digest(secret.encode(), PURPOSE, "sha256")
    return hmac.digest(key, payload, "sha256")


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")

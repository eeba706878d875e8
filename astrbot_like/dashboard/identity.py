"""Who is asking."""

from __future__ import annotations

from typing import Literal

import msgspec

from astrbot_like.domain import errors
from astrbot_like.domain.history import owner_name

ALL_SCOPES = "*"
"""Stands for every scope of an API key."""


USERNAME_LENGTH = 256
"""Characters of an end user's name."""


class Identity(msgspec.Struct, frozen=True):
    """A verified credential.

    Attributes:
        username: The signed-in account, or the creator of the API key. An Open API request names the end user
            itself (``username``), see ``acting_for``.
        kind: ``jwt`` for a sign-in token, ``key`` for an API key, ``page`` for a ticket of a plugin's page.
        scopes: Scopes of the key; ``*`` for a signed-in account.
        credential: Id of the API key or of the token.
        expires_at: Seconds since the epoch; None: never.
        generation: Generation of the account's tokens this token belongs to.
    """

    username: str
    kind: Literal["jwt", "key", "page"]
    scopes: tuple[str, ...]
    credential: str
    expires_at: float | None = None
    generation: int = 0

    def allows(self, scope: str) -> bool:
        """Whether the credential covers ``scope``."""
        return ALL_SCOPES in self.scopes or scope in self.scopes

    @property
    def owner(self) -> str:
        """Who owns the files this credential uploads."""
        return owner_name(self.username, self.key_id)

    @property
    def key_id(self) -> str:
        """Id of the API key; empty for a signed-in account (``TurnRequest.credential``)."""
        return self.credential if self.kind == "key" else ""


class PageIdentity(Identity, frozen=True, kw_only=True):
    """A page of a plugin that loads its files.

    Attributes:
        plugin: Name of the plugin.
        page: Name of the page.
    """

    plugin: str
    page: str


class InsufficientScope(errors.Forbidden):
    """A valid API key without the scope a route needs (403 over HTTP, ``UNAUTHORIZED`` in a socket's frame)."""

    default_message = "Insufficient API key scope"


def checked_username(username: str | None) -> str:
    """The end user an Open API request names.

    Raises:
        BadUser: ``Missing key: username``, ``username is empty``, or a name that can't be kept.
    """
    if username is None:
        raise errors.BadUser("Missing key: username")
    cleaned = username.strip()
    if not cleaned:
        raise errors.BadUser("username is empty")
    if len(cleaned) > USERNAME_LENGTH or any(ord(char) < 32 for char in cleaned):
        raise errors.BadUser(f"username must have at most {USERNAME_LENGTH} characters, and no control characters")
    return cleaned

"""Accounts of people who run the bot, and API keys of programs that use it."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

Scope: TypeAlias = Literal["chat", "config", "file", "im", "*"]
SCOPES: tuple[Scope, ...] = ("chat", "config", "file", "im", "*")


class Account(msgspec.Struct, frozen=True):
    """A person who may sign in to the dashboard.

    Attributes:
        password_hash: Argon2id, in its encoded form; never shown.
        must_change_password: The password was made by the server or by another person.
        token_generation: Tokens carry it; raising it signs the account out everywhere.
        created_at, updated_at: UTC ISO 8601 with ``Z``.
    """

    username: str
    password_hash: str
    must_change_password: bool
    token_generation: int
    created_at: str
    updated_at: str


class ApiKey(msgspec.Struct, frozen=True):
    """An API key as it is listed; the key itself is shown once, when it is made.

    Attributes:
        prefix: Its first 12 characters.
        scopes: What it allows; ``*`` is everything.
        expires_at: Seconds since the epoch; None: never.
        last_used_at: Seconds since the epoch, accurate to a minute; None: never used.
        revoked_at: Seconds since the epoch; None: valid.
        creator: The account that made it.
        created_at: UTC ISO 8601 with ``Z``.
    """

    key_id: str
    name: str
    prefix: str
    scopes: tuple[Scope, ...]
    creator: str
    created_at: str
    expires_at: float | None = None
    last_used_at: float | None = None
    revoked_at: float | None = None

    def allows(self, scope: Scope) -> bool:
        """Whether the key carries ``scope``."""
        return "*" in self.scopes or scope in self.scopes

    def valid_at(self, now: float) -> bool:
        """Whether it is neither revoked nor expired at ``now`` (seconds since the epoch)."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class NewApiKey(msgspec.Struct, frozen=True):
    """A key that was just made: the only time that ``key`` is seen."""

    key: str
    record: ApiKey

"""Where an account is signed in: one record for each token, so that people can end one they don't know."""

from __future__ import annotations

from typing import Protocol

import msgspec

from astrbot_like.domain.errors import NotFound
from astrbot_like.runtime.clock import Clock, iso_utc
from astrbot_like.runtime.redaction import redact
from astrbot_like.storage.preferences import PreferenceStore

SCOPE = "sign_ins"
AGENT_LENGTH = 200
MOST = 100
"""Sign-ins of one account that are remembered; the oldest are forgotten first, and end."""

SEEN_STEP = 300.0
"""Seconds to which the time of the last use is accurate."""


class SignIn(msgspec.Struct, frozen=True):
    """One sign-in. Times but ``expires_at`` (seconds since the epoch) are UTC ISO 8601 with ``Z``."""

    id: str
    created_at: str
    last_seen_at: str
    expires_at: float
    user_agent: str
    address: str


class Tokens(Protocol):
    """Ends tokens."""

    async def revoke_token(self, jti: str, expires_at: float) -> None:
        """End one sign-in."""
        ...


class SignIns:
    """The list of sign-ins.

    Args:
        store: Keeps the records.
        tokens: Ends tokens.
    """

    def __init__(self, store: PreferenceStore, tokens: Tokens, clock: Clock) -> None:
        self._store = store
        self._tokens = tokens
        self._clock = clock
        self._seen: dict[str, float] = {}

    async def remember(self, username: str, token_id: str, *, expires_at: float, user_agent: str, address: str) -> None:
        """A token was issued."""
        now = iso_utc(self._clock.time())
        agent = redact("".join(char for char in user_agent if char.isprintable()))[:AGENT_LENGTH]
        record = SignIn(token_id, now, now, expires_at, agent, address[:64])
        await self._store.put(SCOPE, username, token_id, msgspec.to_builtins(record))
        known = await self.list(username)
        for old in known[MOST:]:
            await self.end(username, old.id)

    async def list(self, username: str) -> list[SignIn]:
        """Sign-ins of an account that have not ended, newest first."""
        now = self._clock.time()
        found: list[SignIn] = []
        for item in await self._store.find(SCOPE, scope_id=username):
            record = msgspec.convert(item.value, SignIn)
            if record.expires_at <= now:
                await self._store.remove(SCOPE, username, record.id)
                continue
            seen = self._seen.get(record.id)
            found.append(msgspec.structs.replace(record, last_seen_at=iso_utc(seen)) if seen else record)
        return sorted(found, key=lambda record: record.created_at, reverse=True)

    def seen(self, token_id: str) -> None:
        """The token was used; kept in memory."""
        now = self._clock.time()
        if token_id and abs(now - self._seen.get(token_id, 0.0)) > SEEN_STEP:  # the clock may be set back
            self._seen[token_id] = now
            if len(self._seen) > 10_000:
                self._seen.pop(next(iter(self._seen)))

    async def end(self, username: str, token_id: str) -> None:
        """End one sign-in of an account.

        Raises:
            NotFound: The account has no such sign-in.
        """
        record = await self._store.get(SCOPE, username, token_id)
        if record is None:
            raise NotFound("There is no such sign-in.")
        await self._tokens.revoke_token(token_id, msgspec.convert(record, SignIn).expires_at)
        await self._store.remove(SCOPE, username, token_id)
        self._seen.pop(token_id, None)

    async def end_all(self, username: str) -> None:
        """End every sign-in of an account."""
        for record in await self.list(username):
            await self.end(username, record.id)

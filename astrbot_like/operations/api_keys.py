"""API keys: made, verified without a query, revoked.

A key carries 256 bits of randomness, so a plain SHA-256 is as good as any slow hash: there is nothing to guess. All
records are in memory by their hash; a key that is not there is looked for in the database only when another process has
written since (``astrbot-like api-key create`` beside a running server).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence

import msgspec

from astrbot_like.domain.accounts import SCOPES, ApiKey, NewApiKey, Scope
from astrbot_like.domain.errors import BadRequest
from astrbot_like.runtime.clock import Clock
from astrbot_like.runtime.ids import new_id
from astrbot_like.storage.api_keys import ApiKeyStore
from astrbot_like.storage.cached import Cached
from astrbot_like.storage.change_watch import ChangeWatch

PREFIX = "abk_"
SHOWN = 12
"""Characters of a key that are kept for people to know it by."""
NAME_LENGTH = 100
USE_STEP = 60.0
"""Seconds to which the time of the last use is accurate."""
FLUSH_INTERVAL = 30.0


class ApiKeys:
    """The API keys of the installation.

    Args:
        watch: Tells of keys that another process made or revoked.
    """

    def __init__(self, store: ApiKeyStore, watch: ChangeWatch, clock: Clock) -> None:
        self._store = store
        self._watch = watch
        self._clock = clock
        self._keys = Cached(self._read)
        self._used: dict[str, float] = {}
        watch.subscribe(self.changed_outside)

    async def create(
        self,
        name: str,
        scopes: Sequence[str],
        *,
        creator: str,
        expires_at: float | None = None,
    ) -> NewApiKey:
        """Make a key; this is the only time that it is seen.

        Args:
            expires_at: Seconds since the epoch; None: never.

        Raises:
            BadRequest: Name, scopes or expiry do not fit.
        """
        name = name.strip()
        if not name or len(name) > NAME_LENGTH:
            raise BadRequest(f"An API key needs a name of 1 to {NAME_LENGTH} characters.")
        unknown = [scope for scope in scopes if scope not in SCOPES]
        if unknown or not scopes:
            raise BadRequest(f"Scopes of an API key are {', '.join(SCOPES)}; at least one is needed.")
        if expires_at is not None and expires_at <= self._clock.time():
            raise BadRequest("The expiry of the API key lies in the past.")
        key = PREFIX + secrets.token_urlsafe(32)
        chosen: tuple[Scope, ...] = tuple(scope for scope in SCOPES if scope in scopes)
        record = ApiKey(new_id(), name, key[:SHOWN], chosen, creator, "", expires_at)
        hashed = _hash(key)
        record = await self._store.add(record, hashed)
        if (kept := self._keys.changed()) is not None:
            kept.remember(hashed, record)
        return NewApiKey(key, record)

    async def verify(self, key: str) -> ApiKey | None:
        """The key's record, or None when it is unknown, revoked or expired."""
        if not key.startswith(PREFIX) or len(key) > 128:
            return None
        hashed = _hash(key)
        record = (await self._keys.get()).by_hash.get(hashed)
        if record is None and await self._watch.check():
            record = (await self._keys.get()).by_hash.get(hashed)
        now = self._clock.time()
        if record is None or not record.valid_at(now):
            return None
        if now - (self._used.get(record.key_id) or record.last_used_at or 0.0) >= USE_STEP:
            self._used[record.key_id] = now
        return record

    async def is_active(self, key_id: str) -> bool:
        """Whether the key still exists, is not revoked and not expired."""
        record = (await self._keys.get()).of_id(key_id)
        return record is not None and record.valid_at(self._clock.time())

    async def all(self) -> list[ApiKey]:
        """All keys, oldest first, revoked ones too."""
        records = (await self._keys.get()).by_hash.values()
        return [msgspec.structs.replace(r, last_used_at=self._used.get(r.key_id, r.last_used_at)) for r in records]

    async def revoke(self, key_id: str) -> ApiKey:
        """End a key at once; it stays listed.

        Raises:
            NotFound: There is no such key.
        """
        record = await self._store.revoke(key_id, self._clock.time())
        if (kept := self._keys.changed()) is not None:
            kept.replace(record)
        return record

    async def delete(self, key_id: str) -> None:
        """End a key at once and forget it.

        Raises:
            NotFound: There is no such key.
        """
        await self._store.delete(key_id)
        if (kept := self._keys.changed()) is not None:
            kept.drop(key_id)
        self._used.pop(key_id, None)

    async def changed_outside(self) -> None:
        """Another process has written: read all keys anew."""
        self._keys.forget()

    async def run(self) -> None:
        """Store the times of last use now and then; a service of the supervisor."""
        while True:
            await self._clock.sleep(FLUSH_INTERVAL)
            await self.flush()

    async def flush(self) -> None:
        """Store the times of last use."""
        used, self._used = self._used, {}
        if not used:
            return
        await self._store.used(used)
        if (kept := self._keys.changed()) is None:
            return
        for key_id, at in used.items():
            record = kept.of_id(key_id)
            if record is not None:
                kept.replace(msgspec.structs.replace(record, last_used_at=at))

    async def _read(self) -> _Keys:
        return _Keys(await self._store.all())


class _Keys:
    """All records, by hash and by id."""

    __slots__ = ("_hashes", "by_hash")

    def __init__(self, by_hash: dict[str, ApiKey]) -> None:
        self.by_hash = by_hash
        self._hashes = {record.key_id: hashed for hashed, record in by_hash.items()}

    def of_id(self, key_id: str) -> ApiKey | None:
        return self.by_hash.get(self._hashes.get(key_id, ""))

    def remember(self, hashed: str, record: ApiKey) -> None:
        self.by_hash[hashed] = record
        self._hashes[record.key_id] = hashed

    def replace(self, record: ApiKey) -> None:
        hashed = self._hashes.get(record.key_id)
        if hashed is not None:
            self.by_hash[hashed] = record

    def drop(self, key_id: str) -> None:
        self.by_hash.pop(self._hashes.pop(key_id, ""), None)


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()

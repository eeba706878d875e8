"""Passwords: Argon2id, off the event loop, a few at a time."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from astrbot_like.domain.errors import Unavailable

if TYPE_CHECKING:
    from argon2 import PasswordHasher

T = TypeVar("T")

MEMORY_KIB = 19_456
ROUNDS = 2
LANES = 1
"""The second choice of RFC 9106 scaled as OWASP's Password Storage Cheat Sheet has it: some 20 ms, 19 MiB."""

AT_ONCE = 2
"""Hashes computed at the same time; a flood of sign-ins leaves the other cores to the conversations."""

DEADLINE = 30.0
"""Seconds a sign-in may wait for its turn."""

ALPHABET = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without the characters that people mistake for one another."""


class Passwords:
    """Hashes and verifies."""

    def __init__(self) -> None:
        self._hasher: PasswordHasher | None = None
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="password")
        # What an unknown account's password is compared with, so that the answer takes as long as any other.
        self._decoy = ""

    async def hash(self, password: str) -> str:
        """The encoded hash of a password."""
        return await self._run(lambda: self._ready().hash(password))

    async def verify(self, encoded: str | None, password: str) -> bool:
        """Whether ``password`` is the one of ``encoded``; None (no such account) takes as long and is False."""
        return await self._run(lambda: self._verify(encoded, password))

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            async with asyncio.timeout(DEADLINE):
                return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except TimeoutError as error:
            raise Unavailable("Too many people are signing in right now. Please try again in a moment.") from error

    def _verify(self, encoded: str | None, password: str) -> bool:
        from argon2.exceptions import InvalidHashError, VerificationError

        hasher = self._ready()
        try:
            hasher.verify(self._decoy if encoded is None else encoded, password)
        except (VerificationError, InvalidHashError):
            return False
        return encoded is not None

    def _ready(self) -> PasswordHasher:
        if self._hasher is None:
            from argon2 import PasswordHasher

            hasher = PasswordHasher(time_cost=ROUNDS, memory_cost=MEMORY_KIB, parallelism=LANES)
            self._decoy = hasher.hash(secrets.token_hex(16))
            self._hasher = hasher
        return self._hasher


def random_password(length: int = 16) -> str:
    """A password that can be read from a screen and typed."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))

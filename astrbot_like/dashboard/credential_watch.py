"""Ends connections whose key or token expires or is revoked while they are open."""

from __future__ import annotations

import logging
from collections.abc import Callable

from astrbot_like.dashboard.auth import Authenticator
from astrbot_like.dashboard.identity import Identity
from astrbot_like.domain.errors import BotError
from astrbot_like.runtime.clock import Clock

log = logging.getLogger(__name__)


class CredentialWatch:
    """One task that checks every credential in use, once per interval however many connections share it.

    A key may be revoked by another process (the command line), so the store is asked rather than an event awaited.

    Args:
        authenticator: Knows whether a credential still holds.
        clock: For the interval.
        interval: Seconds between two rounds.
    """

    def __init__(self, authenticator: Authenticator, clock: Clock, interval: float) -> None:
        self._authenticator = authenticator
        self._clock = clock
        self._interval = interval
        self._watched: dict[Identity, dict[object, Callable[[], None]]] = {}

    def __len__(self) -> int:
        return sum(len(callbacks) for callbacks in self._watched.values())

    def add(self, identity: Identity, on_invalid: Callable[[], None]) -> Callable[[], None]:
        """Call ``on_invalid`` (once, on the event loop) when the credential no longer holds.

        Returns:
            Ends the watch; idempotent.
        """
        token = object()
        self._watched.setdefault(identity, {})[token] = on_invalid

        def stop() -> None:
            callbacks = self._watched.get(identity)
            if callbacks is not None:
                callbacks.pop(token, None)
                if not callbacks:
                    del self._watched[identity]

        return stop

    async def run(self) -> None:
        """Check until cancelled (a supervised service)."""
        while True:
            await self._clock.sleep(self._interval)
            await self.check()

    async def check(self) -> None:
        """One round."""
        for identity in list(self._watched):
            try:
                valid = await self._authenticator.still_valid(identity)
            except BotError as error:
                # A store that can't be read now says nothing about the credential; the next round asks again.
                log.warning("credential check failed", extra={"code": error.code})
                continue
            if not valid:
                for on_invalid in self._watched.pop(identity, {}).values():
                    on_invalid()

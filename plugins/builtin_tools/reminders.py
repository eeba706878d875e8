"""Reminders that wait: one task for all of them, kept on disk, so that a restart loses none."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any

log = logging.getLogger(__name__)

_LONGEST_NAP = 3600.0  # the wall clock may be set meanwhile
_TRIES = 3
_BETWEEN_TRIES = 60.0


@dataclass
class Reminder:
    """One reminder.

    Attributes:
        session: Unified message origin it is sent to.
        due: Unix time in seconds.
        tries: How often sending failed.
    """

    id: str
    session: str
    text: str
    due: float
    tries: int = 0


class Reminders:
    """All reminders of the host.

    Args:
        deliver: Sends one; True when it was delivered.
        keep: Stores all that wait, as plain data.
        per_session: Most that wait in one session.
        now: Wall clock in Unix seconds.
    """

    def __init__(
        self,
        deliver: Callable[[Reminder], Awaitable[bool]],
        keep: Callable[[list[dict[str, Any]]], Awaitable[None]],
        *,
        per_session: int = 50,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._deliver = deliver
        self._keep = keep
        self._per_session = per_session
        self._now = now
        self._waiting: dict[str, Reminder] = {}
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, kept: list[dict[str, Any]]) -> None:
        """Begin to wait, with the reminders of an earlier run; those that are overdue are sent at once."""
        for one in kept:
            try:
                reminder = Reminder(**one)
            except TypeError:
                log.warning("stored reminder not understood and dropped")
                continue
            self._waiting[reminder.id] = reminder
        self._task = asyncio.create_task(self._run(), name="reminders")

    async def aclose(self) -> None:
        """Stop waiting."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def add(self, session: str, text: str, due: float) -> Reminder | None:
        """Set a reminder; it is kept when this returns. None: the session has too many."""
        if len(self.waiting(session)) >= self._per_session:
            return None
        reminder = Reminder(uuid.uuid4().hex[:6], session, text, due)
        self._waiting[reminder.id] = reminder
        await self._store()
        self._changed.set()
        return reminder

    async def cancel(self, session: str, reminder_id: str) -> Reminder | None:
        """Drop a reminder of that session; None when there is none of that id."""
        found = self._waiting.get(reminder_id)
        if found is None or found.session != session:
            return None
        del self._waiting[reminder_id]
        await self._store()
        return found

    def waiting(self, session: str) -> list[Reminder]:
        """A session's reminders, the next one first."""
        return sorted((one for one in self._waiting.values() if one.session == session), key=lambda one: one.due)

    async def _run(self) -> None:
        while True:
            self._changed.clear()
            next_due = min((one.due for one in self._waiting.values()), default=None)
            nap = _LONGEST_NAP if next_due is None else min(_LONGEST_NAP, max(0.0, next_due - self._now()))
            try:
                async with asyncio.timeout(nap):
                    await self._changed.wait()
            except TimeoutError:
                await self._send_due()

    async def _send_due(self) -> None:
        now = self._now()
        for reminder in sorted(self._waiting.values(), key=lambda one: one.due):
            if reminder.due > now:
                break
            try:
                delivered = await self._deliver(reminder)
            except Exception as error:  # noqa: BLE001 - whatever a platform raises must not end the other reminders
                log.warning("reminder not delivered", extra={"reason": type(error).__name__})
                delivered = False
            reminder.tries += 1
            if delivered or reminder.tries >= _TRIES:
                self._waiting.pop(reminder.id, None)
            else:
                reminder.due = now + _BETWEEN_TRIES
            await self._store()

    async def _store(self) -> None:
        await self._keep([asdict(one) for one in self._waiting.values()])

"""``session_waiter``: a conversation within a handler."""

from __future__ import annotations

import abc
import asyncio
import copy
import functools
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from astrbot_like.api.components.base import BaseMessageComponent
from astrbot_like.api.current import current_host

if TYPE_CHECKING:
    from astrbot_like.api.message_event import AstrMessageEvent

Waiting: TypeAlias = Callable[["SessionController", "AstrMessageEvent"], Awaitable[Any]]


class SessionController:
    """Ends or prolongs a wait."""

    def __init__(self) -> None:
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.history_chains: list[list[BaseMessageComponent]] = []
        self._timer: asyncio.TimerHandle | None = None

    def stop(self, error: BaseException | None = None) -> None:
        """End the wait; with ``error``, it is raised where the wait began."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.future.done():
            return
        if error is not None:
            self.future.set_exception(error)
        else:
            self.future.set_result(None)

    def keep(self, timeout: float = 0, reset_timeout: bool = False) -> None:
        """Wait on.

        Args:
            timeout: Seconds.
            reset_timeout: Start the clock anew with ``timeout``; else it is added to what is left. Zero or less in
                all ends the wait.
        """
        if self.future.done():
            return
        loop = self.future.get_loop()
        left = timeout
        if not reset_timeout and self._timer is not None:
            left += self._timer.when() - loop.time()
        if left <= 0:
            self.stop()
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_later(left, self.stop, TimeoutError("等待超时"))

    def get_history_chains(self) -> list[list[BaseMessageComponent]]:
        """The messages that came in, when they are recorded."""
        return self.history_chains


class SessionFilter(abc.ABC):
    """Says which messages belong to one wait."""

    @abc.abstractmethod
    def filter(self, event: AstrMessageEvent) -> str:
        """The key of an event's session."""


class DefaultSessionFilter(SessionFilter):
    """One session for each unified message origin."""

    def filter(self, event: AstrMessageEvent) -> str:
        """The unified message origin."""
        return event.unified_msg_origin


_BY_ORIGIN = DefaultSessionFilter()
# One for all waits: looking for the wait of an event asks every filter once.


class SessionWaiter:
    """One wait."""

    def __init__(self, session_filter: SessionFilter, session_id: str, record_history_chains: bool) -> None:
        self.session_filter = session_filter
        self.session_id = session_id
        self.record_history_chains = record_history_chains
        self.session_controller = SessionController()
        self.handler: Waiting | None = None
        self._lock = asyncio.Lock()

    async def handle(self, event: AstrMessageEvent) -> None:
        """Give an event to the waiting handler; one at a time. What it raises ends the wait."""
        controller = self.session_controller
        async with self._lock:
            if controller.future.done() or self.handler is None:
                return
            if self.record_history_chains:
                controller.history_chains.append([copy.deepcopy(part) for part in event.get_messages()])
            try:
                await self.handler(controller, event)
            except Exception as error:  # noqa: BLE001 - raised again where the wait began
                controller.stop(error)


class SessionWaiters:
    """The waits of one host."""

    def __init__(self) -> None:
        self._by_key: dict[str, SessionWaiter] = {}

    def __len__(self) -> int:
        return len(self._by_key)

    def add(self, waiter: SessionWaiter) -> None:
        """Begin a wait; an earlier one of the same session ends."""
        earlier = self._by_key.get(waiter.session_id)
        if earlier is not None:
            earlier.session_controller.stop()
        self._by_key[waiter.session_id] = waiter

    def remove(self, waiter: SessionWaiter) -> None:
        """End a wait."""
        if self._by_key.get(waiter.session_id) is waiter:
            del self._by_key[waiter.session_id]

    def waiting_for(self, event: AstrMessageEvent) -> SessionWaiter | None:
        """The wait an event belongs to, by the filters of all waits."""
        seen: set[int] = set()
        for waiter in list(self._by_key.values()):
            if id(waiter.session_filter) in seen:
                continue
            seen.add(id(waiter.session_filter))
            found = self._by_key.get(waiter.session_filter.filter(event))
            if found is not None and not found.session_controller.future.done():
                return found
        return None

    def stop_all(self, module_prefix: str) -> None:
        """End the waits of handlers defined in modules with that prefix (their plugin is being unloaded)."""
        for waiter in list(self._by_key.values()):
            module = getattr(waiter.handler, "__module__", "") or ""
            if module.startswith(module_prefix):
                waiter.session_controller.stop()


def session_waiter(
    timeout: float = 30, record_history_chains: bool = False
) -> Callable[[Waiting], Callable[..., Awaitable[Any]]]:
    """Turn ``async def h(controller, event)`` into a wait: ``await h(event)`` blocks while all messages of the session
    go to ``h`` alone, until ``controller.stop()`` or the time is over.

    Args:
        timeout: Seconds.
        record_history_chains: Keep copies of the messages for ``controller.get_history_chains()``.

    Raises:
        TimeoutError: When awaited: the time is over.
        ValueError: When awaited with a ``session_filter`` that is none.
    """

    def decorator(function: Waiting) -> Callable[..., Awaitable[Any]]:
        @functools.wraps(function)
        async def wrapper(
            event: AstrMessageEvent, session_filter: SessionFilter | None = None, *args: Any, **kwargs: Any
        ) -> Any:
            chosen = session_filter or _BY_ORIGIN
            if not isinstance(chosen, SessionFilter):
                raise ValueError("session_filter 必须是 SessionFilter")
            waiters = current_host(function.__module__).waiters
            waiter = SessionWaiter(chosen, chosen.filter(event), record_history_chains)
            waiter.handler = function
            waiters.add(waiter)
            waiter.session_controller.keep(timeout, reset_timeout=True)
            try:
                return await waiter.session_controller.future
            finally:
                waiters.remove(waiter)
                waiter.session_controller.stop()

        return wrapper

    return decorator


__all__ = ["SessionController", "SessionFilter", "SessionWaiter", "session_waiter"]

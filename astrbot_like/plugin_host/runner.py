"""Running plugins' code for an event: handlers, hooks, tools, each inside its plugin's guard."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from astrbot_like.api.chain import MessageEventResult
from astrbot_like.api.texts import text
from astrbot_like.plugin_host.guard import PluginScope, current_scope, give_up, limited
from astrbot_like.plugin_host.handlers import Entry
from astrbot_like.plugin_host.records import Failure, Plugin, describe_failure
from astrbot_like.runtime.logging import add_log_context

if TYPE_CHECKING:
    from astrbot_like.api.message_event import AstrMessageEvent

log = logging.getLogger(__name__)

Enter = Callable[[Plugin], contextvars.Context]
OnError = Callable[[Plugin, str, "AstrMessageEvent | None", BaseException, Failure], Awaitable[None]]

_END = object()


class StepRunner:
    """Drives one coroutine or asynchronous generator of a plugin in a task of its own, item by item.

    The task keeps its identity from the first to the last item, as timeouts and cancel scopes in the plugin's code
    expect, and its own context; the time limit holds even when the plugin swallows cancellation. Time between items, in
    which the item is sent, does not count.

    Args:
        scope: Whose code it is.
        made: What calling the handler gave: coroutine, asynchronous generator, awaitable or plain value.
        context: The context to run in.
        timeout: Seconds of the plugin's own time.
        name: Of the task.
    """

    def __init__(
        self, scope: PluginScope, made: Any, *, context: contextvars.Context, timeout: float, name: str
    ) -> None:
        self._scope = scope
        self._made = made
        self._left = timeout
        self._timeout = timeout
        self._item: asyncio.Future[Any] | None = None
        self._resume: asyncio.Future[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._task = self._loop.create_task(self._drive(), name=name, context=context)
        scope.track(self._task)

    async def _drive(self) -> None:
        try:
            await self._through(self._made)
        except (SystemExit, KeyboardInterrupt) as error:
            raise RuntimeError(f"tried to end the program ({type(error).__name__})") from error

    async def _through(self, made: Any) -> None:
        if inspect.isasyncgen(made):
            try:
                async for item in made:
                    await self._give(item)
            finally:
                await made.aclose()
        elif inspect.isawaitable(made):
            await self._give(await made)
        elif inspect.isgenerator(made):
            for item in made:
                await self._give(item)
        else:
            await self._give(made)

    async def _give(self, item: Any) -> None:
        self._resume = self._loop.create_future()
        if self._item is not None and not self._item.done():
            self._item.set_result(item)
        await self._resume

    async def next(self) -> Any:
        """The next item, or the end marker (``ended``).

        Raises:
            TimeoutError: The plugin's time is used up.
            Exception: What the plugin raised.
        """
        self._item = self._loop.create_future()
        if self._resume is not None and not self._resume.done():
            self._resume.set_result(None)
        began = self._loop.time()
        try:
            await asyncio.wait((self._task, self._item), timeout=self._left, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await give_up(self._task, self._scope)
            raise
        self._left -= self._loop.time() - began
        if self._item.done():
            return self._item.result()
        if self._task.done():
            if self._task.cancelled():
                raise RuntimeError("was cancelled from within")
            self._task.result()
            return _END
        await give_up(self._task, self._scope)
        raise TimeoutError(f"took longer than {self._timeout:g} s")

    @staticmethod
    def ended(item: Any) -> bool:
        """Whether ``next`` gave the end marker."""
        return item is _END

    async def aclose(self) -> None:
        """End the plugin's code if it still runs."""
        if not self._task.done():
            await give_up(self._task, self._scope)


async def run_handler(
    entry: Entry,
    event: AstrMessageEvent,
    args: Mapping[str, Any],
    *,
    enter: Enter,
    timeout: float,
    on_error: OnError,
) -> AsyncIterator[Any]:
    """Run a message handler; see ``EventHandlers.run`` for what is yielded."""
    from astrbot_like.api.provider.entities import ProviderRequest

    plugin, context = entry.plugin, enter(entry.plugin)
    runner: StepRunner | None = None
    try:
        try:
            made = context.run(entry.call, event, **args)
        except TypeError as error:
            # AstrBot's rule: a handler that can't be called with these arguments is skipped, silently for the user.
            failure = describe_failure(f"handler {entry.handler_name}", error, plugin.source.folder)
            await on_error(plugin, entry.handler_name, None, error, failure)
            yield None
            return
        try:
            name = f"plugin {plugin.name} {entry.handler_name}"
            runner = StepRunner(plugin.scope, made, context=context, timeout=timeout, name=name)
            while not StepRunner.ended(item := await runner.next()):
                if isinstance(item, MessageEventResult):
                    event.set_result(item)
                yield item if isinstance(item, ProviderRequest) else None
        except Exception as error:  # noqa: BLE001 - the guard: a plugin's error is reported under its name, the turn goes on
            failure = describe_failure(f"handler {entry.handler_name}", error, plugin.source.folder)
            stopped = event.is_stopped()
            await on_error(plugin, entry.handler_name, event, error, failure)
            hidden = event.is_stopped() and not stopped  # an on_plugin_error hook took it over
            if event.is_at_or_wake_command and not hidden:
                reason = str(error) or type(error).__name__
                event.set_result(text("plugin.failed", plugin=plugin.name, handler=entry.handler_name, error=reason))
            event.stop_event()
        yield None
    finally:
        if runner is not None:
            await runner.aclose()


async def run_hook(
    entry: Entry,
    args: tuple[Any, ...],
    *,
    enter: Enter,
    timeout: float,
    on_error: OnError,
    event: AstrMessageEvent | None,
) -> None:
    """Run one hook; its error is reported and goes no further."""
    plugin, context = entry.plugin, enter(entry.plugin)
    try:
        made = context.run(entry.call, *args)
        if inspect.isawaitable(made):
            name = f"plugin {plugin.name} {entry.handler_name}"
            await limited(plugin.scope, _awaited(made), context=context, timeout=timeout, name=name)
        elif inspect.isasyncgen(made):
            await made.aclose()
            raise TypeError(f"{entry.handler_name} is a generator; a hook must be a plain coroutine function")
    except Exception as error:  # noqa: BLE001 - the guard: a hook's error never reaches the turn it hooks into
        failure = describe_failure(f"hook {entry.handler_name}", error, plugin.source.folder)
        await on_error(plugin, entry.handler_name, event, error, failure)


def plugin_context(plugin: Plugin) -> contextvars.Context:
    """A copy of the running context in which ``plugin`` is the one whose code runs."""
    context = contextvars.copy_context()
    context.run(current_scope.set, plugin.scope)
    context.run(add_log_context, plugin=plugin.name)
    return context


async def _awaited(made: Awaitable[Any]) -> Any:
    try:
        return await made
    except (SystemExit, KeyboardInterrupt) as error:
        raise RuntimeError(f"tried to end the program ({type(error).__name__})") from error

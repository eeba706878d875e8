"""The oldest forms of registration: by a call instead of a decorator."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

from astrbot_like.api.filters.base import HandlerFilter
from astrbot_like.api.filters.command import CommandFilter
from astrbot_like.api.filters.kinds import RegexFilter
from astrbot_like.api.registration import EventType, HandlerRegistration
from astrbot_like.plugin_host.guard import current_scope
from astrbot_like.plugin_host.known import KnownPlugins
from astrbot_like.plugin_host.web_routes import module_of
from astrbot_like.runtime.tasks import Supervisor


class OldForms:
    """What ``Context.register_task`` and ``Context.register_commands`` do.

    Args:
        known: The host's plugins.
        supervisor: Owner of the tasks.
    """

    def __init__(self, known: KnownPlugins, supervisor: Supervisor) -> None:
        self._known = known
        self._supervisor = supervisor

    def start_task(self, work: Awaitable[Any], description: str) -> None:
        """Run something of the plugin whose code runs now in the background; it ends with the plugin."""

        async def run() -> None:
            await work

        task = self._supervisor.job(run(), name=description)
        scope = current_scope.get()
        if scope is not None:
            scope.track(task)

    def register_command(
        self,
        star_name: str,
        command_name: str,
        desc: str,
        priority: int,
        awaitable: Callable[..., Awaitable[Any]],
        use_regex: bool = False,
        ignore_prefix: bool = False,
    ) -> None:
        """Take a command that a plugin registers by a call.

        Args:
            ignore_prefix: The bot need not be addressed; the handler reads its arguments out of the text itself.
        """
        plugin = self._known.owner_of(awaitable) or self._known.find(star_name)
        function = getattr(awaitable, "__func__", awaitable)
        record = HandlerRegistration(
            EventType.AdapterMessageEvent,
            function,
            handler_name=function.__name__,
            handler_module_path=module_of(awaitable),
            desc=desc,
            extras_configs={"priority": priority},
        )
        made: HandlerFilter
        if use_regex:
            made = RegexFilter(command_name)
        elif ignore_prefix:
            made = RegexFilter(rf"^{re.escape(command_name)}(?:\s|$)")
        else:
            made = CommandFilter(command_name, None, record)
        record.event_filters.append(made)
        plugin.declared.handlers.append(record)
        if plugin.active:
            self._known.tables.index.add(plugin, [(record, awaitable)])

"""Handlers, hooks and tools as the engine sees them (``engine.handlers``), over the plugins of one host."""

from __future__ import annotations

import contextvars
import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from astrbot_like.api.chain import MessageEventResult
from astrbot_like.api.filters.base import SPOKEN, normalised
from astrbot_like.api.registration import EventType, HandlerRegistration
from astrbot_like.api.texts import text
from astrbot_like.api.tools import FunctionTool, ToolSet
from astrbot_like.domain.errors import PluginError
from astrbot_like.engine.handlers import Hook, Match, MatchedHandler
from astrbot_like.plugin_host.discovery import PluginSource
from astrbot_like.plugin_host.guard import PluginScope
from astrbot_like.plugin_host.handlers import Entry, FilterRefused
from astrbot_like.plugin_host.metadata import PluginMetadata
from astrbot_like.plugin_host.records import Failure, Plugin, describe_failure
from astrbot_like.plugin_host.runner import StepRunner, run_handler, run_hook
from astrbot_like.plugin_host.settings import PluginSettings
from astrbot_like.plugin_host.skills import SkillReader, skills_prompt
from astrbot_like.plugin_host.tables import PluginTables

if TYPE_CHECKING:
    from astrbot_like.api.message_event import AstrMessageEvent
    from astrbot_like.api.tools import AstrAgentContext, ContextWrapper
    from astrbot_like.api.util import SessionWaiter

log = logging.getLogger(__name__)

HOOKS: dict[Hook, EventType] = {
    "astrbot_loaded": EventType.OnAstrBotLoadedEvent,
    "platform_loaded": EventType.OnPlatformLoadedEvent,
    "plugin_loaded": EventType.OnPluginLoadedEvent,
    "plugin_unloaded": EventType.OnPluginUnloadedEvent,
    "plugin_error": EventType.OnPluginErrorEvent,
    "waiting_llm_request": EventType.OnWaitingLLMRequestEvent,
    "llm_request": EventType.OnLLMRequestEvent,
    "agent_begin": EventType.OnAgentBeginEvent,
    "using_llm_tool": EventType.OnUsingLLMToolEvent,
    "llm_tool_respond": EventType.OnLLMToolRespondEvent,
    "llm_response": EventType.OnLLMResponseEvent,
    "agent_done": EventType.OnAgentDoneEvent,
    "decorating_result": EventType.OnDecoratingResultEvent,
    "after_message_sent": EventType.OnAfterMessageSentEvent,
}

ConfigFor = Callable[[str | None], Mapping[str, Any]]
PreferenceOf = Callable[[str, str, str, Any], Any]
Enter = Callable[[Plugin | None], contextvars.Context]


class Dispatcher:
    """Runs plugins' code for events.

    Args:
        settings: Time limits.
        tables: The active handlers, the tools, the session waiters.
        enter: Makes the context a plugin's code runs in.
        owner: Finds the plugin of a module.
        config_for: The configuration of a session, in AstrBot's form.
        preference: Reads a preference: scope, id, key, default.
        plugins: All plugins.
    """

    def __init__(
        self,
        settings: PluginSettings,
        *,
        tables: PluginTables,
        enter: Enter,
        owner: Callable[[str], Plugin | None],
        config_for: ConfigFor,
        preference: PreferenceOf,
        plugins: Callable[[], Sequence[Plugin]],
    ) -> None:
        self._settings = settings
        self._tables = tables
        self._enter = enter
        self._owner = owner
        self._config_for = config_for
        self._preference = preference
        self._plugins = plugins
        here = Path(__file__)
        source = PluginSource("", here.parent, here, "bundled")
        nobody = PluginMetadata(name="host", author="", desc="", version="")
        self._house = Plugin(source, 0, nobody, PluginScope("host", here.parent))

    # --- message handlers ----------------------------------------------------------------------

    async def match(self, event: AstrMessageEvent) -> Match:
        """Find the handlers for an event after the waking check; see ``EventHandlers.match``."""
        waiter = self._tables.waiters.waiting_for(event) if len(self._tables.waiters) else None
        if waiter is not None:
            event.is_wake = True
            return Match([MatchedHandler(self._waiting(waiter), {})])
        config = self._config_for(event.unified_msg_origin)
        message = normalised(event.get_message_str())
        spoken = bool(event.get_extra(SPOKEN))
        if spoken:
            message = self._tables.index.as_command(message)
        barred = self._barred(event, config)
        found: list[MatchedHandler] = []
        parsed: dict[str, Any] = {}
        for entry in self._tables.index.candidates(event, message):
            if not entry.record.enabled or (barred is not None and barred(entry.plugin)):
                continue
            if spoken and not entry.meant(message):
                continue
            try:
                args = self._enter(entry.plugin).run(entry.judge, event, config, message)
            except FilterRefused as refused:
                return Match(refusal=str(refused))
            except Exception as error:  # noqa: BLE001 - a filter of a plugin's own; the user is told, as AstrBot does
                failure = describe_failure(f"filter of {entry.handler_name}", error, entry.plugin.source.folder)
                await self._failed(entry.plugin, entry.handler_name, None, error, failure)
                return Match(refusal=text("plugin.says", plugin=entry.plugin_name, message=str(error)))
            if args is not None:
                found.append(MatchedHandler(entry, args))
                parsed[entry.record.handler_full_name] = args
        if spoken and any(isinstance(one.handler, Entry) and one.handler.commands for one in found):
            event.message_str = message  # many plugins cut their command off the text themselves
        if found:
            event.is_wake = True
            event.set_extra("handlers_parsed_params", parsed)
            event.set_extra("activated_handlers", [one.handler.record for one in found])  # type: ignore[attr-defined]
        return Match(found)

    def run(self, matched: MatchedHandler, event: AstrMessageEvent) -> AsyncIterator[Any]:
        """Run one handler; see ``EventHandlers.run``."""
        entry = matched.handler
        assert isinstance(entry, Entry)
        return run_handler(
            entry,
            event,
            matched.args,
            enter=self._enter,
            timeout=self._settings.handler_timeout,
            on_error=self._failed,
        )

    def _waiting(self, waiter: SessionWaiter) -> Entry:
        module = str(getattr(waiter.handler, "__module__", ""))

        async def handle(event: AstrMessageEvent) -> None:
            await waiter.handle(event)
            event.stop_event()

        record = HandlerRegistration(EventType.AdapterMessageEvent, handle, "session_waiter", module)
        return Entry(record, self._owner(module) or self._house, handle, 0)

    # --- hooks -----------------------------------------------------------------------------------

    def has_hook(self, name: Hook) -> bool:
        """Whether any handler waits for it."""
        return bool(self._tables.index.hooks(HOOKS[name]))

    async def hook(self, name: Hook, event: AstrMessageEvent | None, *args: Any) -> bool:
        """Run all handlers of a hook; see ``EventHandlers.hook``."""
        entries = self._tables.index.hooks(HOOKS[name])
        if not entries:
            return False
        given = args if event is None else (event, *args)
        stopped = event is not None and event.is_stopped()
        barred = None if event is None else self._barred(event)
        on_error = self._noted if name == "plugin_error" else self._failed
        for entry in list(entries):
            if not entry.record.enabled or (barred is not None and barred(entry.plugin)):
                continue
            timeout = self._settings.hook_timeout
            await run_hook(entry, given, enter=self._enter, timeout=timeout, on_error=on_error, event=event)
            if event is not None and event.is_stopped() and not stopped:
                return True
        return False

    async def _failed(
        self, plugin: Plugin, handler: str, event: AstrMessageEvent | None, error: BaseException, failure: Failure
    ) -> None:
        await self._noted(plugin, handler, event, error, failure)
        await self.hook("plugin_error", event, plugin.name, handler, error, failure.traceback)

    async def _noted(
        self, plugin: Plugin, handler: str, event: AstrMessageEvent | None, error: BaseException, failure: Failure
    ) -> None:
        plugin.problems.append(failure)
        log.error(
            "plugin failed",
            exc_info=error,
            extra={"plugin": plugin.name, "handler": handler, "stage": failure.stage, "where": failure.where},
        )

    def _barred(
        self, event: AstrMessageEvent, config: Mapping[str, Any] | None = None
    ) -> Callable[[Plugin], bool] | None:
        """Which plugins may not handle an event: ``plugin_set`` of the configuration, and the session's own choice.

        Args:
            config: The session's, where it is at hand.

        Returns:
            None when all may, which is usual.
        """
        umo = event.unified_msg_origin
        if event.plugins_name is None:
            named = (config or self._config_for(umo)).get("plugin_set") or ["*"]
            event.plugins_name = None if "*" in named else [str(one) for one in named]
        names = event.plugins_name
        chosen = self._preference("umo", umo, "session_plugin_config", None)
        off = set((chosen.get(umo) or {}).get("disabled_plugins") or ()) if isinstance(chosen, dict) else set()
        if names is None and not off:
            return None

        def check(plugin: Plugin) -> bool:
            if plugin.source.bundled:
                return False
            return (names is not None and plugin.name not in names) or plugin.name in off

        return check

    # --- tools -----------------------------------------------------------------------------------

    def tool_set(self, event: AstrMessageEvent | None = None) -> ToolSet:
        """All active tools, less those of plugins that are off for the event's session."""
        barred = None if event is None else self._barred(event)
        owner_of = self._tables.owner_of_tool
        tools: dict[str, FunctionTool[Any]] = {}  # of two with one name the later one stands for both
        for tool in self._tables.tools.func_list:
            if tool.active:
                owner = owner_of(tool)
                if owner is None or (owner.active and (barred is None or not barred(owner))):
                    tools[tool.name] = tool
        return ToolSet(list(tools.values()))

    def add_skills(self, event: AstrMessageEvent, tools: ToolSet, allowed: Callable[[str], bool]) -> str:
        """Offer the skills of the plugins that the event's session may use; see ``PluginTools.add_skills``."""
        owners = [plugin for plugin in self._plugins() if plugin.skills and plugin.active]
        barred = self._barred(event) if owners else None
        skills = [
            skill
            for plugin in owners
            if barred is None or not barred(plugin)
            for skill in plugin.skills
            if allowed(skill.name)
        ]
        if not skills:
            return ""
        tools.add_tool(SkillReader(skills))
        return skills_prompt(skills)

    async def call(
        self, tool: FunctionTool[Any], context: ContextWrapper[AstrAgentContext], args: Mapping[str, Any]
    ) -> AsyncIterator[Any]:
        """Call a tool inside its plugin's guard; see ``PluginTools.call``."""
        plugin = self._tables.owner_of_tool(tool)
        running = self._enter(plugin)
        scope = (plugin or self._house).scope
        runner: StepRunner | None = None
        try:
            if tool.handler is not None:
                made = running.run(tool.handler, context.context.event, **args)
            else:
                made = running.run(tool.call, context, **args)
            name = f"tool {tool.name}"
            runner = StepRunner(scope, made, context=running, timeout=float(context.tool_call_timeout), name=name)
            while not StepRunner.ended(item := await runner.next()):
                if item is not None:
                    yield _for_model(item)
        except TimeoutError:
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            if plugin is None:
                raise PluginError(f"The tool {tool.name} failed: {reason}") from error
            failure = describe_failure(f"tool {tool.name}", error, plugin.source.folder)
            await self._noted(plugin, tool.name, None, error, failure)
            raise PluginError(f"The tool {tool.name} of {plugin.name} failed: {reason}", plugin.name) from error
        finally:
            if runner is not None:
                await runner.aclose()


def _for_model(item: Any) -> Any:
    if isinstance(item, str | MessageEventResult) or hasattr(item, "content"):
        return item
    return json.dumps(item, ensure_ascii=False, default=str)

"""What a turn needs from plugins: handlers, hooks and tools.

The plugin host implements ``EventHandlers`` and ``PluginTools``; the pipeline and the agent see nothing else of it. All
guarding is behind this interface: time limits, the plugin's name on its errors, tasks that outlive nothing, tools and
handlers of plugins that are switched off.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

import msgspec

if TYPE_CHECKING:
    from astrbot_like.api.event import AstrMessageEvent, MessageEventResult
    from astrbot_like.api.provider import ProviderRequest
    from astrbot_like.api.tools import AstrAgentContext, ContextWrapper, FunctionTool, ToolSet

Hook: TypeAlias = Literal[
    "astrbot_loaded",  # ()
    "platform_loaded",  # ()
    "plugin_loaded",  # (metadata)
    "plugin_unloaded",  # (metadata)
    "plugin_error",  # (event, plugin name, handler name, error, traceback text)
    "waiting_llm_request",  # (event)
    "llm_request",  # (event, ProviderRequest)
    "agent_begin",  # (event, run context)
    "using_llm_tool",  # (event, tool, args)
    "llm_tool_respond",  # (event, tool, args, result)
    "llm_response",  # (event, LLMResponse)
    "agent_done",  # (event, run context, LLMResponse)
    "decorating_result",  # (event)
    "after_message_sent",  # (event)
]


class HandlerInfo(Protocol):
    """A registered handler as the engine sees it."""

    @property
    def plugin_name(self) -> str:
        """Name of the plugin it belongs to."""
        ...

    @property
    def handler_name(self) -> str:
        """Name of its function."""
        ...

    @property
    def priority(self) -> int:
        """Higher runs first."""
        ...


class MatchedHandler(msgspec.Struct, frozen=True):
    """A handler that wants an event, with the arguments parsed from the message."""

    handler: HandlerInfo
    args: Mapping[str, Any]


class Match(msgspec.Struct, frozen=True):
    """Handlers that want an event, in the order they run.

    Attributes:
        handlers: In order. A waiting ``session_waiter`` is the only one when there is one.
        refusal: When not empty: a filter refused the message with words for the user (missing argument, no permission,
            the help of a command group). Send it, stop the event, run nothing. It bypasses the decorating hooks.
    """

    handlers: Sequence[MatchedHandler] = ()
    refusal: str = ""


class EventHandlers(Protocol):
    """Handlers and hooks of all active plugins."""

    async def match(self, event: AstrMessageEvent) -> Match:
        """Find the handlers for an event after the waking check (prefix removed, wake flags and role set).

        Looked up through an index: the cost does not grow with handlers that can't match.
        """
        ...

    def run(self, matched: MatchedHandler, event: AstrMessageEvent) -> AsyncIterator[ProviderRequest | None]:
        """Run one handler.

        At ``None`` whatever the handler wants sent is ``event.get_result()`` (there may be nothing): decorate it, send
        it, clear it, then go on iterating, and the handler resumes. At a ``ProviderRequest`` run the model with it and
        send the answer. A last ``None`` always comes, so that a result set with ``event.set_result`` is seen.

        Never raises for the plugin's sake: an error or an overrun time limit is logged, the ``plugin_error`` hooks run,
        the text for the user is set as the result (when the message addressed the bot), the event is stopped, and the
        last ``None`` comes. Close the iterator (``aclose``) when not iterating to the end.
        """
        ...

    async def hook(self, name: Hook, event: AstrMessageEvent | None, *args: Any) -> bool:
        """Run all handlers of a hook in priority order, ``event`` (when not None) being their first argument.

        Errors and overrun time limits are logged and skipped.

        Returns:
            True when a handler stopped the event: what was about to happen must not.
        """
        ...

    def has_hook(self, name: Hook) -> bool:
        """Whether any handler waits for it (so that arguments need not be built)."""
        ...


class PluginTools(Protocol):
    """Tools the model may call."""

    def tool_set(self, event: AstrMessageEvent | None = None) -> ToolSet:
        """All active tools (plugins, MCP servers), less those of plugins that are off for the event's session."""
        ...

    def add_skills(self, event: AstrMessageEvent, tools: ToolSet, allowed: Callable[[str], bool]) -> str:
        """Offer the skills of plugins: adds the tool that reads them.

        Args:
            tools: The request's tools.
            allowed: Whether a skill of that name may be used.

        Returns:
            What the model is told of them; empty: there are none.
        """
        ...

    def call(
        self, tool: FunctionTool, context: ContextWrapper[AstrAgentContext], args: Mapping[str, Any]
    ) -> AsyncIterator[str | MessageEventResult | Any]:
        """Call a tool inside its plugin's guard.

        Items are what the tool returned or yielded: ``str`` (or an MCP ``CallToolResult``) is the text for the model,
        a ``MessageEventResult`` is to be sent to the user and ends the agent's loop, nothing at all means the tool has
        nothing to say to the model.

        Raises:
            PluginError: It failed; the text names the plugin and the reason and is fit for the model.
            TimeoutError: It overran ``context.tool_call_timeout`` seconds.
        """
        ...

"""Calls of tools within one run of the agent."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
from collections.abc import Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import msgspec

from astrbot_like.domain.errors import BotError, PluginError
from astrbot_like.domain.events import ToolCallFinished, ToolCallStarted
from astrbot_like.domain.tool_arguments import read_arguments
from astrbot_like.engine.agent_progress import AgentOutput
from astrbot_like.engine.handlers import EventHandlers, PluginTools
from astrbot_like.engine.providers import describe
from astrbot_like.engine.settings import TurnSettings
from astrbot_like.engine.tool_arguments import problem_of
from astrbot_like.runtime.clock import Clock
from astrbot_like.runtime.ids import new_id

if TYPE_CHECKING:
    from astrbot_like.api.event import AstrMessageEvent
    from astrbot_like.api.provider import LLMResponse
    from astrbot_like.api.tools import AstrAgentContext, ContextWrapper, FunctionTool, ToolSet

CUT_NOTE = "\n[cut off: {left} more characters]"

_NAMES_SHOWN = 50
"""Tools that a model is told of which called one that is not there."""


class ToolCall(msgspec.Struct, frozen=True):
    """A call that a model asks for."""

    id: str
    name: str
    arguments: dict[str, Any]


def calls_of(response: LLMResponse) -> list[ToolCall]:
    """The calls of an answer; those without an id are given one."""
    ids, given = list(response.tools_call_ids or []), list(response.tools_call_args or [])
    calls: list[ToolCall] = []
    for index, name in enumerate(response.tools_call_name):
        call_id = ids[index] if index < len(ids) and ids[index] else new_id("call_")
        calls.append(ToolCall(call_id, name, _arguments(given[index] if index < len(given) else None)))
    return calls


def _arguments(given: Any) -> dict[str, Any]:
    """Arguments as a provider hands them over: decoded, or as the model wrote them."""
    if isinstance(given, dict):
        return given
    if given is None:
        return {}
    return read_arguments(given if isinstance(given, str) else json.dumps(given, default=str))


def asking(response: LLMResponse, said: str, calls: Sequence[ToolCall]) -> dict[str, Any]:
    """The model's message with its calls, and with its thoughts: services want these back along with the results."""
    text = response.completion_text or said or None
    thoughts = response.reasoning_content or ""
    content: Any = text
    if thoughts or response.reasoning_signature:
        content = [{"type": "think", "think": thoughts, "encrypted": response.reasoning_signature}]
        content += [{"type": "text", "text": text}] if text else []
    extra = response.tools_call_extra_content or {}
    return {
        "role": "assistant",
        "content": content,
        "tool_calls": [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": json.dumps(call.arguments, ensure_ascii=False)},
                **({"extra_content": extra[call.id]} if extra.get(call.id) else {}),
            }
            for call in calls
        ],
    }


class ToolRunner:
    """Runs the tools of one run.

    Args:
        offered: The tools that the model was told of.
        context: What they see of the run.

    Attributes:
        wrong_rounds: Rounds in a row in which no call could be made: wrong arguments, no such tool.
    """

    def __init__(
        self,
        tools: PluginTools,
        handlers: EventHandlers,
        settings: TurnSettings,
        clock: Clock,
        event: AstrMessageEvent,
        offered: ToolSet | None,
        context: ContextWrapper[AstrAgentContext],
        output: AgentOutput,
    ) -> None:
        self._tools = tools
        self._handlers = handlers
        self._settings = settings
        self._clock = clock
        self._event = event
        self._offered = offered
        self._context = context
        self._output = output
        self.wrong_rounds = 0

    async def run(self, calls: Sequence[ToolCall]) -> tuple[list[dict[str, Any]], bool]:
        """Run calls side by side.

        Returns:
            Their results as messages, in the order of the calls; and whether a tool answered the user itself.
        """
        problems = [self._problem(call) for call in calls]
        self.wrong_rounds = self.wrong_rounds + 1 if all(problems) else 0
        gate = asyncio.Semaphore(self._settings.max_parallel_tools)
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._call(gate, call, problem))
                for call, problem in zip(calls, problems, strict=True)
            ]
        results = [task.result() for task in tasks]
        messages = [
            {"role": "tool", "tool_call_id": call.id, "content": result}
            for call, (result, _) in zip(calls, results, strict=True)
        ]
        return messages, any(direct for _, direct in results)

    def _problem(self, call: ToolCall) -> str:
        """Why a call can't be made, for the model to mend it; empty: it can."""
        tool = self._tool(call)
        if tool is None:
            names = self._offered.names()[:_NAMES_SHOWN] if self._offered else []
            there_are = f" The tools are: {', '.join(names)}." if names else ""
            return f"error: there is no tool named {call.name}.{there_are}"
        problem = problem_of(tool, call.arguments)
        return f"error: {call.name} was not called: {problem}. Mend the call and make it again." if problem else ""

    def _tool(self, call: ToolCall) -> FunctionTool | None:
        return self._offered.get_tool(call.name) if self._offered else None

    async def _call(self, gate: asyncio.Semaphore, call: ToolCall, problem: str) -> tuple[str, bool]:
        async with gate:
            await self._output.tool_started(ToolCallStarted(call.id, call.name, call.arguments, self._clock.time()))
            tool = self._tool(call)
            if problem or tool is None:
                result, direct, ok = problem, False, False
            else:
                result, direct, ok = await self._result(tool, call)
            result = self._shorten(result)
            await self._output.tool_finished(ToolCallFinished(call.id, call.name, result, ok, self._clock.time()))
            return result, direct

    async def _result(self, tool: FunctionTool, call: ToolCall) -> tuple[str, bool, bool]:
        """What a call gave, whether the tool answered the user itself, and whether it worked."""
        await self._handlers.hook("using_llm_tool", self._event, tool, call.arguments)
        direct, ok = False, False
        try:
            result, direct = await self._collect(tool, call.arguments)
            ok = True
        except TimeoutError:
            result = f"error: {call.name} did not answer within {self._settings.tool_deadline:g} s"
        except PluginError as error:
            result = f"error: {describe(error)}"
        except BotError as error:
            result = f"error: {call.name} failed: {describe(error)}"
        if self._handlers.has_hook("llm_tool_respond"):
            # Importing the MCP library takes a second and more: not on the event loop.
            await asyncio.to_thread(_load_result_types)
            shown = _as_tool_result(result)
            await self._handlers.hook("llm_tool_respond", self._event, tool, call.arguments, shown)
        return result, direct, ok

    async def _collect(self, tool: FunctionTool, arguments: dict[str, Any]) -> tuple[str, bool]:
        """What a tool has to say to the model, and whether it answered the user itself."""
        from astrbot_like.api.event import MessageEventResult

        texts: list[str] = []
        direct = False
        async with self._clock.timeout(self._settings.tool_deadline + 1):
            items = self._tools.call(tool, self._context, arguments)
            async with aclosing(items):  # type: ignore[type-var]
                async for item in items:
                    if isinstance(item, MessageEventResult):
                        direct = True
                        await self._output.message(item)
                    else:
                        texts.append(_tool_text(item))
        if not texts:
            return ("The tool answered the user itself." if direct else "The tool has nothing to say."), direct
        return "\n".join(texts), direct

    def _shorten(self, result: str) -> str:
        limit = self._settings.tool_result_chars
        if len(result) <= limit:
            return result
        return result[:limit] + CUT_NOTE.format(left=len(result) - limit)


def _tool_text(item: Any) -> str:
    """The text of an MCP ``CallToolResult`` or of whatever else a tool gave."""
    content = getattr(item, "content", None)
    if content is None:
        return str(item)
    return "\n".join(str(getattr(part, "text", None) or f"[{getattr(part, 'type', 'content')}]") for part in content)


def _load_result_types() -> None:
    with contextlib.suppress(ImportError):
        importlib.import_module("mcp.types")


def _as_tool_result(text: str) -> Any:
    """The shape ``on_llm_tool_respond`` hooks are given: an MCP result; plain text where the library is absent."""
    try:
        from mcp.types import CallToolResult, TextContent
    except ImportError:
        return text
    return CallToolResult(content=[TextContent(type="text", text=text)])

"""Model ↔ tools: one run of the agent, from the request to the final answer.

The agent pushes what happens into an ``AgentOutput`` as it happens; whoever runs it decides where that goes. Cancelling
the task that runs it stops the model's stream and every tool call.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from astrbot_like.domain.errors import BotError, LlmNotConfigured, PluginError, ProviderError, TooLarge
from astrbot_like.domain.events import TokenUsage, ToolCallFinished, ToolCallStarted
from astrbot_like.engine.handlers import EventHandlers, PluginTools
from astrbot_like.engine.history import without_thoughts
from astrbot_like.engine.providers import ProviderDirectory, ProviderEntry, describe
from astrbot_like.engine.settings import TurnSettings
from astrbot_like.engine.window import ContextWindow, says_too_long, text_tokens
from astrbot_like.runtime.clock import Clock
from astrbot_like.runtime.ids import new_id

if TYPE_CHECKING:
    from astrbot_like.api.event import AstrMessageEvent, MessageEventResult
    from astrbot_like.api.provider import LLMResponse, ProviderRequest
    from astrbot_like.api.tools import AstrAgentContext, ContextWrapper, FunctionTool

OUT_OF_STEPS = "The limit of tool calls for this reply is reached. Answer now with what you know, without tools."
CUT_NOTE = "\n[cut off: {left} more characters]"


class AgentOutput(Protocol):
    """Where the agent's output goes, in order."""

    async def text(self, delta: str) -> None:
        """A raw piece of the answer."""
        ...

    async def reasoning(self, delta: str) -> None:
        """A piece of the model's reasoning."""
        ...

    async def tool_started(self, event: ToolCallStarted) -> None:
        """A tool call begins."""
        ...

    async def tool_finished(self, event: ToolCallFinished) -> None:
        """A tool call ended."""
        ...

    async def message(self, result: MessageEventResult) -> None:
        """A tool sends something to the user itself."""
        ...


class AgentProgress:
    """What a run has come to so far; complete after ``Agent.run``, partial when it was cancelled.

    Attributes:
        messages: OpenAI messages the run added after the user's (assistant tool calls, tool results).
        text: Text of the answer so far (of all steps).
        step_text: Text of the step that is running.
        reasoning: Reasoning so far.
        started, first_token, ended: Clock's monotonic seconds; ``first_token`` is None before it.
        estimated: Tokens of the last model call's input, as we count them.
        provider: Who answered last.
        response: The final answer; None until there is one.
    """

    def __init__(self, started: float) -> None:
        self.messages: list[dict[str, Any]] = []
        self.text = ""
        self.step_text = ""
        self.reasoning = ""
        self.started = started
        self.first_token: float | None = None
        self.ended = started
        self.usage = TokenUsage()
        self.estimated = 0
        self.provider: ProviderEntry | None = None
        self.model = ""
        self.response: LLMResponse | None = None


class _Step(msgspec.Struct):
    """One model call's outcome."""

    response: LLMResponse
    entry: ProviderEntry


class Agent:
    """Runs requests against a chain of chat models with tools.

    Args:
        plugin_context: The ``Context`` object tools see.
    """

    def __init__(
        self,
        directory: ProviderDirectory,
        handlers: EventHandlers,
        tools: PluginTools,
        window: ContextWindow,
        settings: TurnSettings,
        clock: Clock,
        plugin_context: Any,
    ) -> None:
        self._directory = directory
        self._handlers = handlers
        self._tools = tools
        self._window = window
        self._settings = settings
        self._clock = clock
        self._plugin_context = plugin_context

    async def run(
        self,
        event: AstrMessageEvent,
        request: ProviderRequest,
        chain: Sequence[ProviderEntry],
        output: AgentOutput,
        *,
        streaming: bool,
        progress: AgentProgress,
        limits: TurnSettings | None = None,
    ) -> None:
        """Run a request to its final answer; what came of it is in ``progress``.

        Args:
            limits: Deadlines and limits of this run, where they are not the usual ones.

        Raises:
            BotError: No provider could answer, or the answer broke off.
        """
        if not chain:
            raise LlmNotConfigured
        run = _Run(self, event, request, list(chain), output, streaming, progress, limits or self._settings)
        await run.to_the_end()


class _Run:
    """The state of one run."""

    def __init__(
        self,
        agent: Agent,
        event: AstrMessageEvent,
        request: ProviderRequest,
        chain: list[ProviderEntry],
        output: AgentOutput,
        streaming: bool,
        progress: AgentProgress,
        settings: TurnSettings,
    ) -> None:
        self.agent = agent
        self.settings = settings
        self.clock = agent._clock
        self.event = event
        self.request = request
        self.chain = chain
        self.output = output
        self.streaming = streaming
        self.progress = progress
        self.context = self._run_context()
        self._asked_by: dict[int, ProviderEntry | None] = {}
        """Which provider's words the messages at these places of ``progress.messages`` are."""

    async def to_the_end(self) -> None:
        handlers = self.agent._handlers
        await handlers.hook("agent_begin", self.event, self.context)
        steps = 0
        while True:
            steps += 1
            out_of_steps = steps > self.settings.max_steps
            step = await self._model_step(use_tools=not out_of_steps)
            self._account(step.entry, step.response)
            if out_of_steps or not step.response.tools_call_name:
                break
            if await self._tool_step(step.response):
                break
        response = step.response
        response.completion_text = response.completion_text or self.progress.step_text
        if handlers.has_hook("llm_response"):
            await handlers.hook("llm_response", self.event, response)
        self.progress.response = response
        self.progress.ended = self.clock.monotonic()
        await handlers.hook("agent_done", self.event, self.context, response)

    # --- the model -------------------------------------------------------------------------------

    async def _model_step(self, *, use_tools: bool) -> _Step:
        """One answer from the first provider of the chain that gives one."""
        last_error: BotError | None = None
        self.progress.step_text = ""
        for entry in list(self.chain):
            try:
                response = await self._answer(entry, use_tools)
            except asyncio.CancelledError:
                self._account(entry, None)
                raise
            except TooLarge as error:  # of this model's window; the next one's may be larger
                last_error = last_error or error
                continue
            except Exception as error:
                coded = self.agent._directory.failed(entry, error)
                if self.progress.step_text or (isinstance(coded, ProviderError) and not coded.retryable):
                    raise coded from error
                last_error = coded
                self.chain.remove(entry)
                continue
            self.agent._directory.succeeded(entry)
            return _Step(response, entry)
        raise last_error or LlmNotConfigured()

    async def _answer(self, entry: ProviderEntry, use_tools: bool) -> LLMResponse:
        """One provider's answer; an input that it calls too long is sent once more, shortened.

        Raises:
            ProviderError: It failed, or its answer is empty.
        """
        window = self.agent._window
        self.progress.provider = entry
        kwargs = await self._call_arguments(entry, use_tools)
        try:
            response = await self._ask(entry, kwargs)
        except Exception as error:
            if self.progress.step_text or not says_too_long(error):
                raise
            window.refused(entry.id, self.progress.estimated)
            response = await self._ask(entry, await self._call_arguments(entry, use_tools))
        if not (response.tools_call_name or self.progress.step_text or response.completion_text or _chain(response)):
            raise ProviderError(_silence(entry, response), entry.id)
        return response

    async def _ask(self, entry: ProviderEntry, kwargs: dict[str, Any]) -> LLMResponse:
        """Call one provider, streaming when it can; the complete response."""
        async with self.clock.timeout(self.settings.model_deadline):
            if self.streaming:
                try:
                    return await self._ask_streaming(entry, kwargs)
                except NotImplementedError:
                    pass
            response: LLMResponse = await entry.instance.text_chat(**kwargs)
            _refuse_error_role(entry, response)
            await self._take(response.reasoning_content or "", response.completion_text or "")
            return response

    async def _ask_streaming(self, entry: ProviderEntry, kwargs: dict[str, Any]) -> LLMResponse:
        stream: AsyncIterator[LLMResponse] = entry.instance.text_chat_stream(**kwargs)
        final: LLMResponse | None = None
        async with aclosing(stream):  # type: ignore[type-var]
            response = await self._first(stream)
            while response is not None:
                _refuse_error_role(entry, response)
                if response.is_chunk:
                    await self._take(response.reasoning_content or "", response.completion_text or "")
                else:
                    final = response
                response = await anext(stream, None)
        if final is None:
            raise ProviderError(f"{entry.id} broke off in the middle of its answer.", entry.id)
        if not self.progress.step_text and final.completion_text:
            await self._take("", final.completion_text)
        return final

    async def _first(self, stream: AsyncIterator[LLMResponse]) -> LLMResponse | None:
        try:
            async with self.clock.timeout(self.settings.first_token_deadline):
                return await anext(stream, None)
        except StopAsyncIteration:
            return None

    async def _take(self, reasoning: str, text: str) -> None:
        progress = self.progress
        if not reasoning and not text:
            return
        if progress.first_token is None:
            progress.first_token = self.clock.monotonic()
        if reasoning:
            progress.reasoning += reasoning
            await self.output.reasoning(reasoning)
        if text:
            if len(progress.text) + len(text) > self.settings.reply_chars:
                raise ProviderError("The reply grew over the limit and was cut off.", retryable=False)
            progress.step_text += text
            progress.text += text
            await self.output.text(text)

    async def _call_arguments(self, entry: ProviderEntry, use_tools: bool) -> dict[str, Any]:
        """Keyword arguments of ``text_chat``: the plain form at first, whole contexts once tools have answered.

        Raises:
            TooLarge: What must be sent does not fit into the model's window.
        """
        request, window = self.request, self.agent._window
        arguments: dict[str, Any] = {
            "session_id": request.session_id or None,
            "func_tool": request.func_tool if use_tools and request.func_tool else None,
            "system_prompt": request.system_prompt or "",
            "model": request.model,
        }
        beside = window.beside(arguments["system_prompt"], arguments["func_tool"])
        # What a provider thought is for that provider: another one would refuse it.
        added = [
            message if self._asked_by.get(place, entry) is entry else without_thoughts(message)
            for place, message in enumerate(self.progress.messages)
        ]
        tail = [] if use_tools else [{"role": "user", "content": OUT_OF_STEPS}]
        whole = [await request.assemble_context(), *added, *tail]
        room = window.limit_of(entry) - beside
        fixed, taken = window.squeeze(whole, room)
        contexts, context_tokens = window.fit(request.contexts or [], room - taken)
        self.progress.estimated = beside + taken + context_tokens
        if added or fixed != whole:
            return {**arguments, "prompt": None, "contexts": [*contexts, *fixed]}
        return {
            **arguments,
            "prompt": request.prompt or "",
            "image_urls": list(request.image_urls or []),
            "audio_urls": list(request.audio_urls or []),
            "extra_user_content_parts": list(request.extra_user_content_parts or []),
            "contexts": contexts,
        }

    def _account(self, entry: ProviderEntry, response: LLMResponse | None) -> None:
        """Count a call's tokens: as the provider reports them, else, and for a call that was cut short, as we do.

        Args:
            response: None when the call was cut short.
        """
        used = response.usage if response is not None else None
        total = self.progress.usage
        if used is not None:
            cached = int(getattr(used, "input_cached", 0) or 0)
            given = int(getattr(used, "input_other", 0) or 0) + cached
            made = int(getattr(used, "output", 0) or 0)
            self.agent._window.learn(entry.id, self.progress.estimated, given)
        elif getattr(entry.instance, "uses_tokens", True):
            cached, given = 0, self.progress.estimated
            made = text_tokens(self.progress.step_text) if self.progress.step_text else 0
        else:
            cached = given = made = 0
        self.progress.usage = TokenUsage(total.input + given, total.output + made, total.cached + cached)
        self.progress.model = self.request.model or entry.model

    # --- tools -----------------------------------------------------------------------------------

    async def _tool_step(self, response: LLMResponse) -> bool:
        """Run the calls of one answer side by side.

        Returns:
            True when a tool answered the user itself, which ends the run.
        """
        ids = list(response.tools_call_ids or [])
        calls = [
            (ids[i] if i < len(ids) and ids[i] else new_id("call_"), name, (response.tools_call_args or [{}])[i])
            for i, name in enumerate(response.tools_call_name)
        ]
        self.progress.messages.append(_asking(response, self.progress.step_text, calls))
        self._asked_by[len(self.progress.messages) - 1] = self.progress.provider
        gate = asyncio.Semaphore(self.settings.max_parallel_tools)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._call_tool(gate, *call)) for call in calls]
        answered = False
        for (call_id, _name, _args), task in zip(calls, tasks, strict=True):
            result, direct = task.result()
            answered = answered or direct
            self.progress.messages.append({"role": "tool", "tool_call_id": call_id, "content": result})
        return answered

    async def _call_tool(self, gate: asyncio.Semaphore, call_id: str, name: str, args: Any) -> tuple[str, bool]:
        async with gate:
            arguments: dict[str, Any] = args if isinstance(args, dict) else {}
            await self.output.tool_started(ToolCallStarted(call_id, name, arguments, self.clock.time()))
            tool: FunctionTool | None = self.request.func_tool.get_tool(name) if self.request.func_tool else None
            direct, ok = False, True
            if tool is None:
                result, ok = f"error: there is no tool named {name}", False
            else:
                handlers = self.agent._handlers
                await handlers.hook("using_llm_tool", self.event, tool, arguments)
                try:
                    result, direct = await self._collect(tool, arguments)
                except TimeoutError:
                    result, ok = f"error: {name} did not answer within {self.settings.tool_deadline:g} s", False
                except PluginError as error:
                    result, ok = f"error: {error.message}", False
                except BotError as error:
                    result, ok = f"error: {name} failed: {describe(error)}", False
                if handlers.has_hook("llm_tool_respond"):
                    # Importing the MCP library takes a second and more: not on the event loop.
                    await asyncio.to_thread(_load_result_types)
                    await handlers.hook("llm_tool_respond", self.event, tool, arguments, _as_tool_result(result))
            result = self._shorten(result)
            await self.output.tool_finished(ToolCallFinished(call_id, name, result, ok, self.clock.time()))
            return result, direct

    async def _collect(self, tool: FunctionTool, arguments: dict[str, Any]) -> tuple[str, bool]:
        """What a tool has to say to the model, and whether it answered the user itself."""
        from astrbot_like.api.event import MessageEventResult

        texts: list[str] = []
        direct = False
        async with self.clock.timeout(self.settings.tool_deadline + 1):
            items = self.agent._tools.call(tool, self.context, arguments)
            async with aclosing(items):  # type: ignore[type-var]
                async for item in items:
                    if isinstance(item, MessageEventResult):
                        direct = True
                        await self.output.message(item)
                    else:
                        texts.append(_tool_text(item))
        if not texts:
            return ("The tool answered the user itself." if direct else "The tool has nothing to say."), direct
        return "\n".join(texts), direct

    def _shorten(self, result: str) -> str:
        limit = self.settings.tool_result_chars
        if len(result) <= limit:
            return result
        return result[:limit] + CUT_NOTE.format(left=len(result) - limit)

    def _run_context(self) -> ContextWrapper[AstrAgentContext]:
        from astrbot_like.api.tools import AstrAgentContext, ContextWrapper

        return ContextWrapper(
            context=AstrAgentContext(context=self.agent._plugin_context, event=self.event),
            messages=self.progress.messages,
            tool_call_timeout=int(self.settings.tool_deadline),
        )


def _asking(response: LLMResponse, said: str, calls: list[tuple[str, str, Any]]) -> dict[str, Any]:
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
                "id": call_id,
                "type": "function",
                "function": {"name": name, "arguments": json.dumps(args, ensure_ascii=False)},
                **({"extra_content": extra[call_id]} if extra.get(call_id) else {}),
            }
            for call_id, name, args in calls
        ],
    }


def _chain(response: LLMResponse) -> list[Any]:
    return list(response.result_chain.chain) if response.result_chain is not None else []


def _silence(entry: ProviderEntry, response: LLMResponse) -> str:
    """Why there is nothing to say."""
    if response.reasoning_content:
        return (
            f"{entry.id} thought and gave no answer. Let it answer at greater length (max_tokens), think less, "
            "or choose another model."
        )
    return f"{entry.id} gave an empty reply. Try again, or choose another model."


def _refuse_error_role(entry: ProviderEntry, response: LLMResponse) -> None:
    if response.role == "err":
        raise ProviderError(f"{entry.id}: {response.completion_text or 'the model refused'}", entry.id)


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

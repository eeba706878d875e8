"""Model ↔ tools: one run of the agent, from the request to the final answer.

The agent pushes what happens into an ``AgentOutput`` as it happens; whoever runs it decides where that goes. Cancelling
the task that runs it stops the model's stream and every tool call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from astrbot_like.api.func_tools import as_tool_set
from astrbot_like.domain.errors import LlmNotConfigured, ProcessingError
from astrbot_like.engine.agent_progress import AgentOutput, AgentProgress
from astrbot_like.engine.handlers import EventHandlers, PluginTools
from astrbot_like.engine.model_calls import ModelCalls
from astrbot_like.engine.providers import ProviderDirectory, ProviderEntry
from astrbot_like.engine.settings import TurnSettings
from astrbot_like.engine.tool_calls import ToolRunner, asking, calls_of
from astrbot_like.engine.window import ContextWindow
from astrbot_like.runtime.clock import Clock

if TYPE_CHECKING:
    from astrbot_like.api.event import AstrMessageEvent
    from astrbot_like.api.provider import LLMResponse, ProviderRequest
    from astrbot_like.api.tools import AstrAgentContext, ContextWrapper


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
        settings = limits or self._settings
        request.func_tool = as_tool_set(request.func_tool)
        context = self._run_context(event, progress, settings)
        models = ModelCalls(
            self._directory,
            self._window,
            settings,
            self._clock,
            request,
            list(chain),
            output,
            progress,
            streaming=streaming,
        )
        tools = ToolRunner(
            self._tools, self._handlers, settings, self._clock, event, request.func_tool, context, output
        )
        handlers = self._handlers
        await handlers.hook("agent_begin", event, context)
        steps = 0
        while True:
            steps += 1
            out_of_steps = steps > settings.max_steps or tools.wrong_rounds > settings.max_wrong_calls
            response = await models.answer(use_tools=not out_of_steps)
            if out_of_steps or not response.tools_call_name:
                break
            if await self._use_tools(tools, response, progress):
                break
        response.completion_text = response.completion_text or progress.step_text
        if response.tools_call_name and out_of_steps and not progress.text:
            raise ProcessingError(f"The model gave no answer within {steps - 1} rounds of tool calls.")
        if handlers.has_hook("llm_response"):
            await handlers.hook("llm_response", event, response)
        progress.response = response
        progress.ended = self._clock.monotonic()
        await handlers.hook("agent_done", event, context, response)

    @staticmethod
    async def _use_tools(tools: ToolRunner, response: LLMResponse, progress: AgentProgress) -> bool:
        """Run the calls of one answer.

        Returns:
            True when a tool answered the user itself, which ends the run.
        """
        calls = calls_of(response)
        progress.authors[len(progress.messages)] = progress.provider
        progress.messages.append(asking(response, progress.step_text, calls))
        results, answered = await tools.run(calls)
        progress.messages += results
        return answered

    def _run_context(
        self, event: AstrMessageEvent, progress: AgentProgress, settings: TurnSettings
    ) -> ContextWrapper[AstrAgentContext]:
        from astrbot_like.api.tools import AstrAgentContext, ContextWrapper

        return ContextWrapper(
            context=AstrAgentContext(context=self._plugin_context, event=event),
            messages=progress.messages,
            tool_call_timeout=int(settings.tool_deadline),
        )

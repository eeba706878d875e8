"""Runs of the agent that plugins start (``context.tool_loop_agent``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from astrbot_like.api.provider import LLMResponse, ProviderRequest
from astrbot_like.domain.errors import ProviderError, Unavailable
from astrbot_like.domain.events import ToolCallFinished, ToolCallStarted
from astrbot_like.engine.agent import Agent
from astrbot_like.engine.agent_progress import AgentProgress
from astrbot_like.engine.providers import ProviderDirectory
from astrbot_like.engine.settings import TurnSettings
from astrbot_like.runtime.clock import Clock

if TYPE_CHECKING:
    from astrbot_like.api.event import AstrMessageEvent, MessageEventResult
    from astrbot_like.api.tools import ToolSet


class _Silent:
    """An output nobody watches; what a tool sends to the user itself still goes to them."""

    def __init__(self, event: AstrMessageEvent) -> None:
        self._event = event

    async def text(self, delta: str) -> None:
        """Dropped: the caller gets the whole answer."""

    async def reasoning(self, delta: str) -> None:
        """Dropped."""

    async def tool_started(self, event: ToolCallStarted) -> None:
        """Dropped."""

    async def tool_finished(self, event: ToolCallFinished) -> None:
        """Dropped."""

    async def message(self, result: MessageEventResult) -> None:
        """Sent to the user."""
        await self._event.send(result)


class PluginAgent:
    """Implements ``AgentService``; the engine is given to it once it is built."""

    def __init__(self) -> None:
        self._parts: tuple[Agent, ProviderDirectory, TurnSettings, Clock] | None = None

    def use(self, agent: Agent, directory: ProviderDirectory, settings: TurnSettings, clock: Clock) -> None:
        """Give it the engine's agent."""
        self._parts = (agent, directory, settings, clock)

    async def run_tool_loop(
        self,
        *,
        event: AstrMessageEvent,
        provider: Any,
        prompt: str | None,
        image_urls: Sequence[str],
        audio_urls: Sequence[str],
        tools: ToolSet | None,
        system_prompt: str | None,
        contexts: Sequence[Any],
        max_steps: int,
        tool_call_timeout: int,
        options: dict[str, Any],
    ) -> LLMResponse:
        """Ask the model and call tools until it answers."""
        if self._parts is None:
            raise Unavailable
        agent, directory, settings, clock = self._parts
        entry = next((entry for entry in directory.entries() if entry.instance is provider), None)
        if entry is None:
            raise ProviderError("The provider was stopped meanwhile.")
        request = ProviderRequest(
            prompt=prompt,
            image_urls=list(image_urls),
            audio_urls=list(audio_urls),
            func_tool=tools,
            contexts=list(contexts),
            system_prompt=system_prompt or "",
            model=options.get("model"),
        )
        progress = AgentProgress(clock.monotonic())
        limits = msgspec.structs.replace(settings, max_steps=max_steps, tool_deadline=float(tool_call_timeout))
        await agent.run(event, request, [entry], _Silent(event), streaming=False, progress=progress, limits=limits)
        assert progress.response is not None
        return progress.response

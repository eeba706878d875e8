"""What a run of the agent tells while it goes on, and what it has come to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from astrbot_like.domain.events import TokenUsage, ToolCallFinished, ToolCallStarted
from astrbot_like.engine.providers import ProviderEntry

if TYPE_CHECKING:
    from astrbot_like.api.event import MessageEventResult
    from astrbot_like.api.provider import LLMResponse


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
        authors: Whose words the messages at these places are.
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
        self.authors: dict[int, ProviderEntry | None] = {}
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

"""The assistant itself: from the messages of a request to a reply or a tool call.

Apart from ``main`` so that starting the host loads neither templates nor patterns.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from astrbot_like.api.func_tools import as_tool_set
from astrbot_like.api.provider import LLMResponse

from .answers import Answers, Situation
from .conversation import Conversation, read
from .documents import describe
from .tools import ToolCall, ToolView, choose
from .understanding import Understanding, is_chinese
from .wording import word_result


class Assistant:
    """Replies.

    Args:
        clock: Gives local time.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._understanding = Understanding()
        self._answers = Answers()

    def warm(self) -> None:
        """Load the templates; some 0.2 s, for a thread."""
        self._understanding.warm()

    def reply(self, messages: list[dict[str, Any]], func_tool: Any, *, images: int) -> LLMResponse:
        """The reply to the last user message, or the tool call it asks for."""
        return self._reply(read(messages), _views(func_tool), images=images)

    def _reply(self, conversation: Conversation, tools: list[ToolView], *, images: int) -> LLMResponse:
        said = conversation.said
        chinese = is_chinese(said)
        if conversation.outcomes:
            words = [word_result(outcome.name, outcome.text, chinese=chinese) for outcome in conversation.outcomes]
            return _said("\n".join(words))
        at = Situation(
            chinese=chinese,
            now=self._clock(),
            documents=conversation.documents or conversation.earlier_documents[-1:],
            tools=[tool.name for tool in tools],
        )
        if not said.strip():
            return _said(
                describe(list(conversation.documents))
                if conversation.documents
                else _only_media(at, images, self._answers)
            )
        if call := choose(said, tools, named_only=True):
            return _call_or_ask(call, chinese)
        for meaning in self._understanding.meanings(said):
            if (words := self._answers.answer(meaning, at)) is not None:
                return _said(words)
        if call := choose(said, tools):
            return _call_or_ask(call, chinese)
        near = self._understanding.nearest(said)
        if near is not None and (words := self._answers.answer(near, at)) is not None:
            return _said(words)
        if conversation.documents:
            return _said(describe(list(conversation.documents), chinese=chinese))
        return _said(self._answers.unknown(at))


def _said(text: str) -> LLMResponse:
    return LLMResponse(role="assistant", completion_text=text)


def _call_or_ask(call: ToolCall, chinese: bool) -> LLMResponse:
    if call.missing:
        names = ("、" if chinese else ", ").join(name.replace("_", " ") for name in call.missing)
        return _said(
            f"要使用{call.name}，我还需要：{names}。"
            if chinese
            else f"To use {call.name.replace('_', ' ')} I also need: {names}."
        )
    return LLMResponse(
        role="tool",
        completion_text="",
        tools_call_args=[call.arguments],
        tools_call_name=[call.name],
        tools_call_ids=[f"offline-{call.name}"],
    )


def _only_media(at: Situation, images: int, answers: Answers) -> str:
    if not images:
        return answers.nothing_said(at)
    return "I am the offline assistant and can't look at images. A language model that takes images can; connect one under Providers."


def _views(func_tool: Any) -> list[ToolView]:
    return [
        ToolView(tool.name, str(tool.description or ""), tool.parameters or {})
        for tool in (as_tool_set(func_tool) or ())
        if getattr(tool, "active", True)
    ]

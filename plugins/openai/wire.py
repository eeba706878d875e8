"""The parts of Chat Completions answers that are read, whole or streamed; anything else is skipped while decoding.

Source: https://platform.openai.com/docs/api-reference/chat (objects ``chat.completion`` and ``chat.completion.chunk``);
``reasoning_content`` as DeepSeek documents it, ``reasoning`` as Ollama and OpenRouter send it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from astrbot_like.api.provider import TokenUsage


class FunctionPiece(msgspec.Struct):
    """Name and arguments of a call, or a piece of the arguments."""

    name: str | None = None
    arguments: str | dict[str, Any] | None = None


class CallPiece(msgspec.Struct):
    """A tool call or a piece of one."""

    index: int | None = None
    id: str | int | None = None
    function: FunctionPiece | None = None
    extra_content: dict[str, Any] | None = None


class Delta(msgspec.Struct):
    """A piece of a message, or the whole message."""

    content: str | list[Any] | None = None
    reasoning_content: Any = None
    reasoning: Any = None
    reasoning_details: Any = None
    refusal: str | None = None
    tool_calls: list[CallPiece] | None = None


class Choice(msgspec.Struct):
    """One answer; only the one of index 0 is used."""

    index: Any = None
    delta: Delta | None = None
    message: Delta | None = None
    finish_reason: str | None = None


class CachedDetails(msgspec.Struct):
    """How much of the prompt came from the service's cache."""

    cached_tokens: Any = None


class Usage(msgspec.Struct):
    """Tokens."""

    prompt_tokens: Any = None
    completion_tokens: Any = None
    prompt_tokens_details: CachedDetails | None = None

    def counted(self) -> TokenUsage:
        """As the host counts them."""
        details = self.prompt_tokens_details
        cached = _count(details.cached_tokens) if details else 0
        return TokenUsage(
            input_other=max(0, _count(self.prompt_tokens) - cached),
            input_cached=cached,
            output=_count(self.completion_tokens),
        )


def _count(value: Any) -> int:
    """A number that some servers write as text or with a point; no answer is worth losing for it."""
    try:
        return max(0, int(float(value or 0)))
    except (TypeError, ValueError, OverflowError):
        return 0


class Chunk(msgspec.Struct):
    """An event of the stream, or the whole answer; an ``object`` of the name ``error`` is vLLM's way to report one."""

    id: str | int | None = None
    object: Any = None
    message: Any = None
    choices: list[Choice] | None = None
    usage: Usage | None = None
    error: Any = None

"""The model's window: how many tokens a conversation takes, and what is left out when it does not fit.

No tokenizer of the many models is at hand without a download, so tokens are estimated from the text and the estimate
is corrected by what providers report: their own count over ours, per provider, as a slowly moving ratio.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from astrbot_like.engine.providers import ProviderEntry

CHARS_PER_TOKEN = 3.6
"""Of alphabetic text; measured on English prose with GPT-like vocabularies it is 4, on code about 3."""

MESSAGE_OVERHEAD = 5
"""Tokens for the role and separators of one message."""

MEDIA_TOKENS = 1200
"""What an image or a piece of audio in a message counts for."""

REPLY_RESERVE = 0.15
"""Share of the window kept free for the reply."""

LEFT_OUT = "[Earlier messages were left out because the conversation is longer than the model's window.]"


@lru_cache(maxsize=16_384)
def text_tokens(text: str) -> int:
    """An estimate of the tokens in a text: wide characters count one each, others by the length of words."""
    if text.isascii():
        return int(len(text) / CHARS_PER_TOKEN) + 1
    wide = sum(1 for char in text if ord(char) > 0x2E7F)
    return wide + int((len(text) - wide) / CHARS_PER_TOKEN) + 1


def message_tokens(message: dict[str, Any]) -> int:
    """An estimate of the tokens in one OpenAI chat message."""
    total = MESSAGE_OVERHEAD
    content: Any = message.get("content")
    if isinstance(content, str):
        total += text_tokens(content)
    elif isinstance(content, list):
        parts: list[Any] = content
        for part in parts:
            text = (part.get("text") or part.get("think")) if isinstance(part, dict) else None
            total += text_tokens(text) if isinstance(text, str) else MEDIA_TOKENS
    if calls := message.get("tool_calls"):
        total += text_tokens(json.dumps(calls, ensure_ascii=False, default=str))
    return total


class ContextWindow:
    """Keeps what is sent to a model within its window.

    Args:
        default_limit: Window in tokens where the provider's configuration names none (``max_context_tokens``).
    """

    def __init__(self, default_limit: int) -> None:
        self._default_limit = default_limit
        self._ratio: dict[str, float] = {}

    def limit_of(self, entry: ProviderEntry, model: str | None = None) -> int:
        """Tokens of input the provider may be sent, in our counting."""
        configured: Any = entry.config.config.get("max_context_tokens")
        limit = int(configured) if isinstance(configured, int | float) and configured > 0 else self._default_limit
        return int(limit * (1 - REPLY_RESERVE) / self._ratio.get(entry.id, 1.0))

    def learn(self, provider_id: str, estimated: int, reported: int) -> None:
        """Correct the estimate by a provider's own count of the same input."""
        if estimated > 50 and reported > 50:
            seen = min(max(reported / estimated, 0.5), 3.0)
            before = self._ratio.get(provider_id, 1.0)
            # A count above the estimate is believed at once: too long an input is an error, too short a one is not.
            self._ratio[provider_id] = seen if seen > before else before * 0.8 + seen * 0.2

    @staticmethod
    def count(messages: Sequence[dict[str, Any]], *, system_prompt: str = "", tools: Any = None) -> int:
        """An estimate of the tokens of a whole request."""
        total = sum(map(message_tokens, messages))
        if system_prompt:
            total += text_tokens(system_prompt) + MESSAGE_OVERHEAD
        if tools:
            total += text_tokens(json.dumps(tools.openai_schema(), ensure_ascii=False, default=str))
        return total

    def fit(
        self,
        history: list[dict[str, Any]],
        *,
        fixed: Sequence[dict[str, Any]],
        system_prompt: str,
        tools: Any,
        limit: int,
    ) -> list[dict[str, Any]]:
        """The newest part of ``history`` that fits beside what must be sent.

        Whole exchanges are left out from the oldest on: the result starts with a user's message (system messages at
        the head, such as a summary, stay), and a tool's result is never parted from its call.
        """
        room = limit - self.count(fixed, system_prompt=system_prompt, tools=tools)
        history = [
            _shortened(message, room // 2) if message.get("role") == "system" else message for message in history
        ]
        sizes = [message_tokens(message) for message in history]
        excess = sum(sizes) - room
        if excess <= 0:
            return history
        head = 0
        while head < len(history) and history[head].get("role") == "system":
            head += 1
        cut = head
        excess += text_tokens(LEFT_OUT) + MESSAGE_OVERHEAD
        while cut < len(history) and (excess > 0 or history[cut].get("role") != "user"):
            excess -= sizes[cut]
            cut += 1
        return [*history[:head], {"role": "system", "content": LEFT_OUT}, *history[cut:]]


def _shortened(message: dict[str, Any], most: int) -> dict[str, Any]:
    """A system message (a summary) of at most ``most`` tokens: its end is the newest."""
    content = message.get("content")
    if not isinstance(content, str) or message_tokens(message) <= most:
        return message
    share = max(most, 0) / message_tokens(message)
    return {**message, "content": content[len(content) - int(len(content) * share) :]}

"""The model's window: how many tokens a conversation takes, and what is left out when it does not fit.

No tokenizer of the many models is at hand without a download, so tokens are estimated from the text and the estimate
is corrected by what providers report: their own count over ours, per provider, as a slowly moving ratio.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from astrbot_like.domain.errors import TooLarge
from astrbot_like.engine.providers import ProviderEntry

CHARS_PER_TOKEN = 3.6
"""Of alphabetic text; measured on English prose with GPT-like vocabularies it is 4, on code about 3."""

MESSAGE_OVERHEAD = 5
"""Tokens for the role and separators of one message."""

CALL_OVERHEAD = 12
"""Tokens for the id and the frame of one tool call."""

MEDIA_TOKENS = 1200
"""What an image or a piece of audio in a message counts for."""

REPLY_RESERVE = 0.15
"""Share of the window kept free for the reply."""

REFUSED_SHARE = 0.75
"""After a provider refused an input as too long, this share of it is what it is sent next."""

SHORTEST = 400
"""Characters that are left of a text that has to be cut."""

_TOO_LONG = (
    "context length",
    "context_length",
    "context window",
    "maximum context",
    "maximum number of tokens",
    "prompt is too long",
    "input is too long",
    "exceeds the available context",
)
"""How services word it: OpenAI, vLLM, DeepSeek, Anthropic, Gemini, Ollama and llama.cpp."""

LEFT_OUT = "[Earlier messages were left out because the conversation is longer than the model's window.]"
CUT_OUT = "\n[… {count} characters were cut out here, because the model's window is full …]\n"


def text_tokens(text: str) -> int:
    """An estimate of a text's tokens: wide characters count one each, others by the length of words.

    It is made with each turn for the whole conversation, so it looks at no character in Python: of the two bytes that
    UTF-8 takes beyond one for a wide character, and the one for an accented or Cyrillic letter, half are counted.
    """
    if text.isascii():
        return int(len(text) / CHARS_PER_TOKEN) + 1
    wide = (len(text.encode("utf-8", "replace")) - len(text)) // 2
    return wide + int(max(len(text) - wide, 0) / CHARS_PER_TOKEN) + 1


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
    for call in message.get("tool_calls") or ():
        function = call.get("function") or {}
        arguments = function.get("arguments")
        given = text_tokens(arguments if isinstance(arguments, str) else _as_json(arguments))
        total += CALL_OVERHEAD + text_tokens(str(function.get("name") or "")) + given
    return total


def _as_json(value: Any) -> str:
    """About what a value is sent as."""
    try:
        return msgspec.json.encode(value, enc_hook=str).decode()
    except (TypeError, ValueError, RecursionError):
        return str(value)


class Fitted(NamedTuple):
    """Messages, and the tokens they are taken for."""

    messages: list[dict[str, Any]]
    tokens: int


class ContextWindow:
    """Keeps what is sent to a model within its window.

    Args:
        default_limit: Window in tokens where the provider's configuration names none (``max_context_tokens``).
    """

    def __init__(self, default_limit: int) -> None:
        self._default_limit = default_limit
        self._ratio: dict[str, float] = {}
        self._most: dict[str, int] = {}

    def limit_of(self, entry: ProviderEntry) -> int:
        """Tokens of input the provider may be sent, in our counting."""
        configured: Any = entry.config.config.get("max_context_tokens")
        limit = int(configured) if isinstance(configured, int | float) and configured > 0 else self._default_limit
        ours = int(limit * (1 - REPLY_RESERVE) / self._ratio.get(entry.id, 1.0))
        return min(ours, self._most.get(entry.id, ours))

    def learn(self, provider_id: str, estimated: int, reported: int) -> None:
        """Correct the estimate by a provider's own count of the same input."""
        if estimated > 50 and reported > 50:
            seen = min(max(reported / estimated, 0.5), 3.0)
            before = self._ratio.get(provider_id, 1.0)
            # A count above the estimate is believed at once: too long an input is an error, too short a one is not.
            self._ratio[provider_id] = seen if seen > before else before * 0.8 + seen * 0.2

    def refused(self, provider_id: str, estimated: int) -> None:
        """A provider says that an input was too long for its model: from now on it gets less than that."""
        self._most[provider_id] = int(estimated * REFUSED_SHARE)

    @staticmethod
    def beside(system_prompt: str, tools: Any) -> int:
        """An estimate of the tokens of what every request of a turn carries beside its messages."""
        total = text_tokens(system_prompt) + MESSAGE_OVERHEAD if system_prompt else 0
        for tool in tools or ():
            total += CALL_OVERHEAD + text_tokens(f"{tool.name} {tool.description} {_as_json(tool.parameters)}")
        return total

    def fit(self, history: Sequence[dict[str, Any]], room: int) -> Fitted:
        """The newest part of ``history`` that fits into ``room`` tokens.

        Whole exchanges are left out from the oldest on: the result starts with a user's message (system messages at
        the head, such as a summary, stay), and a tool's result is never parted from its call.
        """
        history = list(history)
        head = 0
        while head < len(history) and history[head].get("role") == "system":
            history[head] = _shortened(history[head], room // 2)
            head += 1
        tokens = [
            # A whole conversation is counted in each turn, so most of it is without a call for each message.
            MESSAGE_OVERHEAD + int(len(content) / CHARS_PER_TOKEN) + 1
            if isinstance(content := message.get("content"), str) and content.isascii() and "tool_calls" not in message
            else message_tokens(message)
            for message in history
        ]
        total = sum(tokens)
        excess = total - room
        if excess <= 0:
            return Fitted(history, total)
        cut = head
        note = {"role": "system", "content": LEFT_OUT}
        excess += message_tokens(note)
        while cut < len(history) and (excess > 0 or history[cut].get("role") != "user"):
            excess -= tokens[cut]
            cut += 1
        if excess > 0:
            return Fitted([], 0)
        return Fitted([*history[:head], note, *history[cut:]], room + excess)

    def squeeze(self, fixed: Sequence[dict[str, Any]], room: int) -> Fitted:
        """What must be sent, its longest texts cut until it fits: results of tools first, the oldest first.

        Raises:
            TooLarge: The images and the beginnings of the texts are too much already.
        """
        messages = list(fixed)
        excess = sum(map(message_tokens, messages)) - room
        order = sorted(range(len(messages)), key=lambda place: messages[place].get("role") != "tool")
        for place in order:
            if excess <= 0:
                break
            shorter = _cut_text(messages[place], excess)
            excess -= message_tokens(messages[place]) - message_tokens(shorter)
            messages[place] = shorter
        if excess > 0:
            raise TooLarge(
                f"The message does not fit into the {max(room, 0)} tokens that the model's window has left beside the "
                "persona and the tools. Send less at once, or choose a model with a larger window."
            )
        return Fitted(messages, room + excess)


def says_too_long(error: BaseException) -> bool:
    """Whether a provider's failure says that its input was longer than the model's window."""
    said = str(error).lower()
    return any(words in said for words in _TOO_LONG)


def _cut_text(message: dict[str, Any], excess: int) -> dict[str, Any]:
    """The message with the middle of its text taken out, so that it loses ``excess`` tokens if it can."""
    content = message.get("content")
    if isinstance(content, str):
        return {**message, "content": _cut(content, excess)}
    if not isinstance(content, list):
        return message
    parts: list[Any] = list(content)
    for index, part in enumerate(parts):
        if excess > 0 and isinstance(part, dict) and isinstance(part.get("text"), str):
            shorter = _cut(part["text"], excess)
            excess -= text_tokens(part["text"]) - text_tokens(shorter)
            parts[index] = {**part, "text": shorter}
    return {**message, "content": parts}


def _cut(text: str, excess: int) -> str:
    kept = len(text) - int(len(text) * excess / text_tokens(text)) - len(CUT_OUT) - SHORTEST // 4
    kept = max(kept, SHORTEST)
    if kept + len(CUT_OUT) >= len(text):
        return text
    head, tail = kept * 2 // 3, kept - kept * 2 // 3
    return text[:head] + CUT_OUT.format(count=len(text) - kept) + text[len(text) - tail :]


def _shortened(message: dict[str, Any], most: int) -> dict[str, Any]:
    """A system message (a summary) of at most ``most`` tokens: its end is the newest."""
    content = message.get("content")
    if not isinstance(content, str) or message_tokens(message) <= most:
        return message
    share = max(most, 0) / message_tokens(message)
    return {**message, "content": content[len(content) - int(len(content) * share) :]}

"""What the model is told of the conversation so far, and what is stored of a turn.

Rules: the user's message is stored before the model is called. A reply is stored when its turn ends, also when it was
interrupted; then its text is what was heard, marked as such, and the whole generated text is kept beside it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from astrbot_like.api.conversations import Conversation as PluginConversation
from astrbot_like.domain.history import Conversation, StoredMessage

INTERRUPTED_MARK = " [interrupted by the user here]"
"""Follows the heard words of an interrupted reply in what the model is given."""

NOTHING_HEARD = "[interrupted by the user before anything was heard]"

SUMMARY_HEAD = "Summary of the earlier conversation:\n"


def model_context(rows: Sequence[StoredMessage], conversation: Conversation | None) -> list[dict[str, Any]]:
    """OpenAI messages of a conversation.

    Args:
        rows: The conversation's rows with context, oldest first.
        conversation: For its summary.
    """
    # Copies: what a plugin changes in a request must not change what is remembered.
    messages = [{**message} for row in rows for message in row.context]
    if conversation is not None and conversation.summary:
        messages.insert(0, {"role": "system", "content": SUMMARY_HEAD + conversation.summary})
    return messages


def exchange_context(
    user: dict[str, Any], added: Sequence[dict[str, Any]], answer: str, *, interrupted: bool
) -> tuple[dict[str, Any], ...]:
    """What a turn adds to the model's context.

    Args:
        user: The user's message as the model got it, media replaced by their names.
        added: Tool calls and their results; incomplete ones of an interrupted turn are left out.
        answer: The answer; of an interrupted reply what was heard.
        interrupted: Marks the answer.
    """
    if interrupted:
        answer = answer + INTERRUPTED_MARK if answer else NOTHING_HEARD
    messages = [user, *complete_tool_rounds(added)]
    if answer:
        messages.append({"role": "assistant", "content": answer})
    return tuple(messages)


def complete_tool_rounds(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rounds in which every call has its result; services refuse a context with a call left open."""
    kept: list[dict[str, Any]] = []
    for index, message in enumerate(messages):
        calls = message.get("tool_calls")
        if message.get("role") != "assistant" or not calls:
            continue
        results = [m for m in messages[index + 1 : index + 1 + len(calls)] if m.get("role") == "tool"]
        if len(results) < len(calls):
            break
        kept += [without_thoughts(message), *results]
    return kept


def without_thoughts(message: dict[str, Any]) -> dict[str, Any]:
    """A model's message with calls, without what only the provider that made it can use, and only within its turn."""
    content = message.get("content")
    if isinstance(content, list):
        content = "".join(part.get("text") or "" for part in content if part.get("type") == "text") or None
    calls = [{key: value for key, value in call.items() if key != "extra_content"} for call in message["tool_calls"]]
    return {**message, "content": content, "tool_calls": calls}


def storable_user_message(message: dict[str, Any]) -> dict[str, Any]:
    """A user message as it is kept: media named, not embedded, so that the history stays small.

    Parts that a plugin marked with ``mark_as_temp`` are left out.
    """
    content = message.get("content")
    if not isinstance(content, list):
        return message
    texts: list[str] = []
    for part in content:
        if isinstance(part, dict) and part.get("_no_save"):
            continue
        if isinstance(part, dict) and part.get("type") == "text":
            texts.append(str(part.get("text", "")))
        elif isinstance(part, dict):
            texts.append(f"[{str(part.get('type', 'media')).removesuffix('_url').replace('input_', '')}]")
    return {**message, "content": "\n".join(texts)}


def as_plugins_see(conversation: Conversation, context: Sequence[dict[str, Any]]) -> PluginConversation:
    """A conversation in the public API's form; its ``history`` becomes text when it is first read, which few do."""
    return _Unread(
        platform_id=conversation.umo.partition(":")[0],
        user_id=conversation.umo,
        cid=conversation.conversation_id,
        history=context,  # type: ignore[arg-type]
        title=conversation.title,
        persona_id=conversation.persona_id,
        created_at=_seconds(conversation.created_at),
        updated_at=_seconds(conversation.updated_at),
        token_usage=conversation.token_usage,
    )


class _Unread(PluginConversation):
    """A conversation whose ``history`` is turned into text when it is first read."""

    @property
    def history(self) -> str:
        if not isinstance(self._history, str):
            self._history = json.dumps(list(self._history), ensure_ascii=False)
        return self._history

    @history.setter
    def history(self, history: str | Sequence[dict[str, Any]]) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        self._history = history


def _seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) if text else 0

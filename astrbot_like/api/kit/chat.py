"""From the arguments of ``text_chat`` to one list of OpenAI chat messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

Message = dict[str, Any]
_ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})


def chat_messages(
    *,
    prompt: str | None = None,
    contexts: Sequence[Any] | None = None,
    system_prompt: str | None = None,
    image_urls: Sequence[str] | None = None,
    audio_urls: Sequence[str] | None = None,
    tool_calls_result: Any = None,
    extra_user_content_parts: Sequence[Any] | None = None,
) -> list[Message]:
    """Every message the model is to see, oldest first; the caller's lists are left alone.

    Images and audio of this turn become content parts ``image_url`` and ``audio_url`` that still hold the
    reference they came with: ``resolve_media`` of ``kit.media`` turns them into data.

    Returns:
        Messages with the roles system, developer, user, assistant and tool; anything else is dropped.
    """
    messages: list[Message] = []
    if system_prompt:
        messages.append({"role": "system", "content": system_prompt})
    for context in contexts or ():
        message = as_dict(context)
        if message.get("role") not in _ROLES or message.get("_no_send"):
            continue
        messages.append({key: value for key, value in message.items() if not key.startswith("_")})
    user = _user_message(prompt, image_urls or (), audio_urls or (), extra_user_content_parts or ())
    if user is not None:
        messages.append(user)
    messages.extend(_tool_messages(tool_calls_result))
    return messages


def as_dict(value: Any) -> Message:
    """A message or content part as a plain dict (plugins give dicts, pydantic models or strings)."""
    if isinstance(value, dict):
        return value
    if isinstance(value, str):
        return {"type": "text", "text": value}
    dump = getattr(value, "model_dump", None) or getattr(value, "to_dict", None)
    if dump is None:
        raise TypeError(f"neither a message nor a content part: {type(value).__name__}")
    return dump()


def text_of(content: Any) -> str:
    """The text of a message's content, whether a string or a list of parts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    texts = (part if isinstance(part, str) else part.get("text") for part in content if isinstance(part, (str, dict)))
    return "\n".join(text for text in texts if isinstance(text, str) and text)


class PastCall(NamedTuple):
    """A tool call of an earlier assistant message."""

    id: str
    name: str
    arguments: dict[str, Any]
    extra: dict[str, Any]


def past_calls(message: Message) -> list[PastCall]:
    """The tool calls of a message, arguments decoded; arguments that are no JSON object count as none."""
    calls: list[PastCall] = []
    for call in message.get("tool_calls") or ():
        function = call.get("function") or {}
        arguments = function.get("arguments") or {}
        if isinstance(arguments, str):
            try:
                arguments = msgspec.json.decode(arguments)
            except msgspec.DecodeError:
                arguments = {}
        known = arguments if isinstance(arguments, dict) else {}
        calls.append(
            PastCall(str(call.get("id") or ""), function.get("name") or "", known, call.get("extra_content") or {})
        )
    return calls


def split_system(messages: Iterable[Message]) -> tuple[str, list[Message]]:
    """Part the system texts from the rest, for services that take them apart from the conversation."""
    system: list[str] = []
    rest: list[Message] = []
    for message in messages:
        if message["role"] in {"system", "developer"}:
            system.append(text_of(message.get("content")))
        else:
            rest.append(message)
    return "\n\n".join(text for text in system if text), rest


def _user_message(
    prompt: str | None, image_urls: Sequence[str], audio_urls: Sequence[str], extra: Sequence[Any]
) -> Message | None:
    if prompt is None and not image_urls and not audio_urls and not extra:
        return None
    if not image_urls and not audio_urls and not extra:
        return {"role": "user", "content": prompt}
    parts: list[Message] = [{"type": "text", "text": prompt}] if prompt else []
    parts.extend(as_dict(part) for part in extra)
    parts.extend({"type": "image_url", "image_url": {"url": url}} for url in image_urls)
    parts.extend({"type": "audio_url", "audio_url": {"url": url}} for url in audio_urls)
    return {"role": "user", "content": parts}


def _tool_messages(results: Any) -> list[Message]:
    if results is None:
        return []
    found: list[Message] = []
    for result in results if isinstance(results, (list, tuple)) else [results]:
        if isinstance(result, dict):
            found.append(result)
        else:
            found.extend(as_dict(message) for message in result.to_openai_messages())
    return found

"""From OpenAI chat messages to Gemini's contents, in the names of the library ``google-genai``.

Source: https://ai.google.dev/api/caching#Content and https://ai.google.dev/gemini-api/docs/function-calling; thought
signatures go back with the call they came with (https://ai.google.dev/gemini-api/docs/thought-signatures).
"""

from __future__ import annotations

import base64
from typing import Any
from uuid import uuid4

from astrbot_like.api.kit.chat import Message, past_calls, text_of

Part = dict[str, Any]
_MADE_UP = "gemini-call-"


def made_up_id(number: int) -> str:
    """An id for a call that came without one; it is not told to the service."""
    return f"{_MADE_UP}{uuid4().hex[:8]}-{number}"


def to_contents(messages: list[Message]) -> list[dict[str, Any]]:
    """The conversation, neighbours of one role merged."""
    names = {call.id: call.name for message in messages for call in past_calls(message)}
    contents: list[dict[str, Any]] = []
    for message in messages:
        role, parts = _converted(message, names)
        if not parts:
            continue
        if contents and contents[-1]["role"] == role:
            contents[-1]["parts"].extend(parts)
        else:
            contents.append({"role": role, "parts": parts})
    return contents


def _converted(message: Message, names: dict[Any, str]) -> tuple[str, list[Part]]:
    match message["role"]:
        case "tool":
            call_id = str(message.get("tool_call_id") or "")
            name = names.get(call_id) or message.get("name") or "tool"
            response = {"name": name, "response": {"result": text_of(message.get("content"))}}
            return "user", [{"function_response": {**_id(call_id), **response}}]
        case "assistant":
            return "model", _model(message)
        case _:
            return "user", _user(message.get("content"))


def _model(message: Message) -> list[Part]:
    parts: list[Part] = []
    if text := text_of(message.get("content")):
        parts.append({"text": text})
    for call in past_calls(message):
        part: Part = {"function_call": {**_id(call.id), "name": call.name, "args": call.arguments}}
        signature = (call.extra.get("google") or {}).get("thought_signature")
        if signature:
            part["thought_signature"] = base64.b64decode(signature)
        parts.append(part)
    return parts


def _id(call_id: str) -> dict[str, str]:
    return {"id": call_id} if call_id and not call_id.startswith(_MADE_UP) else {}


def _user(content: Any) -> list[Part]:
    if isinstance(content, str):
        return [{"text": content}] if content else []
    parts: list[Part] = []
    for part in content or ():
        if not isinstance(part, dict):
            continue
        kind = part.get("type")
        if kind == "text" and part.get("text"):
            parts.append({"text": part["text"]})
        elif kind == "image_url":
            head, _, data = part["image_url"]["url"].partition(",")
            mime = head.removeprefix("data:").partition(";")[0]
            parts.append({"inline_data": {"mime_type": mime, "data": base64.b64decode(data)}})
        elif kind == "input_audio":
            audio = part["input_audio"]
            data = base64.b64decode(audio["data"])
            parts.append({"inline_data": {"mime_type": f"audio/{audio['format']}", "data": data}})
    return parts

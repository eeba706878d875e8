"""From OpenAI chat messages to those of the Messages API.

Source: https://platform.claude.com/docs/en/api/messages (roles alternate, tool results stand first in a message, no
text block is empty) and …/docs/en/build-with-claude/extended-thinking (thinking blocks go back with their signature).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from astrbot_like.api.kit.chat import Message, past_calls, text_of

Block = dict[str, Any]


def to_blocks(messages: list[Message]) -> list[dict[str, Any]]:
    """The conversation, neighbours of one role merged, beginning with a user message."""
    merged: list[dict[str, Any]] = []
    for message in messages:
        role, blocks = _converted(message)
        if not blocks:
            continue
        if merged and merged[-1]["role"] == role:
            merged[-1]["content"].extend(blocks)
        else:
            merged.append({"role": role, "content": blocks})
    if merged and merged[0]["role"] != "user":
        merged.insert(0, {"role": "user", "content": [{"type": "text", "text": "(The conversation goes on.)"}]})
    for message in merged:
        if message["role"] == "user":
            message["content"].sort(key=lambda block: block["type"] != "tool_result")
    return merged


def _converted(message: Message) -> tuple[str, list[Block]]:
    match message["role"]:
        case "tool":
            result = {
                "type": "tool_result",
                "tool_use_id": message.get("tool_call_id", ""),
                "content": text_of(message.get("content")) or "(no output)",
            }
            return "user", [result]
        case "assistant":
            return "assistant", _assistant(message)
        case _:
            return "user", _user(message.get("content"))


def _assistant(message: Message) -> list[Block]:
    content = message.get("content")
    blocks: list[Block] = []
    for part in content if isinstance(content, list) else ():
        if isinstance(part, dict) and part.get("type") == "think" and part.get("encrypted"):
            blocks.extend(_thoughts(part))
    if text := text_of(content).strip():
        blocks.append({"type": "text", "text": text})
    blocks.extend(
        {"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments} for call in past_calls(message)
    )
    return blocks


def signature_of(thoughts: Sequence[Block]) -> str | None:
    """What lets the thoughts go back: the signature of a single block, else all blocks as JSON; None for none."""
    match thoughts:
        case []:
            return None
        case [{"type": "thinking", "signature": signature}]:
            return signature or None
        case _:
            return msgspec.json.encode(thoughts).decode()


def without_thoughts_in_hand(messages: Sequence[dict[str, Any]]) -> bool:
    """Whether tool results are handed to a message that has no thoughts.

    The service refuses to think on from there; such a message is one of another provider, which failed meanwhile.
    """
    if len(messages) < 2 or messages[-1]["content"][0]["type"] != "tool_result":
        return False
    return not messages[-2]["content"][0]["type"].endswith("thinking")


def _thoughts(part: dict[str, Any]) -> list[Block]:
    signature = part["encrypted"]
    if signature.startswith("["):
        return msgspec.json.decode(signature, type=list[Block])
    return [{"type": "thinking", "thinking": part.get("think") or "", "signature": signature}]


def _user(content: Any) -> list[Block]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content.strip() else []
    blocks: list[Block] = []
    for part in content or ():
        if not isinstance(part, dict):
            continue
        kind = part.get("type")
        if kind == "text" and str(part.get("text") or "").strip():
            blocks.append({"type": "text", "text": part["text"]})
        elif kind == "image_url":
            head, _, data = part["image_url"]["url"].partition(",")
            media_type = head.removeprefix("data:").partition(";")[0]
            blocks.append({"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}})
        elif kind == "input_audio":
            told = "[Audio was attached here; this model takes no audio. Say so if it matters.]"
            blocks.append({"type": "text", "text": told})
    return blocks

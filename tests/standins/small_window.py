"""A chat model with a small window, behind the Chat Completions protocol.

Source: https://platform.openai.com/docs/api-reference/chat; the refusal is that of
https://platform.openai.com/docs/guides/error-codes (``context_length_exceeded``). It counts a token for four
characters of everything that takes up a window: messages, tools, images.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.standins.base import StandIn, event, words

IMAGE_TOKENS = 800


@dataclass
class SmallWindow(StandIn):
    """Answers "what is …?" from the facts ("the … is …") in what it was sent, and sums facts up when told to.

    Attributes:
        window: Tokens it takes; a longer input is refused.
        sent: Tokens of each input that was taken.
        refused: How many inputs were not.
        tool: Called when the user says "tool".
    """

    window: int = 3000
    sent: list[int] = field(default_factory=list)
    refused: int = 0
    tool: str = ""

    def routes(self) -> Iterable[web.RouteDef]:
        return [web.post("/v1/chat/completions", self._complete)]

    def key_of(self, request: web.Request) -> str:
        return request.headers.get("Authorization", "").removeprefix("Bearer ")

    def error(self, status: int, message: str) -> web.Response:
        code = "context_length_exceeded" if status == 400 else None
        return web.json_response({"error": {"message": message, "code": code}}, status=status)

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        tokens = _tokens(body)
        if tokens > self.window:
            self.refused += 1
            said = f"This model's maximum context length is {self.window} tokens, but your messages have {tokens}."
            return self.error(400, said)
        self.sent.append(tokens)
        usage = {"prompt_tokens": tokens, "completion_tokens": 5}
        last = body["messages"][-1]
        if self.tool and last["role"] == "user" and "tool" in str(last["content"]):
            function = {"name": self.tool, "arguments": "{}"}
            delta: dict[str, Any] = {"tool_calls": [{"index": 0, "id": "call_1", "function": function}]}
            return await self._stream(request, [delta], usage)
        text = _reply(body["messages"])
        if not body.get("stream"):
            message = {"role": "assistant", "content": text}
            return web.json_response({"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage})
        return await self._stream(request, [{"content": word} for word in words(text)], usage)

    async def _stream(
        self, request: web.Request, deltas: list[dict[str, Any]], usage: dict[str, int]
    ) -> web.StreamResponse:
        chunks = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
        chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        chunks.append({"choices": [], "usage": usage})
        pieces = [*map(event, chunks), b"data: [DONE]\n\n"]
        return await self.stream(request, pieces, content_type="text/event-stream")


def _tokens(body: dict[str, Any]) -> int:
    total = len(json.dumps(body.get("tools") or [], ensure_ascii=False)) // 4
    for message in body["messages"]:
        content = message.get("content") or ""
        parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
        total += sum(len(part["text"]) // 4 + 1 if part["type"] == "text" else IMAGE_TOKENS for part in parts)
        total += len(json.dumps(message.get("tool_calls") or [])) // 4 + 4
    return total


def _reply(messages: list[dict[str, Any]]) -> str:
    seen = "\n".join(str(message.get("content") or "") for message in messages)
    asked = str(messages[-1].get("content") or "").lower()
    facts = dict(re.findall(r"the (\w+ \w+) is (\w+)", seen.lower()))
    if asked.startswith("summarise"):
        return " ".join(f"The {name} is {value}." for name, value in facts.items())
    if found := re.search(r"what is the (\w+ \w+)", asked):
        return facts.get(found[1], "I do not know.")
    return "Noted."

"""Anthropic's Messages API.

Source: https://platform.claude.com/docs/en/api/messages, …/versioning, …/models-list, …/errors (error object, 529 when
overloaded), …/docs/en/build-with-claude/streaming (event order and shapes). The provider reads it through the
official client.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from aiohttp import web

from tests.standins.base import StandIn, event, words


@dataclass
class AnthropicStandIn(StandIn):
    """Answers with ``reply``; calls ``tool`` (by default the first offered) when the user says "tool"; can think."""

    reply: str = "Hello from Claude."
    tool: str = ""

    def routes(self) -> Iterable[web.RouteDef]:
        return [web.post("/v1/messages", self._messages), web.get("/v1/models", self._models)]

    def key_of(self, request: web.Request) -> str:
        return request.headers.get("X-Api-Key") or request.headers.get("Authorization", "").removeprefix("Bearer ")

    def error(self, status: int, message: str) -> web.Response:
        kinds = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error", 529: "overloaded_error"}
        body = {"type": "error", "error": {"type": kinds.get(status, "api_error"), "message": message}}
        return web.json_response(body, status=status)

    async def _models(self, request: web.Request) -> web.Response:
        return web.json_response(
            {"data": [{"type": "model", "id": "claude-b"}, {"type": "model", "id": "claude-a"}], "has_more": False}
        )

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        body: dict[str, Any] = await request.json()
        if refused := _flaw(body, request):
            return self.error(400, refused)
        if body["model"] == "no-such-model":
            return self.error(404, "model: no-such-model")
        last = body["messages"][-1]["content"]
        said = last if isinstance(last, str) else " ".join(block.get("text", "") for block in last)
        result = next(
            (block["content"] for block in last if isinstance(block, dict) and block["type"] == "tool_result"), None
        )
        if result is not None:
            blocks: list[dict[str, Any]] = [{"type": "text", "text": f"The tool said {result}"}]
        elif body.get("tools") and "tool" in said:
            name = self.tool or body["tools"][0]["name"]
            blocks = [
                {"type": "text", "text": "Let me look."},
                {"type": "tool_use", "id": "toolu_1", "name": name, "input": {"city": "Berlin"}},
                {"type": "tool_use", "id": "toolu_2", "name": name, "input": {"city": "Paris"}},
            ]
        else:
            blocks = [{"type": "text", "text": self.reply}]
        if body.get("thinking"):
            blocks.insert(0, {"type": "thinking", "thinking": "hm, let me think", "signature": "sig-1"})
        reported = event({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, "error")
        return await self.stream(request, _events(blocks), content_type="text/event-stream", reported=reported)


def _flaw(body: dict[str, Any], request: web.Request) -> str:
    """What the service would refuse."""
    if request.headers.get("anthropic-version") not in ("2026-10-21", "2023-06-01"):
        return "anthropic-version: header is required"
    if not isinstance(body.get("max_tokens"), int):
        return "max_tokens: Field required"
    roles = [message["role"] for message in body["messages"]]
    if not roles or roles[0] != "user" or any(one == other for one, other in pairwise(roles)):
        return "messages: roles must alternate and begin with user"
    for message in body["messages"]:
        blocks = message["content"] if isinstance(message["content"], list) else []
        kinds = [block["type"] for block in blocks]
        if any(block["type"] == "text" and not block["text"].strip() for block in blocks):
            return "messages: text content blocks must be non-empty"
        if "tool_result" in kinds and kinds.index("tool_result") != 0:
            return "messages: tool_result blocks must come first"
    last = [block["type"] for block in body["messages"][-1]["content"] if isinstance(block, dict)]
    if body.get("thinking") and "tool_result" in last and body["messages"][-2]["content"][0]["type"] != "thinking":
        return "messages: Expected `thinking` or `redacted_thinking`, but found `tool_use`"
    return ""


def _events(blocks: list[dict[str, Any]]) -> Iterable[bytes]:
    usage = {"input_tokens": 12, "cache_read_input_tokens": 3, "output_tokens": 1}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "content": [], "usage": usage}
    yield event({"type": "message_start", "message": message}, "message_start")
    yield event({"type": "ping"}, "ping")
    for index, block in enumerate(blocks):
        begun = {**block, **({"text": ""} if block["type"] == "text" else {})}
        begun = (
            {"type": "tool_use", "id": block["id"], "name": block["name"], "input": {}}
            if block["type"] == "tool_use"
            else begun
        )
        begun = {"type": "thinking", "thinking": "", "signature": ""} if block["type"] == "thinking" else begun
        yield event({"type": "content_block_start", "index": index, "content_block": begun}, "content_block_start")
        for delta in _deltas(block):
            yield event({"type": "content_block_delta", "index": index, "delta": delta}, "content_block_delta")
        yield event({"type": "content_block_stop", "index": index}, "content_block_stop")
    reason = "tool_use" if blocks[-1]["type"] == "tool_use" else "end_turn"
    delta = {"stop_reason": reason, "stop_sequence": None}
    yield event({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 7}}, "message_delta")
    yield event({"type": "message_stop"}, "message_stop")


def _deltas(block: dict[str, Any]) -> Iterable[dict[str, Any]]:
    if block["type"] == "text":
        yield from ({"type": "text_delta", "text": word} for word in words(block["text"]))
    elif block["type"] == "thinking":
        yield from ({"type": "thinking_delta", "thinking": word} for word in words(block["thinking"]))
        yield {"type": "signature_delta", "signature": block["signature"]}
    else:
        text = json.dumps(block["input"])
        yield {"type": "input_json_delta", "partial_json": ""}
        yield from (
            {"type": "input_json_delta", "partial_json": text[start : start + 5]} for start in range(0, len(text), 5)
        )

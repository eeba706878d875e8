"""How servers that imitate Chat Completions really stream: one recorded shape for each peculiarity.

Sources: https://github.com/ollama/ollama/blob/main/openai/openai.go, https://docs.vllm.ai (reasoning outputs, tool
calling), https://api-docs.deepseek.com (thinking mode; rate limit, for keep-alive comments),
https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md, https://lmstudio.ai/docs (openai-compat),
https://ai.google.dev/gemini-api/docs/openai, https://docs.mistral.ai/capabilities/reasoning/.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.standins.base import StandIn

DONE = "data: [DONE]"


@dataclass
class Compatible(StandIn):
    """Streams the lines it is given; without a stream it gives ``whole``.

    Attributes:
        lines: Lines of server-sent events; blank ones are put between them.
        refuses: What a request may not hold, with the sentence it is refused with.
    """

    key: str = ""
    lines: Sequence[str] = ()
    whole: dict[str, Any] = field(default_factory=dict)
    refuses: dict[str, str] = field(default_factory=dict)

    def routes(self) -> Iterable[web.RouteDef]:
        return [web.post("/v1/chat/completions", self._complete)]

    def key_of(self, request: web.Request) -> str:
        return request.headers.get("Authorization", "").removeprefix("Bearer ")

    def error(self, status: int, message: str) -> web.Response:
        return web.json_response({"error": {"message": message}}, status=status)

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        for name, sentence in self.refuses.items():
            if name in json.dumps(body):
                return self.error(400, sentence)
        if not body.get("stream"):
            return web.json_response(self.whole)
        pieces = [f"{line}\n\n".encode() for line in self.lines]
        return await self.stream(request, pieces, content_type="text/event-stream")


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **others: Any) -> str:
    """A line with one choice; ``delta`` None: without choices."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return "data: " + json.dumps({"id": "c1", "object": "chat.completion.chunk", "choices": choices, **others})


def calls(*pieces: dict[str, Any]) -> dict[str, Any]:
    """A delta with pieces of tool calls."""
    return {"tool_calls": list(pieces)}


def call(
    index: int | None, name: str | None = None, arguments: Any = None, call_id: str | None = None
) -> dict[str, Any]:
    """A piece of a tool call; what is None is not there at all."""
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    piece = {"index": index, "id": call_id, "type": "function" if name else None, "function": function}
    return {key: value for key, value in piece.items() if value is not None}

"""A reasoning model behind OpenAI's Responses API that holds its clients to the rules of encrypted reasoning.

Sources: https://platform.openai.com/docs/guides/reasoning ("Keeping reasoning items in context", "Encrypted reasoning
items") and https://platform.openai.com/docs/api-reference/responses: with ``store: false`` reasoning items come with
``encrypted_content`` when ``include`` asks for it, and go back in front of what they led to.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.standins.base import StandIn, event

TOOL = "get_weather"


@dataclass
class ReasoningStandIn(StandIn):
    """Thinks before each of its two calls of ``get_weather``, and answers once it has seen their results.

    Attributes:
        reasons: Whether the model can; one that can't refuses to be asked for encrypted reasoning.
    """

    reasons: bool = True

    def routes(self) -> Iterable[web.RouteDef]:
        return [web.post("/v1/responses", self._respond)]

    def key_of(self, request: web.Request) -> str:
        return request.headers.get("Authorization", "").removeprefix("Bearer ")

    def error(self, status: int, message: str) -> web.Response:
        return web.json_response({"error": {"message": message, "type": "invalid_request_error"}}, status=status)

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if body.get("store") is not False:
            return self.error(400, "this stand-in keeps nothing")
        asked = "reasoning.encrypted_content" in (body.get("include") or ())
        if asked and not self.reasons:
            return self.error(400, "Encrypted content is not supported with this model.")
        items = body["input"]
        if items[-1].get("type") == "function_call_output":
            if self.reasons and (problem := _problem(items)):
                return self.error(400, problem)
            output = [{"type": "message", "id": "msg_1", "content": [{"type": "output_text", "text": "Sunny twice."}]}]
        else:
            output = list(self._thinking_and_calling(asked))
        response = {"id": "resp_1", "status": "completed", "output": output, "usage": {"input_tokens": 5}}
        if not body.get("stream"):
            return web.json_response(response)
        pieces = [piece for index, item in enumerate(output) for piece in _events(index, item)]
        pieces.append(event({"type": "response.completed", "response": response}))
        return await self.stream(request, pieces, content_type="text/event-stream")

    def _thinking_and_calling(self, asked: bool) -> Iterable[dict[str, Any]]:
        for index in range(2):
            if self.reasons:
                encrypted = {"encrypted_content": f"secret-{index}"} if asked else {}
                yield {"type": "reasoning", "id": f"rs_{index}", "summary": [], **encrypted}
            call = {"id": f"fc_{index}", "call_id": f"call_{index}", "name": TOOL, "arguments": '{"city":"Berlin"}'}
            yield {"type": "function_call", **call}


def _problem(items: list[dict[str, Any]]) -> str:
    """What is wrong with the reasoning that came back; "" for nothing."""
    calls = [index for index, item in enumerate(items) if item.get("type") == "function_call"]
    for number, place in enumerate(calls):
        before = items[place - 1]
        if before.get("type") != "reasoning" or before.get("encrypted_content") != f"secret-{number}":
            return f"the call {number} was provided without its required reasoning item"
    return ""


def _events(index: int, item: dict[str, Any]) -> Iterable[bytes]:
    place = {"output_index": index}
    match item["type"]:
        case "reasoning":
            bare = {**item, "encrypted_content": "of no use yet"}
            yield event({"type": "response.output_item.added", **place, "item": bare})
        case "function_call":
            yield event({"type": "response.output_item.added", **place, "item": {**item, "arguments": ""}})
            yield event({"type": "response.function_call_arguments.delta", **place, "delta": item["arguments"]})
        case _:
            yield event({"type": "response.output_text.delta", **place, "delta": item["content"][0]["text"]})
    yield event({"type": "response.output_item.done", **place, "item": item})

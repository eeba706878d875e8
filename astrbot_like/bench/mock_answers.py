"""The forms of the mock upstream's answers: events of a stream, tool calls, usage, failures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from astrbot_like.bench.mock_behaviour import Behaviour

if TYPE_CHECKING:
    from aiohttp import web

    from astrbot_like.bench.mock_upstream import MockUpstream


class EventStream:
    """One stream of server-sent events, counted in the statistics."""

    def __init__(self, mock: MockUpstream, request: web.Request) -> None:
        from aiohttp import web

        self._mock = mock
        self._request = request
        self.broken = False
        self.response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})

    async def __aenter__(self) -> EventStream:
        await self.response.prepare(self._request)
        self._mock.stats.open += 1
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        self._mock.stats.open -= 1
        if kind is None:
            self._mock.stats.finished += 1
        else:
            self._mock.stats.aborted += 1

    async def raw(self, data: bytes) -> None:
        await self.response.write(data)

    async def data(self, value: Any) -> None:
        await self.response.write(b"data: " + msgspec.json.encode(value) + b"\n\n")

    async def chat(self, delta: dict[str, Any], finish: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        await self.data({"id": "chatcmpl-mock", "object": "chat.completion.chunk", "choices": [choice]})

    def abort(self) -> None:
        if self._request.transport is not None:
            self._request.transport.abort()


async def reasoning_events(events: EventStream, count: int) -> None:
    """A reasoning item with its summary."""
    place = {"item_id": "rs_1", "output_index": 0}
    await events.data(
        {"type": "response.output_item.added", **place, "item": {"type": "reasoning", "id": "rs_1", "summary": []}}
    )
    place["summary_index"] = 0
    part = {"type": "summary_text", "text": ""}
    await events.data({"type": "response.reasoning_summary_part.added", **place, "part": part})
    for index in range(count):
        await events.data({"type": "response.reasoning_summary_text.delta", **place, "delta": f"thought{index} "})
    place.pop("summary_index")
    item = {"type": "reasoning", "id": "rs_1", "summary": []}
    await events.data({"type": "response.output_item.done", **place, "item": item})


def calls_of(behaviour: Behaviour) -> list[dict[str, Any]]:
    function = {"name": behaviour.tool, "arguments": behaviour.args}
    return [{"id": f"call_{index}", "type": "function", "function": function} for index in range(behaviour.calls)]


def call_items(behaviour: Behaviour) -> list[dict[str, Any]]:
    return [
        {
            "type": "function_call",
            "id": f"fc_{index}",
            "call_id": f"call_{index}",
            "name": behaviour.tool,
            "arguments": behaviour.args,
        }
        for index in range(behaviour.calls)
    ]


def halves(text: str) -> list[str]:
    middle = len(text) // 2
    return [text[:middle], text[middle:]]


def usage_of(behaviour: Behaviour) -> dict[str, int]:
    return {"prompt_tokens": 10, "completion_tokens": behaviour.tokens, "total_tokens": 10 + behaviour.tokens}


def text_of(content: Any) -> str:
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", "") for part in content or () if isinstance(part, dict) and part.get("text"))


def json_of(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    from aiohttp import web

    return web.Response(
        body=msgspec.json.encode(value), content_type="application/json", status=status, headers=headers
    )


def failure_of(status: int, message: str, headers: dict[str, str] | None = None) -> web.Response:
    return json_of({"error": {"message": message, "type": "mock_error", "code": status}}, status, headers)

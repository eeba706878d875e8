"""The Responses API: https://platform.openai.com/docs/api-reference/responses and …/responses-streaming.

Nothing is stored at the service, so its reasoning travels: it comes encrypted with the answer and goes back with the
calls that followed it (https://platform.openai.com/docs/guides/reasoning, "Encrypted reasoning items").
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import msgspec

from astrbot_like.api.kit.chat import Message, split_system, text_of
from astrbot_like.api.kit.chat_provider import Assembly, ChatRequest, PartialCall
from astrbot_like.api.kit.errors import service_message
from astrbot_like.api.kit.sse import is_end
from astrbot_like.api.provider import LLMResponse, TokenUsage, register_provider_adapter

from .chat import CHAT_OPTIONS, OpenAIChat, without_images

_REASONING = "reasoning.encrypted_content"
_EXTRA = "openai"  # where a call keeps the reasoning that led to it


class Item(msgspec.Struct):
    """An output item; of messages the content is read only when nothing was streamed."""

    type: str = ""
    id: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    content: list[dict[str, Any]] | None = None
    summary: list[dict[str, Any]] | None = None
    encrypted_content: str | None = None


class InputDetails(msgspec.Struct):
    """How much of the input came from the cache."""

    cached_tokens: int | None = None


class ResponseUsage(msgspec.Struct):
    """Tokens."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: InputDetails | None = None


class Response(msgspec.Struct):
    """The response object, as far as it is read."""

    id: str = ""
    status: str | None = None
    output: list[Item] = []
    usage: ResponseUsage | None = None
    error: Any = None
    incomplete_details: Any = None


class Event(msgspec.Struct):
    """Any event of the stream."""

    type: str = ""
    delta: str | Any = None
    item: Item | None = None
    output_index: int | None = None
    response: Response | None = None
    message: str | None = None
    error: Any = None


@register_provider_adapter(
    "openai_responses",
    "OpenAI's Responses API",
    default_config_tmpl={
        "id": "openai-responses",
        "type": "openai_responses",
        **CHAT_OPTIONS,
    },
    provider_display_name="OpenAI Responses",
)
class OpenAIResponses(OpenAIChat):
    """A chat model behind the Responses API. Nothing is stored at the service: the host keeps the conversation."""

    service = "OpenAI"

    def __init__(self, provider_config: dict[str, Any], provider_settings: dict[str, Any]) -> None:
        super().__init__(provider_config, provider_settings)
        self._event_decoder = msgspec.json.Decoder(Event)
        self._responses = msgspec.json.Decoder(Response)

    async def _complete_once(self, request: ChatRequest) -> LLMResponse:
        data = await self._whole("/responses", request, self._input(request))
        assembly = Assembly()
        response = self.blame.decoded(self._responses, data)
        self._finish(response, assembly)
        self._keep_reasoning(response.output, assembly, request.model)
        return assembly.whole(self.blame)

    async def _stream_once(self, request: ChatRequest) -> AsyncGenerator[LLMResponse, None]:
        assembly = Assembly()
        calls: dict[int, PartialCall] = {}
        done: list[Item] = []
        async with aclosing(self._events("/responses", request, self._input(request))) as batches:
            async for batch in batches:
                for data in batch:
                    if is_end(data):
                        continue
                    event = self.blame.decoded(self._event_decoder, data)
                    if event.type == "response.output_item.done" and event.item is not None:
                        done.append(event.item)
                    if piece := self._take(event, assembly, calls):
                        yield piece
        self._keep_reasoning(done, assembly, request.model)
        yield assembly.whole(self.blame)

    def _take(self, event: Event, assembly: Assembly, calls: dict[int, PartialCall]) -> LLMResponse | None:
        if event.error:
            raise self.blame.said(service_message(msgspec.json.encode(event.error)) or "no reason given")
        match event.type:
            case "response.output_text.delta" | "response.refusal.delta":
                return assembly.said(event.delta) if event.delta else None
            case "response.reasoning_summary_text.delta" | "response.reasoning_text.delta":
                return assembly.thought(event.delta) if event.delta else None
            case "response.output_item.added" if event.item is not None and event.item.type == "function_call":
                call = PartialCall(event.item.call_id or event.item.id or "", event.item.name or "")
                calls[event.output_index or 0] = call
                assembly.calls.append(call)
            case "response.function_call_arguments.delta" if (event.output_index or 0) in calls:
                calls[event.output_index or 0].arguments += str(event.delta or "")
            case "response.output_item.done" if event.item is not None and event.item.type == "function_call":
                call = calls.get(event.output_index or 0)
                if call is not None and event.item.arguments is not None:
                    call.arguments = event.item.arguments
            case "response.completed" | "response.incomplete" | "response.failed" if event.response is not None:
                self._finish(event.response, assembly)
            case "error":
                raise self.blame.said(event.message or "no reason given")
            case _:
                pass
        return None

    def _finish(self, response: Response, assembly: Assembly) -> None:
        if response.error or response.status == "failed":
            raise self.blame.said(service_message(msgspec.json.encode(response.error)) or "no reason given")
        if (
            isinstance(response.incomplete_details, dict)
            and response.incomplete_details.get("reason") == "content_filter"
        ):
            raise self.blame.said("The answer was cut short by its content filter.", "bad_request")
        assembly.finished = True
        assembly.response_id = response.id
        if response.usage is not None:
            details = response.usage.input_tokens_details
            cached = (details.cached_tokens if details else 0) or 0
            assembly.usage = TokenUsage(
                max(0, (response.usage.input_tokens or 0) - cached), cached, response.usage.output_tokens or 0
            )
        if not assembly.text:
            for item in response.output:
                if item.type == "message":
                    assembly.text.extend(part.get("text") or part.get("refusal") or "" for part in item.content or ())
        if not assembly.calls:
            assembly.calls.extend(
                PartialCall(item.call_id or "", item.name or "", item.arguments or "")
                for item in response.output
                if item.type == "function_call"
            )

    def _keep_reasoning(self, output: list[Item], assembly: Assembly, model: str) -> None:
        """Give each call the reasoning that came before it: it goes back in front of that call, or not at all."""
        calls = {call.id: call for call in assembly.calls}
        reasoning: list[dict[str, Any]] = []
        for item in output:
            if item.type == "reasoning" and item.encrypted_content:
                kept = {"type": "reasoning", "summary": item.summary or [], "encrypted_content": item.encrypted_content}
                reasoning.append({**kept, "id": item.id} if item.id else kept)
            elif item.type == "function_call" and reasoning and (call := calls.get(item.call_id or item.id or "")):
                call.extra = {_EXTRA: {"by": self._author(model), "reasoning": reasoning}}
                reasoning = []

    def _author(self, model: str) -> str:
        """Who can read its reasoning: after a fall-back the calls of one provider go to another."""
        return f"{self.blame.provider_id}/{model}"

    def _named(self, said: str, request: ChatRequest) -> str:
        about_reasoning = any(word in said for word in ("encrypted", "'include'", "'reasoning'"))
        return _REASONING if about_reasoning else super()._named(said, request)

    def _input(self, request: ChatRequest) -> dict[str, Any]:
        system, messages = split_system(request.messages)
        if self._refuses(request, "images"):
            messages = [without_images(message) for message in messages]
        author = "" if self._refuses(request, _REASONING) else self._author(request.model)
        body: dict[str, Any] = {
            "model": request.model,
            "input": [item for message in messages for item in _items(message, author)],
            "store": False,
            **({"include": [_REASONING]} if author else {}),
            **self.extra_body,
        }
        if system:
            body["instructions"] = system
        if request.stream:
            body["stream"] = True
        if request.tools and not self._refuses(request, "tools"):
            body["tools"] = [{"type": "function", **schema["function"]} for schema in request.tools.openai_schema()]
            body["tool_choice"] = request.tool_choice
        return body


def _items(message: Message, author: str) -> list[dict[str, Any]]:
    role = message["role"]
    if role == "tool":
        output = text_of(message.get("content"))
        return [{"type": "function_call_output", "call_id": message.get("tool_call_id", ""), "output": output}]
    items: list[dict[str, Any]] = []
    if role == "assistant":
        if text := text_of(message.get("content")):
            items.append({"role": "assistant", "content": [{"type": "output_text", "text": text}]})
        for call in message.get("tool_calls") or ():
            function = call.get("function") or {}
            kept = (call.get("extra_content") or {}).get(_EXTRA) or {}
            if author and kept.get("by") == author:
                items.extend(kept["reasoning"])
            items.append(
                {
                    "type": "function_call",
                    "call_id": call.get("id", ""),
                    "name": function.get("name", ""),
                    "arguments": function.get("arguments") or "{}",
                }
            )
        return items
    content = message.get("content")
    parts = (
        [{"type": "input_text", "text": content}]
        if isinstance(content, str)
        else [_part(part) for part in content or ()]
    )
    return [{"role": "user", "content": [part for part in parts if part]}]


def _part(part: dict[str, Any]) -> dict[str, Any] | None:
    match part.get("type"):
        case "text":
            return {"type": "input_text", "text": part.get("text", "")}
        case "image_url":
            return {
                "type": "input_image",
                "image_url": part["image_url"]["url"],
                "detail": part["image_url"].get("detail", "auto"),
            }
        case "input_audio":
            return {"type": "input_audio", "input_audio": part["input_audio"]}
        case _:
            return None

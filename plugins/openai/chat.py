"""Chat Completions: https://platform.openai.com/docs/api-reference/chat."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import msgspec

from astrbot_like.api.kit.chat import Message
from astrbot_like.api.kit.chat_provider import ChatRequest, HttpChatProvider
from astrbot_like.api.kit.errors import ServiceError, service_message
from astrbot_like.api.kit.sse import is_end
from astrbot_like.api.provider import LLMResponse, register_provider_adapter

from .answer import ChatAnswer
from .server import OPENAI_BASE, AtServer
from .wire import Chunk

CHAT_OPTIONS: dict[str, Any] = {
    "enable": True,
    "key": [],
    "api_base": OPENAI_BASE,
    "model": "",
    "api_version": "",
    "deployment": "",
    "timeout": 120,
    "proxy": "",
    "custom_headers": {},
    "custom_extra_body": {},
}
"""What configurations of chat models at such a server hold beside id and type."""


@register_provider_adapter(
    "openai_chat_completion",
    "OpenAI's Chat Completions and every server that speaks it",
    default_config_tmpl={
        "id": "openai",
        "type": "openai_chat_completion",
        **CHAT_OPTIONS,
    },
    provider_display_name="OpenAI compatible",
)
class OpenAIChat(AtServer, HttpChatProvider):
    """A chat model behind the Chat Completions API."""

    service = "The OpenAI-compatible service"

    def __init__(self, provider_config: dict[str, Any], provider_settings: dict[str, Any]) -> None:
        super().__init__(provider_config, provider_settings)
        self._decoder = msgspec.json.Decoder(Chunk)
        # What a model turned out to refuse; asked for once, not for each turn.
        self._refused: set[tuple[str, str]] = set()

    async def get_models(self) -> list[str]:
        """Names of the server's models, sorted."""
        return await self.server.models(self.ring, self.custom_headers)

    def headers(self) -> dict[str, str]:
        """Headers of every request."""
        return {**self.server.authorised(self.ring.current), **self.custom_headers}

    async def stream(self, request: ChatRequest) -> AsyncGenerator[LLMResponse, None]:
        """Chunks and the complete response; what the server refuses to take is left out in a second try."""
        while True:
            try:
                async with aclosing(self._stream_once(request)) as responses:
                    async for response in responses:
                        yield response
                return
            except ServiceError as error:
                if not self._learn(error, request):
                    raise

    async def complete(self, request: ChatRequest) -> LLMResponse:
        """The complete response at once."""
        while True:
            try:
                return await self._complete_once(request)
            except ServiceError as error:
                if not self._learn(error, request):
                    raise

    async def _complete_once(self, request: ChatRequest) -> LLMResponse:
        answer = ChatAnswer(self.blame)
        answer.feed(self._decode(await self._whole("/chat/completions", request, self._body(request))))
        answer.end()
        return answer.whole()

    async def _stream_once(self, request: ChatRequest) -> AsyncGenerator[LLMResponse, None]:
        answer = ChatAnswer(self.blame)
        async with aclosing(self._events("/chat/completions", request, self._body(request))) as batches:
            async for batch in batches:
                for event in batch:
                    if is_end(event):
                        answer.done()
                        continue
                    for response in answer.feed(self._decode(event)):
                        yield response
        for response in answer.end():
            yield response
        yield answer.whole()

    async def _whole(self, route: str, request: ChatRequest, body: dict[str, Any]) -> bytes:
        address = self.server.address(route, request.model)
        return await self.http.bytes("POST", address, headers=self.headers(), body=body, model=request.model)

    def _events(self, route: str, request: ChatRequest, body: dict[str, Any]) -> AsyncGenerator[list[bytes], None]:
        address = self.server.address(route, request.model)
        return self.http.events(address, headers=self.headers(), body=body, model=request.model)

    def _decode(self, data: bytes) -> Chunk:
        try:
            return self._decoder.decode(data)
        except ValueError as error:  # msgspec's errors are of this kind, and those of UTF-8
            try:
                # Bytes that are no UTF-8 and halves of characters: the standard library lets them pass.
                return msgspec.convert(json.loads(data.decode("utf-8", "replace")), Chunk)
            except ValueError:
                said = service_message(data) if b'"error"' in data else ""
                raise (self.blame.said(said) if said else self.blame.nonsense()) from error

    def _body(self, request: ChatRequest) -> dict[str, Any]:
        messages = [_sendable(message) for message in request.messages]
        if self._refuses(request, "images"):
            messages = [without_images(message) for message in messages]
        body: dict[str, Any] = {"model": request.model, "messages": messages, **self.extra_body}
        if request.stream:
            body["stream"] = True
            if not self._refuses(request, "stream_options"):
                body["stream_options"] = {"include_usage": True}
        if request.tools and not self._refuses(request, "tools"):
            body["tools"] = request.tools.openai_schema()
            body["tool_choice"] = request.tool_choice
        return body

    def _refuses(self, request: ChatRequest, what: str) -> bool:
        return (request.model, what) in self._refused

    def _learn(self, error: ServiceError, request: ChatRequest) -> bool:
        """Whether the failure names something that can be left out; it is left out from then on."""
        if error.status not in (400, 404, 415, 422, 500, 501):
            return False
        refused = self._named(error.message.lower(), request)
        if not refused or self._refuses(request, refused):
            return False
        self._refused.add((request.model, refused))
        return True

    def _named(self, said: str, request: ChatRequest) -> str:
        """What a refusal is about, "" for nothing that can be left out."""
        if "stream_options" in said:
            return "stream_options"
        if request.tools and "tool" in said and ("support" in said or "enabled" in said):
            return "tools"
        if "image" in said and ("support" in said or "multimodal" in said or "vision" in said):
            return "images"
        return ""


def _sendable(message: Message) -> Message:
    """The message without what is the host's own: private marks, reasoning parts, empty fields."""
    content = message.get("content")
    sent = {key: value for key, value in message.items() if value is not None or key == "content"}
    if isinstance(content, list):
        thoughts = [
            str(part.get("think") or "") for part in content if isinstance(part, dict) and part.get("type") == "think"
        ]
        parts = [
            _sendable_part(part) for part in content if not (isinstance(part, dict) and part.get("type") == "think")
        ]
        if thoughts and sent.get("tool_calls"):
            # Models that reason between tool calls want their reasoning back (DeepSeek: "thinking mode, tool calls").
            sent["reasoning_content"] = "".join(thoughts)
        only_text = [part["text"] for part in parts if isinstance(part, dict) and part.get("type") == "text"]
        # Many compatible servers take a list of parts from the user only.
        sent["content"] = "".join(only_text) if message["role"] != "user" and len(only_text) == len(parts) else parts
    if message["role"] == "assistant" and not sent.get("content") and sent.get("tool_calls"):
        sent["content"] = None
    return sent


def _sendable_part(part: Any) -> Any:
    if not isinstance(part, dict):
        return part
    cleaned: dict[str, Any] = {}
    for key, value in part.items():
        if key.startswith("_") or value is None:
            continue
        cleaned[key] = (
            {name: inner for name, inner in value.items() if inner is not None} if isinstance(value, dict) else value
        )
    return cleaned


def without_images(message: Message) -> Message:
    """The message with a note in the place of each image."""
    content = message.get("content")
    if not isinstance(content, list):
        return message
    told = {"type": "text", "text": "[An image was attached here; this model takes no images. Say so if it matters.]"}
    return {
        **message,
        "content": [told if isinstance(part, dict) and part.get("type") == "image_url" else part for part in content],
    }

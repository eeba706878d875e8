"""The Messages API: https://platform.claude.com/docs/en/api/messages and …/docs/en/build-with-claude/streaming.

The version sent is the current one (https://platform.claude.com/docs/en/api/versioning); nothing used here changed
from the version before, 2023-06-01, which servers that imitate the API may expect.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import msgspec

from astrbot_like.api.kit import options
from astrbot_like.api.kit.chat import split_system
from astrbot_like.api.kit.chat_provider import Assembly, ChatRequest, PartialCall, ServiceChatProvider
from astrbot_like.api.provider import LLMResponse, TokenUsage, register_provider_adapter

from .messages import to_blocks

_BASE = "https://api.anthropic.com"
_VERSION = "2026-10-21"
_MAX_TOKENS = 8192


class Piece(msgspec.Struct):
    """A delta of a block, or of the message itself."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    partial_json: str | None = None
    stop_reason: str | None = None


class Block(msgspec.Struct):
    """A block that begins."""

    type: str = ""
    id: str | None = None
    name: str | None = None
    text: str | None = None


class Usage(msgspec.Struct):
    """Tokens; the output's count grows from event to event."""

    input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    output_tokens: int | None = None


class Begun(msgspec.Struct):
    """The message that ``message_start`` announces."""

    id: str = ""
    usage: Usage | None = None


class Failure(msgspec.Struct):
    """What an ``error`` event holds."""

    type: str = ""
    message: str = ""


class Event(msgspec.Struct):
    """Any event of the stream."""

    type: str = ""
    index: int = 0
    message: Begun | None = None
    content_block: Block | None = None
    delta: Piece | None = None
    usage: Usage | None = None
    error: Failure | None = None


@register_provider_adapter(
    "anthropic_chat_completion",
    "Anthropic's Messages API",
    default_config_tmpl={
        "id": "anthropic",
        "type": "anthropic_chat_completion",
        "enable": True,
        "key": [],
        "api_base": _BASE,
        "model": "",
        "max_tokens": _MAX_TOKENS,
        "anthropic_version": _VERSION,
        "timeout": 120,
        "proxy": "",
        "custom_headers": {},
        "custom_extra_body": {},
        "anth_thinking_config": {"type": "", "budget": 0, "effort": ""},
    },
    provider_display_name="Anthropic",
)
class AnthropicChat(ServiceChatProvider):
    """A Claude model.

    Config:
        max_tokens: Longest answer.
        anthropic_version: Version of the API, for servers that know only an older one.
        anth_thinking_config: ``type`` "adaptive" with an ``effort``, or a ``budget`` of tokens for extended thinking.
    """

    service = "Anthropic"
    default_base = _BASE

    def __init__(self, provider_config: dict[str, Any], provider_settings: dict[str, Any]) -> None:
        super().__init__(provider_config, provider_settings)
        self._decoder = msgspec.json.Decoder(Event)

    @staticmethod
    def tidy_base(base: str) -> str:
        """The base URL without the version, which is part of each path."""
        return base.rstrip("/").removesuffix("/messages").removesuffix("/v1")

    async def get_models(self) -> list[str]:
        """Ids of the models that the key may use, sorted."""
        answer = await self.http.json("GET", "/v1/models", headers=self._headers(), params={"limit": "1000"})
        listed = answer.get("data") if isinstance(answer, dict) else None
        if not isinstance(listed, list):
            raise self.blame.nonsense("no list of models")
        return sorted(str(model["id"]) for model in listed if isinstance(model, dict) and model.get("id"))

    async def stream(self, request: ChatRequest) -> AsyncGenerator[LLMResponse, None]:
        """Chunks and the complete response."""
        assembly = Assembly(usage=TokenUsage())
        calls: dict[int, PartialCall] = {}
        events = self.http.events(
            "/v1/messages", headers=self._headers(), body=self._body(request), model=request.model
        )
        async with aclosing(events) as batches:
            async for batch in batches:
                for data in batch:
                    try:
                        event = self._decoder.decode(data)
                    except msgspec.DecodeError as error:
                        raise self.blame.nonsense() from error
                    if piece := self._take(event, assembly, calls):
                        yield piece
        yield assembly.whole(self.blame)

    def _take(self, event: Event, assembly: Assembly, calls: dict[int, PartialCall]) -> LLMResponse | None:
        match event.type:
            case "content_block_delta" if event.delta is not None:
                return self._piece(event.delta, event.index, assembly, calls)
            case "content_block_start" if event.content_block is not None:
                block = event.content_block
                if block.type == "tool_use":
                    calls[event.index] = PartialCall(block.id or "", block.name or "")
                    assembly.calls.append(calls[event.index])
                elif block.text:
                    return assembly.said(block.text)
            case "message_start" if event.message is not None:
                assembly.response_id = event.message.id
                _count(event.message.usage, assembly)
            case "message_delta":
                _count(event.usage, assembly)
                if event.delta is not None and event.delta.stop_reason == "refusal" and not assembly.text:
                    raise self.blame.said("the model declined to answer")
            case "message_stop":
                assembly.finished = True
            case "error":
                raise self.blame.said(event.error.message if event.error else "no reason given")
            case _:
                pass  # ping, content_block_stop, and what the service may add
        return None

    def _piece(self, delta: Piece, index: int, assembly: Assembly, calls: dict[int, PartialCall]) -> LLMResponse | None:
        if delta.text:
            return assembly.said(delta.text)
        if delta.thinking:
            return assembly.thought(delta.thinking)
        if delta.signature:
            assembly.signature = (assembly.signature or "") + delta.signature
        if delta.partial_json and index in calls:
            calls[index].arguments += delta.partial_json
        return None

    def _headers(self) -> dict[str, str]:
        key = self.ring.current
        version = options.text(self.provider_config, "anthropic_version", default=_VERSION)
        return {"anthropic-version": version, **({"x-api-key": key} if key else {}), **self.custom_headers}

    def _body(self, request: ChatRequest) -> dict[str, Any]:
        system, messages = split_system(request.messages)
        body: dict[str, Any] = {
            "model": request.model,
            "max_tokens": int(options.number(self.provider_config, "max_tokens", default=_MAX_TOKENS)),
            "messages": to_blocks(messages),
            "stream": True,
        }
        if system:
            body["system"] = system
        if request.tools:
            body["tools"] = request.tools.anthropic_schema()
            body["tool_choice"] = {"type": "any" if request.tool_choice == "required" else "auto"}
        thinking = options.mapping(self.provider_config, "anth_thinking_config")
        if thinking.get("type") == "adaptive":
            body["thinking"] = {"type": "adaptive"}
            if thinking.get("effort"):
                body["output_config"] = {"effort": thinking["effort"]}
        elif budget := int(options.number(thinking, "budget", default=0)):
            body["thinking"] = {"type": "enabled", "budget_tokens": budget}
            body["max_tokens"] = max(body["max_tokens"], budget + 1024)  # the budget counts towards the answer's length
        return {**body, **self.extra_body}


def _count(usage: Usage | None, assembly: Assembly) -> None:
    if usage is None or assembly.usage is None:
        return
    counted = assembly.usage
    if usage.input_tokens is not None:
        counted.input_other = usage.input_tokens + (usage.cache_creation_input_tokens or 0)
        counted.input_cached = usage.cache_read_input_tokens or 0
    if usage.output_tokens is not None:
        counted.output = usage.output_tokens

"""Anthropic's models through the official library ``anthropic``.

Source: https://platform.claude.com/docs/en/api/messages and …/docs/en/build-with-claude/streaming.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

from astrbot_like.api.kit import options
from astrbot_like.api.kit.chat import split_system
from astrbot_like.api.kit.chat_provider import Assembly, ChatRequest, PartialCall
from astrbot_like.api.kit.sdk import SdkChatProvider
from astrbot_like.api.provider import LLMResponse, TokenUsage, register_provider_adapter

from .messages import Block, signature_of, to_blocks, without_thoughts_in_hand

if TYPE_CHECKING:
    import httpx2
    from anthropic import AsyncAnthropic
    from anthropic.types import RawContentBlockDelta, RawMessageStreamEvent

_BASE = "https://api.anthropic.com"
_MAX_TOKENS = 8192
# What the error types of https://platform.claude.com/docs/en/api/errors mean where one comes within a stream.
_STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
}


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
        "anthropic_version": "",
        "timeout": 120,
        "proxy": "",
        "custom_headers": {},
        "custom_extra_body": {},
        "anth_thinking_config": {"type": "", "budget": 0, "effort": ""},
    },
    provider_display_name="Anthropic",
)
class AnthropicChat(SdkChatProvider):
    """A Claude model.

    Config:
        max_tokens: Longest answer.
        anthropic_version: Version of the API, for servers that know only an older one than the library.
        anth_thinking_config: ``type`` "adaptive" with an ``effort``, or a ``budget`` of tokens for extended thinking.
    """

    service = "Anthropic"
    default_base = _BASE
    module = package = "anthropic"

    @staticmethod
    def tidy_base(base: str) -> str:
        """The base URL without the version, which is part of each path."""
        return base.rstrip("/").removesuffix("/messages").removesuffix("/v1")

    def make_client(self, library: Any, http: httpx2.AsyncClient) -> AsyncAnthropic:
        """The library's client, without retries of its own."""
        version = options.text(self.provider_config, "anthropic_version")
        headers = {**({"anthropic-version": version} if version else {}), **self.custom_headers}
        made: AsyncAnthropic = library.AsyncAnthropic(
            api_key="", base_url=self.base_url, max_retries=0, http_client=http, default_headers=headers
        )
        for part in ("messages", "models"):
            getattr(made, part)  # imported when first looked at, which is to happen here, in the thread
        return made

    def refusal(self, error: Exception) -> tuple[int, Any, str | None] | None:
        """What the service answered instead of a message."""
        from anthropic import APIStatusError

        if not isinstance(error, APIStatusError):
            return None
        inner = error.body.get("error") if isinstance(error.body, dict) else None
        kind = str(inner.get("type")) if isinstance(inner, dict) else ""
        # An error within a stream comes with the stream's own status, 200.
        status = error.status_code if error.status_code >= 300 else _STATUS.get(kind, 500)
        return status, error.body, error.response.headers.get("retry-after")

    async def get_models(self) -> list[str]:
        """Ids of the models that the key may use, sorted."""
        client, headers = await self._keyed()
        async with self.calling():
            found = [model.id async for model in client.models.list(limit=1000, extra_headers=headers)]
        return sorted(found)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[LLMResponse, None]:
        """Chunks and the complete response."""
        assembly = Assembly(usage=TokenUsage())
        blocks: dict[int, PartialCall | Block] = {}
        client, headers = await self._keyed()
        async with self.calling(request.model) as call:
            asked = client.messages.create(**self._body(request), extra_headers=headers, extra_body=self.extra_body)
            async with await asked as events:
                async for event in events:
                    call.begun = True
                    if piece := self._take(event, assembly, blocks):
                        yield piece
        assembly.signature = signature_of([block for block in blocks.values() if isinstance(block, dict)])
        yield assembly.whole(self.blame)

    async def _keyed(self) -> tuple[AsyncAnthropic, dict[str, Any]]:
        """The client with the key in use, and headers for each request."""
        client: AsyncAnthropic = await self.client()
        if key := self.ring.current:
            return client.with_options(api_key=key), {}
        from anthropic import Omit

        return client, {"Authorization": Omit()}

    def _take(
        self, event: RawMessageStreamEvent, assembly: Assembly, blocks: dict[int, PartialCall | Block]
    ) -> LLMResponse | None:
        match event.type:
            case "content_block_delta":
                return _piece(event.delta, blocks.get(event.index), assembly)
            case "content_block_start":
                block = event.content_block
                if block.type == "tool_use":
                    call = blocks[event.index] = PartialCall(block.id, block.name)
                    assembly.calls.append(call)
                elif block.type in ("thinking", "redacted_thinking"):
                    blocks[event.index] = block.model_dump(exclude_none=True)
                elif block.type == "text" and block.text:
                    return assembly.said(block.text)
            case "message_start":
                assembly.response_id = event.message.id
                _count(event.message.usage, assembly)
            case "message_delta":
                _count(event.usage, assembly)
                if event.delta.stop_reason == "refusal" and not assembly.text:
                    raise self.blame.said("the model declined to answer")
            case "message_stop":
                assembly.finished = True
            case _:
                pass  # content_block_stop, and what the service may add
        return None

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
        if not without_thoughts_in_hand(body["messages"]):
            self._think(body)
        return body

    def _think(self, body: dict[str, Any]) -> None:
        thinking = options.mapping(self.provider_config, "anth_thinking_config")
        if thinking.get("type") == "adaptive":
            body["thinking"] = {"type": "adaptive"}
            if thinking.get("effort"):
                body["output_config"] = {"effort": thinking["effort"]}
        elif budget := int(options.number(thinking, "budget", default=0)):
            body["thinking"] = {"type": "enabled", "budget_tokens": budget}
            body["max_tokens"] = max(body["max_tokens"], budget + 1024)  # the budget counts towards the answer's length


def _piece(delta: RawContentBlockDelta, block: PartialCall | Block | None, assembly: Assembly) -> LLMResponse | None:
    match delta.type:
        case "text_delta" if delta.text:
            return assembly.said(delta.text)
        case "thinking_delta" if delta.thinking:
            if isinstance(block, dict):
                block["thinking"] += delta.thinking
            return assembly.thought(delta.thinking)
        case "signature_delta" if isinstance(block, dict):
            block["signature"] += delta.signature
        case "input_json_delta" if isinstance(block, PartialCall):
            block.arguments += delta.partial_json
        case _:
            pass
    return None


def _count(usage: Any, assembly: Assembly) -> None:
    """Take in a message's usage; the output's count grows from event to event."""
    counted = assembly.usage
    if usage is None or counted is None:
        return
    if usage.input_tokens is not None:
        counted.input_other = usage.input_tokens + (usage.cache_creation_input_tokens or 0)
        counted.input_cached = usage.cache_read_input_tokens or 0
    if usage.output_tokens is not None:
        counted.output = usage.output_tokens

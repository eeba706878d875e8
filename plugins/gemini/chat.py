"""Google's Gemini models through the official library ``google-genai``.

Source: https://ai.google.dev/api/generate-content and https://googleapis.github.io/python-genai/.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast

import msgspec

from astrbot_like.api.kit import options
from astrbot_like.api.kit.chat import split_system
from astrbot_like.api.kit.chat_provider import Assembly, ChatRequest, PartialCall
from astrbot_like.api.kit.sdk import SdkChatProvider
from astrbot_like.api.provider import LLMResponse, TokenUsage, register_provider_adapter

from .messages import made_up_id, to_contents

if TYPE_CHECKING:
    import httpx2
    from google.genai.client import AsyncClient
    from google.genai.types import GenerateContentResponse, GenerateContentResponseUsageMetadata, Part

BASE = "https://generativelanguage.googleapis.com"
VERSION = "v1beta"  # holds all of v1 and what is to come: https://ai.google.dev/gemini-api/docs/api-versions
_HARM = {
    "harassment": "HARM_CATEGORY_HARASSMENT",
    "hate_speech": "HARM_CATEGORY_HATE_SPEECH",
    "sexually_explicit": "HARM_CATEGORY_SEXUALLY_EXPLICIT",
    "dangerous_content": "HARM_CATEGORY_DANGEROUS_CONTENT",
}
_WITHHELD = frozenset({"SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MALFORMED_FUNCTION_CALL"})


@register_provider_adapter(
    "googlegenai_chat_completion",
    "Google's Gemini API",
    default_config_tmpl={
        "id": "google_gemini",
        "type": "googlegenai_chat_completion",
        "enable": True,
        "key": [],
        "api_base": BASE + "/",
        "api_version": VERSION,
        "model": "",
        "timeout": 120,
        "proxy": "",
        "gm_native_search": False,
        "gm_native_coderunner": False,
        "gm_url_context": False,
        "gm_safety_settings": dict.fromkeys(_HARM, "BLOCK_MEDIUM_AND_ABOVE"),
        "gm_thinking_config": {"budget": 0, "level": ""},
        "custom_headers": {},
        "custom_extra_body": {},
    },
    provider_display_name="Google Gemini",
)
class GeminiChat(SdkChatProvider):
    """A Gemini model.

    Config:
        api_version: ``v1beta`` or ``v1``.
        gm_thinking_config: ``budget`` in tokens (2.5 models) or ``level`` (later ones).
        gm_safety_settings: Threshold for each kind of harm.
        gm_native_search, gm_native_coderunner, gm_url_context: Google's own tools, used when no other tool is offered.
    """

    service = "Google Gemini"
    default_base = BASE
    module = "google.genai"
    package = "google-genai"

    @staticmethod
    def tidy_base(base: str) -> str:
        """The base URL without the version, which is part of each path."""
        return base.rstrip("/").removesuffix("/v1beta").removesuffix("/v1")

    def make_client(self, library: Any, http: httpx2.AsyncClient) -> AsyncClient:
        """The library's client, without retries of its own."""
        types = library.types
        http_options = types.HttpOptions(
            base_url=self.base_url,
            api_version=options.text(self.provider_config, "api_version", default=VERSION),
            headers=dict(self.custom_headers),
            httpx_async_client=http,
            retry_options=types.HttpRetryOptions(attempts=1),
        )
        # The key goes with each request; the library wants one to be there.
        return library.Client(api_key="-", vertexai=False, http_options=http_options).aio

    def refusal(self, error: Exception) -> tuple[int, Any, str | None] | None:
        """What the service answered instead of content."""
        from google.genai.errors import APIError

        if not isinstance(error, APIError):
            return None
        headers: Any = getattr(error.response, "headers", None) or {}
        return error.code or 500, error.details, headers.get("retry-after")

    async def get_models(self) -> list[str]:
        """Names of the models that can chat, sorted."""
        client: AsyncClient = await self.client()
        async with self.calling():
            config = {"page_size": 1000, **self._keyed()}
            found = [model async for model in await client.models.list(config=cast("Any", config))]
        return sorted(
            (model.name or "").removeprefix("models/")
            for model in found
            if "generateContent" in (model.supported_actions or ())
        )

    async def stream(self, request: ChatRequest) -> AsyncGenerator[LLMResponse, None]:
        """Chunks and the complete response."""
        assembly = Assembly()
        client: AsyncClient = await self.client()
        contents, config = self._asked(request)
        async with self.calling(request.model) as call:
            asked = client.models.generate_content_stream(
                model=request.model, contents=cast("Any", contents), config=cast("Any", config)
            )
            async with aclosing(cast("AsyncGenerator[GenerateContentResponse, None]", await asked)) as chunks:
                async for chunk in chunks:
                    call.begun = True
                    for piece in self._take(chunk, assembly):
                        yield piece
        yield assembly.whole(self.blame)

    def _take(self, chunk: GenerateContentResponse, assembly: Assembly) -> list[LLMResponse]:
        if chunk.prompt_feedback is not None and (reason := chunk.prompt_feedback.block_reason):
            raise self.blame.said(f"the prompt was refused ({reason.value})")
        if chunk.usage_metadata is not None:
            assembly.usage = _counted(chunk.usage_metadata)
        assembly.response_id = assembly.response_id or chunk.response_id or ""
        pieces: list[LLMResponse] = []
        for candidate in (chunk.candidates or ())[:1]:
            for part in (candidate.content.parts if candidate.content else None) or ():
                pieces.extend(_piece(part, assembly))
            if candidate.finish_reason:
                assembly.finished = True
                if candidate.finish_reason.value in _WITHHELD and not assembly.text:
                    raise self.blame.said(f"the answer was withheld ({candidate.finish_reason.value})")
        return pieces

    def _asked(self, request: ChatRequest) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Contents and configuration of a request, in the library's names."""
        system, messages = split_system(request.messages)
        safety = options.mapping(self.provider_config, "gm_safety_settings")
        config: dict[str, Any] = {
            "safety_settings": [
                {"category": _HARM[name], "threshold": level}
                for name, level in safety.items()
                if name in _HARM and level
            ],
            **self._keyed(extra_body=self.extra_body),
        }
        if system:
            config["system_instruction"] = system
        if thinking := self._thinking(request.model):
            config["thinking_config"] = thinking
        if request.tools:
            config["tools"] = [{"function_declarations": request.tools.google_schema()["function_declarations"]}]
            mode = "ANY" if request.tool_choice == "required" else "AUTO"
            config["tool_config"] = {"function_calling_config": {"mode": mode}}
        elif native := self._native_tools():
            config["tools"] = native
        return to_contents(messages), config

    def _keyed(self, **http_options: Any) -> dict[str, Any]:
        """The part of a request's configuration that holds the key in use."""
        return {"http_options": {"headers": {"x-goog-api-key": self.ring.current}, **http_options}}

    def _native_tools(self) -> list[dict[str, Any]]:
        names = {
            "gm_native_search": "google_search",
            "gm_native_coderunner": "code_execution",
            "gm_url_context": "url_context",
        }
        return [{tool: {}} for name, tool in names.items() if options.flag(self.provider_config, name)]

    def _thinking(self, model: str) -> dict[str, Any]:
        """Only what the model takes: 2.5 models a budget, later ones a level, earlier ones nothing."""
        told = options.mapping(self.provider_config, "gm_thinking_config")
        name = model.rpartition("/")[2]
        if name.startswith("gemini-2.5"):
            budget = int(options.number(told, "budget", default=0))
            if budget or "flash" in name:  # only flash models can do without thinking at all
                return {"thinking_budget": budget, "include_thoughts": budget != 0}
        elif name.startswith("gemini-3") and (level := options.text(told, "level")):
            return {"thinking_level": level.upper(), "include_thoughts": True}
        return {}


def _piece(part: Part, assembly: Assembly) -> list[LLMResponse]:
    if part.function_call is not None:
        call = part.function_call
        signature = base64.b64encode(part.thought_signature).decode() if part.thought_signature else ""
        assembly.calls.append(
            PartialCall(
                call.id or made_up_id(len(assembly.calls)),
                call.name or "",
                msgspec.json.encode(call.args or {}).decode(),
                {"google": {"thought_signature": signature}} if signature else None,
            )
        )
        return []
    if not part.text:
        return []
    return [assembly.thought(part.text) if part.thought else assembly.said(part.text)]


def _counted(usage: GenerateContentResponseUsageMetadata) -> TokenUsage:
    """Tokens as the host counts them; thoughts are output."""
    cached = usage.cached_content_token_count or 0
    output = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
    return TokenUsage(max(0, (usage.prompt_token_count or 0) - cached), cached, output)

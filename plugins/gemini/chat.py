"""generateContent and streamGenerateContent: https://ai.google.dev/api/generate-content."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any
from urllib.parse import quote

import msgspec

from astrbot_like.api.kit import options
from astrbot_like.api.kit.chat import split_system
from astrbot_like.api.kit.chat_provider import Assembly, ChatRequest, PartialCall, ServiceChatProvider
from astrbot_like.api.provider import LLMResponse, TokenUsage, register_provider_adapter

from .messages import to_contents

BASE = "https://generativelanguage.googleapis.com"
VERSION = "v1beta"  # holds all of v1 and what is to come: https://ai.google.dev/gemini-api/docs/api-versions
_HARM = {
    "harassment": "HARM_CATEGORY_HARASSMENT",
    "hate_speech": "HARM_CATEGORY_HATE_SPEECH",
    "sexually_explicit": "HARM_CATEGORY_SEXUALLY_EXPLICIT",
    "dangerous_content": "HARM_CATEGORY_DANGEROUS_CONTENT",
}
_WITHHELD = frozenset({"SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MALFORMED_FUNCTION_CALL"})


class FunctionCall(msgspec.Struct):
    """A call of a tool, whole: Gemini does not stream arguments."""

    name: str = ""
    args: dict[str, Any] | None = None
    id: str | None = None


class Part(msgspec.Struct, rename="camel"):
    """A part of the answer."""

    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    function_call: FunctionCall | None = None


class Content(msgspec.Struct):
    """The parts of one chunk."""

    parts: list[Part] | None = None


class Candidate(msgspec.Struct, rename="camel"):
    """One answer; only the first is used."""

    content: Content | None = None
    finish_reason: str | None = None


class UsageMetadata(msgspec.Struct, rename="camel"):
    """Tokens."""

    prompt_token_count: int | None = None
    cached_content_token_count: int | None = None
    candidates_token_count: int | None = None
    thoughts_token_count: int | None = None

    def counted(self) -> TokenUsage:
        """As the host counts them; thoughts are output."""
        cached = self.cached_content_token_count or 0
        output = (self.candidates_token_count or 0) + (self.thoughts_token_count or 0)
        return TokenUsage(max(0, (self.prompt_token_count or 0) - cached), cached, output)


class Feedback(msgspec.Struct, rename="camel"):
    """Why a prompt was not answered."""

    block_reason: str | None = None


class Chunk(msgspec.Struct, rename="camel"):
    """An event of the stream."""

    candidates: list[Candidate] | None = None
    usage_metadata: UsageMetadata | None = None
    prompt_feedback: Feedback | None = None
    response_id: str | None = None
    error: Any = None


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
        "custom_extra_body": {},
    },
    provider_display_name="Google Gemini",
)
class GeminiChat(ServiceChatProvider):
    """A Gemini model.

    Config:
        api_version: ``v1beta`` or ``v1``.
        gm_thinking_config: ``budget`` in tokens (2.5 models) or ``level`` (later ones).
        gm_safety_settings: Threshold for each kind of harm.
        gm_native_search, gm_native_coderunner, gm_url_context: Google's own tools, used when no other tool is offered.
    """

    service = "Google Gemini"
    default_base = BASE

    def __init__(self, provider_config: dict[str, Any], provider_settings: dict[str, Any]) -> None:
        super().__init__(provider_config, provider_settings)
        self._decoder = msgspec.json.Decoder(Chunk)
        self._version = options.text(provider_config, "api_version", default=VERSION)

    @staticmethod
    def tidy_base(base: str) -> str:
        """The base URL without the version, which is part of each path."""
        return base.rstrip("/").removesuffix("/v1beta").removesuffix("/v1")

    async def get_models(self) -> list[str]:
        """Names of the models that can chat, sorted."""
        answer = await self.http.json(
            "GET", f"/{self._version}/models", headers=self._headers(), params={"pageSize": "1000"}
        )
        listed = answer.get("models") if isinstance(answer, dict) else None
        if not isinstance(listed, list):
            raise self.blame.nonsense("no list of models")
        return sorted(
            str(model.get("name", "")).removeprefix("models/")
            for model in listed
            if isinstance(model, dict) and "generateContent" in (model.get("supportedGenerationMethods") or ())
        )

    async def stream(self, request: ChatRequest) -> AsyncGenerator[LLMResponse, None]:
        """Chunks and the complete response."""
        assembly = Assembly()
        model = quote(request.model.removeprefix("models/"), safe="")
        path = f"/{self._version}/models/{model}:streamGenerateContent?alt=sse"
        events = self.http.events(path, headers=self._headers(), body=self._body(request), model=request.model)
        async with aclosing(events) as batches:
            async for batch in batches:
                for data in batch:
                    try:
                        chunk = self._decoder.decode(data)
                    except msgspec.DecodeError as error:
                        raise self.blame.nonsense() from error
                    for piece in self._take(chunk, assembly):
                        yield piece
        yield assembly.whole(self.blame)

    def _take(self, chunk: Chunk, assembly: Assembly) -> list[LLMResponse]:
        if chunk.error:
            said = chunk.error.get("message", "") if isinstance(chunk.error, dict) else str(chunk.error)
            raise self.blame.said(said)
        if chunk.prompt_feedback is not None and chunk.prompt_feedback.block_reason:
            raise self.blame.said(f"the prompt was refused ({chunk.prompt_feedback.block_reason})")
        if chunk.usage_metadata is not None:
            assembly.usage = chunk.usage_metadata.counted()
        assembly.response_id = assembly.response_id or chunk.response_id or ""
        pieces: list[LLMResponse] = []
        for candidate in (chunk.candidates or ())[:1]:
            for part in (candidate.content.parts if candidate.content else None) or ():
                pieces.extend(_piece(part, assembly))
            if candidate.finish_reason:
                assembly.finished = True
                if candidate.finish_reason in _WITHHELD and not assembly.text:
                    raise self.blame.said(f"the answer was withheld ({candidate.finish_reason})")
        return pieces

    def _headers(self) -> dict[str, str]:
        key = self.ring.current
        return {**({"x-goog-api-key": key} if key else {}), **self.custom_headers}

    def _body(self, request: ChatRequest) -> dict[str, Any]:
        system, messages = split_system(request.messages)
        body: dict[str, Any] = {"contents": to_contents(messages)}
        if system:
            body["systemInstruction"] = {"parts": [{"text": system}]}
        safety = options.mapping(self.provider_config, "gm_safety_settings")
        chosen = [
            {"category": _HARM[name], "threshold": level} for name, level in safety.items() if name in _HARM and level
        ]
        if chosen:
            body["safetySettings"] = chosen
        if thinking := self._thinking(request.model):
            body["generationConfig"] = {"thinkingConfig": thinking}
        if request.tools:
            body["tools"] = [{"functionDeclarations": request.tools.google_schema()["function_declarations"]}]
            mode = "ANY" if request.tool_choice == "required" else "AUTO"
            body["toolConfig"] = {"functionCallingConfig": {"mode": mode}}
        elif native := self._native_tools():
            body["tools"] = native
        return {**body, **self.extra_body}

    def _native_tools(self) -> list[dict[str, Any]]:
        names = {
            "gm_native_search": "googleSearch",
            "gm_native_coderunner": "codeExecution",
            "gm_url_context": "urlContext",
        }
        return [{tool: {}} for name, tool in names.items() if options.flag(self.provider_config, name)]

    def _thinking(self, model: str) -> dict[str, Any]:
        """Only what the model takes: 2.5 models a budget, later ones a level, earlier ones nothing."""
        told = options.mapping(self.provider_config, "gm_thinking_config")
        name = model.rpartition("/")[2]
        if name.startswith("gemini-2.5"):
            budget = int(options.number(told, "budget", default=0))
            if budget or "flash" in name:  # only flash models can do without thinking at all
                return {"thinkingBudget": budget, "includeThoughts": budget != 0}
        elif name.startswith("gemini-3") and (level := options.text(told, "level")):
            return {"thinkingLevel": level.lower(), "includeThoughts": True}
        return {}


def _piece(part: Part, assembly: Assembly) -> list[LLMResponse]:
    if part.function_call is not None:
        call = part.function_call
        extra = {"google": {"thought_signature": part.thought_signature}} if part.thought_signature else None
        arguments = msgspec.json.encode(call.args or {}).decode()
        assembly.calls.append(PartialCall(call.id or f"{call.name}-{len(assembly.calls)}", call.name, arguments, extra))
        return []
    if not part.text:
        return []
    return [assembly.thought(part.text) if part.thought else assembly.said(part.text)]

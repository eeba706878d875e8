"""A base for chat providers over a service: arguments, keys, retries, assembling; a provider is only its protocol."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from astrbot_like.api.func_tools import as_tool_set
from astrbot_like.api.kit import options
from astrbot_like.api.kit.attempts import Attempts
from astrbot_like.api.kit.chat import Message, chat_messages
from astrbot_like.api.kit.errors import Blame
from astrbot_like.api.kit.http import HttpService
from astrbot_like.api.kit.media import resolve_media
from astrbot_like.api.provider import LLMResponse, Provider, TokenUsage
from astrbot_like.domain.tool_arguments import read_arguments


@dataclass
class ChatRequest:
    """One call of a model.

    Attributes:
        messages: OpenAI chat messages whose media hold data.
        tools: The ``ToolSet`` offered, or None.
        model: Model to use.
        tool_choice: ``auto`` or ``required``.
        stream: Whether the caller wants pieces.
        session_id: The caller's session, for services that cache by it.
    """

    messages: list[Message]
    tools: Any
    model: str
    tool_choice: str = "auto"
    stream: bool = True
    session_id: str = ""


@dataclass
class PartialCall:
    """A tool call that is still arriving."""

    id: str = ""
    name: str = ""
    arguments: str = ""
    extra: dict[str, Any] | None = None


@dataclass
class Assembly:
    """What a streamed answer adds up to.

    Attributes:
        finished: The service said that this is the end.
    """

    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    calls: list[PartialCall] = field(default_factory=list)
    usage: TokenUsage | None = None
    response_id: str = ""
    signature: str | None = None
    finished: bool = False

    def said(self, text: str) -> LLMResponse:
        """Take in a piece of the answer and give it as a chunk."""
        self.text.append(text)
        return LLMResponse("assistant", completion_text=text, is_chunk=True)

    def thought(self, text: str) -> LLMResponse:
        """Take in a piece of reasoning and give it as a chunk."""
        self.reasoning.append(text)
        return LLMResponse("assistant", reasoning_content=text, is_chunk=True)

    def whole(self, blame: Blame) -> LLMResponse:
        """The complete response.

        Raises:
            ServiceError: The answer was cut before its end.
        """
        if not self.finished:
            raise blame.cut()
        calls = [call for call in self.calls if call.name]
        taken: set[str] = set()
        for index, call in enumerate(calls):
            if not call.id or call.id in taken:
                call.id = f"call_{index}"
            taken.add(call.id)
        return LLMResponse(
            role="tool" if calls else "assistant",
            completion_text="".join(self.text),
            tools_call_name=[call.name for call in calls],
            tools_call_args=[read_arguments(call.arguments) for call in calls],
            tools_call_ids=[call.id for call in calls],
            tools_call_extra_content={call.id: call.extra for call in calls if call.extra},
            reasoning_content="".join(self.reasoning) or None,
            reasoning_signature=self.signature,
            id=self.response_id or None,
            usage=self.usage,
        )


class ServiceChatProvider(Provider):
    """A chat provider over a service.

    A subclass names its ``service`` and ``default_base`` and implements ``stream``; ``complete`` where the service has
    a form of its own for answers at once.

    Config:
        key / api_key: One key or several; the next one is taken when one is refused or used up.
        api_base, timeout (seconds), proxy, model, custom_headers, custom_extra_body, max_retries.
    """

    service = "The service"
    default_base = ""
    default_model = ""

    def __init__(self, provider_config: dict[str, Any], provider_settings: dict[str, Any]) -> None:
        super().__init__(provider_config, provider_settings)
        self.ring = options.KeyRing(options.keys(provider_config))
        self.blame = Blame(str(provider_config.get("id", "")), self.service)
        self.base_url = self.tidy_base(options.text(provider_config, "api_base", "base_url", default=self.default_base))
        self.timeout = options.number(provider_config, "timeout", default=120.0)
        self.proxy = options.text(provider_config, "proxy")
        self.custom_headers = {
            str(name): str(value) for name, value in options.mapping(provider_config, "custom_headers").items()
        }
        self.extra_body = options.mapping(provider_config, "custom_extra_body")
        self._tries = max(1, int(options.number(provider_config, "max_retries", default=0)) + 1)
        self.set_model(options.model(provider_config, self.default_model))

    @staticmethod
    def tidy_base(base: str) -> str:
        """The base URL as requests need it."""
        return base.rstrip("/")

    def get_current_key(self) -> str:
        """The key in use."""
        return self.ring.current

    def get_keys(self) -> list[str]:
        """Every key."""
        return self.ring.all

    def set_key(self, key: str) -> None:
        """Use this key from now on."""
        self.ring.use(key)

    @abstractmethod
    def stream(self, request: ChatRequest) -> AsyncGenerator[LLMResponse, None]:
        """Chunks as they come, and the complete response as the last item."""

    async def complete(self, request: ChatRequest) -> LLMResponse:
        """The complete response at once."""
        last: LLMResponse | None = None
        async with aclosing(self.stream(request)) as responses:
            async for response in responses:
                last = response
        if last is None or last.is_chunk:
            raise self.blame.cut()
        return last

    async def text_chat(
        self,
        prompt: str | None = None,
        session_id: str | None = None,
        image_urls: list[str] | None = None,
        audio_urls: list[str] | None = None,
        func_tool: Any = None,
        contexts: list[Any] | None = None,
        system_prompt: str | None = None,
        tool_calls_result: Any = None,
        model: str | None = None,
        extra_user_content_parts: list[Any] | None = None,
        tool_choice: str = "auto",
        request_max_retries: int | None = None,
        **kwargs: Any,
    ) -> LLMResponse:
        """One answer; arguments are those of ``Provider.text_chat``.

        Raises:
            ServiceError: The service failed.
        """
        request = await self._request(
            prompt, session_id, image_urls, audio_urls, func_tool, contexts, system_prompt, tool_calls_result, model,
            extra_user_content_parts, tool_choice,
        )  # fmt: skip
        request.stream = False
        tries = self._tries if request_max_retries is None else request_max_retries
        return await Attempts(self.ring, tries).result(lambda: self.complete(request))

    async def text_chat_stream(
        self,
        prompt: str | None = None,
        session_id: str | None = None,
        image_urls: list[str] | None = None,
        audio_urls: list[str] | None = None,
        func_tool: Any = None,
        contexts: list[Any] | None = None,
        system_prompt: str | None = None,
        tool_calls_result: Any = None,
        model: str | None = None,
        tool_choice: str = "auto",
        request_max_retries: int | None = None,
        extra_user_content_parts: list[Any] | None = None,
        **kwargs: Any,
    ) -> AsyncGenerator[LLMResponse, None]:
        """Chunks, then the whole; arguments are those of ``Provider.text_chat_stream``.

        Raises:
            ServiceError: The service failed. Once a chunk was given nothing is tried again here.
        """
        request = await self._request(
            prompt, session_id, image_urls, audio_urls, func_tool, contexts, system_prompt, tool_calls_result, model,
            extra_user_content_parts, tool_choice,
        )  # fmt: skip
        tries = self._tries if request_max_retries is None else request_max_retries
        async with aclosing(Attempts(self.ring, tries).items(lambda: self.stream(request))) as responses:
            async for response in responses:
                yield response

    async def test(self, timeout: float = 45.0) -> None:
        """Ask for one word.

        Raises:
            ServiceError: The service failed or was silent.
        """
        try:
            async with asyncio.timeout(timeout):
                await self.text_chat(prompt="Reply with the one word: pong")
        except TimeoutError as error:
            raise self.blame.timeout(seconds=timeout) from error

    async def _request(
        self,
        prompt: str | None,
        session_id: str | None,
        image_urls: list[str] | None,
        audio_urls: list[str] | None,
        func_tool: Any,
        contexts: list[Any] | None,
        system_prompt: str | None,
        tool_calls_result: Any,
        model: str | None,
        extra: list[Any] | None,
        tool_choice: str,
    ) -> ChatRequest:
        messages = chat_messages(
            prompt=prompt,
            contexts=contexts,
            system_prompt=system_prompt,
            image_urls=image_urls,
            audio_urls=audio_urls,
            tool_calls_result=tool_calls_result,
            extra_user_content_parts=extra,
        )
        chosen = model or self.get_model()
        if not chosen:
            raise self.blame.missing("a model", "Name one under Providers; the list of models shows what there is.")
        return ChatRequest(
            messages=await resolve_media(messages),
            tools=as_tool_set(func_tool) or None,
            model=chosen,
            tool_choice=tool_choice,
            session_id=session_id or "",
        )


class HttpChatProvider(ServiceChatProvider):
    """A chat provider that speaks its service's HTTP protocol itself, through ``http``."""

    def __init__(self, provider_config: dict[str, Any], provider_settings: dict[str, Any]) -> None:
        super().__init__(provider_config, provider_settings)
        self.http = HttpService(self.base_url, self.blame, timeout=self.timeout, proxy=self.proxy)

    async def terminate(self) -> None:
        """Close the connections."""
        await self.http.aclose()

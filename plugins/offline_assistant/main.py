"""The offline assistant: a chat model that is no model, for the first minute and for the day the network is gone."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from datetime import datetime
from typing import Any

from astrbot_like.api.kit.chat import chat_messages
from astrbot_like.api.provider import LLMResponse, Provider, register_provider_adapter
from astrbot_like.api.star import Star

from .answers import Answers, Situation
from .conversation import Conversation, read
from .documents import describe
from .tools import ToolCall, ToolView, choose, word_result
from .understanding import Understanding, is_chinese

MODEL = "offline-assistant"
_CHUNK = re.compile(
    r"[\u3400-\u9fff\u3000-\u303f\uff00-\uffef]+?(?=[\u3400-\u9fff])|[\u3400-\u9fff\u3000-\u303f\uff00-\uffef]+|\S+\s*|\s+"
)


class OfflineAssistantPlugin(Star):
    """Supplies the provider type ``offline_assistant``."""


@register_provider_adapter(
    "offline_assistant",
    "Answers from template sentences and calls tools; no network, no key.",
    default_config_tmpl={"id": "offline", "type": "offline_assistant", "enable": True, "timezone": ""},
    provider_display_name="Offline assistant",
)
class OfflineAssistant(Provider):
    """Chat provider over hassil's template sentences.

    Config:
        timezone: IANA name for spoken times, "" for the machine's.
    """

    def __init__(self, provider_config: dict[str, Any], provider_settings: dict[str, Any]) -> None:
        super().__init__(provider_config, provider_settings)
        self.set_model(MODEL)
        self._understanding = Understanding()
        self._answers = Answers()
        self._clock: Callable[[], datetime] = lambda: _local_time(str(provider_config.get("timezone") or ""))
        self._warming: asyncio.Task[None] | None = None
        self._ready = asyncio.Lock()
        self._warm = False

    async def initialize(self) -> None:
        """Start to load the sentences in the background."""
        self._warming = asyncio.create_task(self._load(), name="offline-assistant-warm-up")

    async def terminate(self) -> None:
        """Stop a warm-up that is still under way."""
        if self._warming is not None:
            self._warming.cancel()
            await asyncio.gather(self._warming, return_exceptions=True)

    async def _load(self) -> None:
        async with self._ready:
            if not self._warm:
                await asyncio.to_thread(self._understanding.warm)
                self._warm = True

    def get_current_key(self) -> str:
        """No key is needed."""
        return ""

    def set_key(self, key: str) -> None:
        """No key is needed; it is ignored."""

    async def get_models(self) -> list[str]:
        """The one name."""
        return [MODEL]

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
        **kwargs: Any,
    ) -> LLMResponse:
        """The whole reply, or the tool calls the user's words ask for."""
        await self._load()
        conversation = read(
            chat_messages(
                prompt=prompt,
                contexts=contexts,
                tool_calls_result=tool_calls_result,
                extra_user_content_parts=extra_user_content_parts,
            )
        )
        return self._reply(conversation, _views(func_tool), images=len(image_urls or ()))

    async def text_chat_stream(self, *args: Any, **kwargs: Any) -> AsyncGenerator[LLMResponse, None]:
        """The same, word by word, ending with the whole."""
        whole = await self.text_chat(*args, **kwargs)
        if whole.role == "assistant":
            for piece in _CHUNK.findall(whole.completion_text):
                yield LLMResponse(role="assistant", completion_text=piece, is_chunk=True)
        yield whole

    async def test(self) -> None:
        """Ask for the time."""
        await self.text_chat(prompt="what time is it")

    def _reply(self, conversation: Conversation, tools: list[ToolView], *, images: int) -> LLMResponse:
        said = conversation.said
        chinese = is_chinese(said)
        if conversation.outcomes:
            words = [word_result(outcome.name, outcome.text, chinese=chinese) for outcome in conversation.outcomes]
            return _said("\n".join(words))
        at = Situation(
            chinese=chinese,
            now=self._clock(),
            documents=conversation.documents or conversation.earlier_documents[-1:],
            tools=[tool.name for tool in tools],
        )
        if not said.strip():
            return _said(
                describe(list(conversation.documents))
                if conversation.documents
                else _only_media(at, images, self._answers)
            )
        if call := choose(said, tools, named_only=True):
            return _call_or_ask(call, chinese)
        for meaning in self._understanding.meanings(said):
            if (words := self._answers.answer(meaning, at)) is not None:
                return _said(words)
        if call := choose(said, tools):
            return _call_or_ask(call, chinese)
        near = self._understanding.nearest(said)
        if near is not None and (words := self._answers.answer(near, at)) is not None:
            return _said(words)
        if conversation.documents:
            return _said(describe(list(conversation.documents), chinese=chinese))
        return _said(self._answers.unknown(at))


def _said(text: str) -> LLMResponse:
    return LLMResponse(role="assistant", completion_text=text)


def _call_or_ask(call: ToolCall, chinese: bool) -> LLMResponse:
    if call.missing:
        names = ("、" if chinese else ", ").join(name.replace("_", " ") for name in call.missing)
        return _said(
            f"要使用{call.name}，我还需要：{names}。"
            if chinese
            else f"To use {call.name.replace('_', ' ')} I also need: {names}."
        )
    return LLMResponse(
        role="tool",
        completion_text="",
        tools_call_args=[call.arguments],
        tools_call_name=[call.name],
        tools_call_ids=[f"offline-{call.name}"],
    )


def _only_media(at: Situation, images: int, answers: Answers) -> str:
    if not images:
        return answers.nothing_said(at)
    return "I am the offline assistant and can't look at images. A language model that takes images can; connect one under Providers."


def _views(func_tool: Any) -> list[ToolView]:
    return [
        ToolView(tool.name, str(tool.description or ""), tool.parameters or {})
        for tool in (func_tool or ())
        if getattr(tool, "active", True)
    ]


def _local_time(timezone: str) -> datetime:
    if timezone:
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        try:
            return datetime.now(ZoneInfo(timezone))
        except (ZoneInfoNotFoundError, ValueError):
            return datetime.now().astimezone()
    return datetime.now().astimezone()

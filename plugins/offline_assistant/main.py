"""The offline assistant: a chat model that is no model, for the first minute and for the day the network is gone."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from astrbot_like.api.kit.chat import chat_messages
from astrbot_like.api.provider import LLMResponse, Provider, register_provider_adapter
from astrbot_like.api.star import Star

if TYPE_CHECKING:
    from .assistant import Assistant

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

    Attributes:
        summarises: It can't put a conversation into fewer words; the host makes excerpts instead.
        uses_tokens: Its answers count towards no limit.
    """

    summarises = False
    uses_tokens = False

    def __init__(self, provider_config: dict[str, Any], provider_settings: dict[str, Any]) -> None:
        super().__init__(provider_config, provider_settings)
        self.set_model(MODEL)
        self._clock: Callable[[], datetime] = lambda: _local_time(str(provider_config.get("timezone") or ""))
        self._warming: asyncio.Task[Assistant] | None = None
        self._loading = asyncio.Lock()
        self._assistant: Assistant | None = None

    async def initialize(self) -> None:
        """Start to load the sentences in the background."""
        self._warming = asyncio.create_task(self._load(), name="offline-assistant-warm-up")

    async def terminate(self) -> None:
        """Stop a warm-up that is still under way."""
        if self._warming is not None:
            self._warming.cancel()
            await asyncio.gather(self._warming, return_exceptions=True)

    async def _load(self) -> Assistant:
        if self._assistant is None:
            async with self._loading:
                if self._assistant is None:
                    self._assistant = await asyncio.to_thread(self._make)
        return self._assistant

    def _make(self) -> Assistant:
        from .assistant import Assistant

        made = Assistant(self._clock)
        made.warm()
        return made

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
        tool_choice: str = "auto",
        request_max_retries: int | None = None,
        **kwargs: Any,
    ) -> LLMResponse:
        """The whole reply, or the tool calls the user's words ask for."""
        messages = chat_messages(
            prompt=prompt,
            contexts=contexts,
            tool_calls_result=tool_calls_result,
            extra_user_content_parts=extra_user_content_parts,
        )
        assistant = await self._load()
        return assistant.reply(messages, func_tool, images=len(image_urls or ()))

    async def text_chat_stream(self, *args: Any, **kwargs: Any) -> AsyncGenerator[LLMResponse, None]:
        """The same, word by word, ending with the whole."""
        whole = await self.text_chat(*args, **kwargs)
        if whole.role == "assistant":
            for piece in _CHUNK.findall(whole.completion_text):
                yield LLMResponse(role="assistant", completion_text=piece, is_chunk=True)
        yield whole

    async def test(self, timeout: float = 45.0) -> None:
        """Ask for the time."""
        async with asyncio.timeout(timeout):
            await self.text_chat(prompt="what time is it")


def _local_time(timezone: str) -> datetime:
    if timezone:
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        try:
            return datetime.now(ZoneInfo(timezone))
        except (ZoneInfoNotFoundError, ValueError):
            return datetime.now().astimezone()
    return datetime.now().astimezone()

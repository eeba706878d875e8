"""Calls of chat models within one run of the agent: the chain of providers, their streams, what fits, what it cost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from astrbot_like.domain.errors import BotError, LlmNotConfigured, ProviderError, TooLarge
from astrbot_like.domain.events import TokenUsage
from astrbot_like.engine.agent_progress import AgentOutput, AgentProgress
from astrbot_like.engine.history import without_thoughts
from astrbot_like.engine.providers import ProviderDirectory, ProviderEntry
from astrbot_like.engine.settings import TurnSettings
from astrbot_like.engine.window import ContextWindow, says_too_long, text_tokens
from astrbot_like.runtime.clock import Clock

if TYPE_CHECKING:
    from astrbot_like.api.provider import LLMResponse, ProviderRequest

OUT_OF_STEPS = "The limit of tool calls for this reply is reached. Answer now with what you know, without tools."


class ModelCalls:
    """Asks the models of a chain on behalf of one run.

    Args:
        chain: Providers in the order they are tried; one that fails is left out of the rest of the run.
        streaming: Whether answers are taken as they are made, where the provider can.
        progress: What the calls come to.
    """

    def __init__(
        self,
        directory: ProviderDirectory,
        window: ContextWindow,
        settings: TurnSettings,
        clock: Clock,
        request: ProviderRequest,
        chain: list[ProviderEntry],
        output: AgentOutput,
        progress: AgentProgress,
        *,
        streaming: bool,
    ) -> None:
        self._directory = directory
        self._window = window
        self._settings = settings
        self._clock = clock
        self._request = request
        self._chain = chain
        self._output = output
        self._progress = progress
        self._streaming = streaming

    async def answer(self, *, use_tools: bool) -> LLMResponse:
        """One answer from the first provider of the chain that gives one.

        Raises:
            BotError: None did, or one broke off after it had begun.
        """
        last_error: BotError | None = None
        self._progress.step_text = ""
        for entry in list(self._chain):
            try:
                response = await self._answer_of(entry, use_tools)
            except asyncio.CancelledError:
                self._account(entry, None)
                raise
            except TooLarge as error:  # of this model's window; the next one's may be larger
                last_error = last_error or error
                continue
            except Exception as error:
                coded = self._directory.failed(entry, error)
                if self._progress.step_text or (isinstance(coded, ProviderError) and not coded.retryable):
                    raise coded from error
                last_error = coded
                self._chain.remove(entry)
                continue
            self._directory.succeeded(entry)
            self._account(entry, response)
            return response
        raise last_error or LlmNotConfigured()

    async def _answer_of(self, entry: ProviderEntry, use_tools: bool) -> LLMResponse:
        """One provider's answer; an input that it calls too long is sent once more, shortened.

        Raises:
            ProviderError: It failed, or its answer is empty.
        """
        window = self._window
        self._progress.provider = entry
        kwargs = await self._call_arguments(entry, use_tools)
        try:
            response = await self._ask(entry, kwargs)
        except Exception as error:
            if self._progress.step_text or not says_too_long(error):
                raise
            window.refused(entry.id, self._progress.estimated)
            response = await self._ask(entry, await self._call_arguments(entry, use_tools))
        if not (response.tools_call_name or self._progress.step_text or response.completion_text or _chain(response)):
            raise ProviderError(_silence(entry, response), entry.id)
        return response

    async def _ask(self, entry: ProviderEntry, kwargs: dict[str, Any]) -> LLMResponse:
        """Call one provider, streaming when it can; the complete response."""
        settings, clock = self._settings, self._clock
        end = clock.monotonic() + settings.model_deadline
        # One deadline that is moved, for one that is within another costs twice.
        first = min(settings.first_token_deadline, settings.model_deadline)
        async with clock.timeout(first if self._streaming else settings.model_deadline) as deadline:
            if self._streaming:
                try:
                    return await self._ask_streaming(entry, kwargs, lambda: deadline.reschedule(end))
                except NotImplementedError:
                    deadline.reschedule(end)
            response: LLMResponse = await entry.instance.text_chat(**kwargs)
            _refuse_error_role(entry, response)
            await self._take(response.reasoning_content or "", response.completion_text or "")
            return response

    async def _ask_streaming(
        self, entry: ProviderEntry, kwargs: dict[str, Any], begun: Callable[[], None]
    ) -> LLMResponse:
        """Take an answer as it is made; the complete response.

        Args:
            begun: Called when the first piece is there.
        """
        stream: AsyncIterator[LLMResponse] = entry.instance.text_chat_stream(**kwargs)
        final: LLMResponse | None = None
        async with aclosing(stream):  # type: ignore[type-var]
            response = await anext(stream, None)
            begun()
            while response is not None:
                _refuse_error_role(entry, response)
                if response.is_chunk:
                    await self._take(response.reasoning_content or "", response.completion_text or "")
                else:
                    final = response
                response = await anext(stream, None)
        if final is None:
            raise ProviderError(f"{entry.id} broke off in the middle of its answer.", entry.id)
        if not self._progress.step_text and final.completion_text:
            await self._take("", final.completion_text)
        return final

    async def _take(self, reasoning: str, text: str) -> None:
        progress = self._progress
        if not reasoning and not text:
            return
        if progress.first_token is None:
            progress.first_token = self._clock.monotonic()
        if reasoning:
            progress.reasoning += reasoning
            await self._output.reasoning(reasoning)
        if text:
            if len(progress.text) + len(text) > self._settings.reply_chars:
                raise ProviderError("The reply grew over the limit and was cut off.", retryable=False)
            progress.step_text += text
            progress.text += text
            await self._output.text(text)

    async def _call_arguments(self, entry: ProviderEntry, use_tools: bool) -> dict[str, Any]:
        """Keyword arguments of ``text_chat``: the plain form at first, whole contexts once tools have answered.

        Raises:
            TooLarge: What must be sent does not fit into the model's window.
        """
        request, window = self._request, self._window
        arguments: dict[str, Any] = {
            "session_id": request.session_id or None,
            "func_tool": request.func_tool if use_tools and request.func_tool else None,
            "system_prompt": request.system_prompt or "",
            "model": request.model,
        }
        beside = window.beside(arguments["system_prompt"], arguments["func_tool"])
        # What a provider thought is for that provider: another one would refuse it.
        added = [
            message if self._progress.authors.get(place, entry) is entry else without_thoughts(message)
            for place, message in enumerate(self._progress.messages)
        ]
        tail = [] if use_tools else [{"role": "user", "content": OUT_OF_STEPS}]
        whole = [await request.assemble_context(), *added, *tail]
        room = window.limit_of(entry) - beside
        fixed, taken = window.squeeze(whole, room)
        contexts, context_tokens = window.fit(request.contexts or [], room - taken)
        self._progress.estimated = beside + taken + context_tokens
        if added or fixed != whole:
            return {**arguments, "prompt": None, "contexts": [*contexts, *fixed]}
        return {
            **arguments,
            "prompt": request.prompt or "",
            "image_urls": list(request.image_urls or []),
            "audio_urls": list(request.audio_urls or []),
            "extra_user_content_parts": list(request.extra_user_content_parts or []),
            "contexts": contexts,
        }

    def _account(self, entry: ProviderEntry, response: LLMResponse | None) -> None:
        """Count a call's tokens: as the provider reports them, else, and for a call that was cut short, as we do.

        Args:
            response: None when the call was cut short.
        """
        used = response.usage if response is not None else None
        total = self._progress.usage
        if used is not None:
            cached = int(getattr(used, "input_cached", 0) or 0)
            given = int(getattr(used, "input_other", 0) or 0) + cached
            made = int(getattr(used, "output", 0) or 0)
            self._window.learn(entry.id, self._progress.estimated, given)
        elif getattr(entry.instance, "uses_tokens", True):
            cached, given = 0, self._progress.estimated
            made = text_tokens(self._progress.step_text) if self._progress.step_text else 0
        else:
            cached = given = made = 0
        self._progress.usage = TokenUsage(total.input + given, total.output + made, total.cached + cached)
        self._progress.model = self._request.model or entry.model


def _chain(response: LLMResponse) -> list[Any]:
    return list(response.result_chain.chain) if response.result_chain is not None else []


def _silence(entry: ProviderEntry, response: LLMResponse) -> str:
    """Why there is nothing to say."""
    if response.reasoning_content:
        return (
            f"{entry.id} thought and gave no answer. Let it answer at greater length (max_tokens), think less, "
            "or choose another model."
        )
    return f"{entry.id} gave an empty reply. Try again, or choose another model."


def _refuse_error_role(entry: ProviderEntry, response: LLMResponse) -> None:
    if response.role == "err":
        raise ProviderError(f"{entry.id}: {response.completion_text or 'the model refused'}", entry.id)

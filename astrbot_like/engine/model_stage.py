"""The model's part of a turn: from a request to an answer that was sent, with its hooks in order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from astrbot_like.domain.errors import BotError, LlmNotConfigured, RateLimited
from astrbot_like.domain.events import AgentStats, MetricsReported, ToolCallFinished, ToolCallStarted
from astrbot_like.engine.agent import Agent
from astrbot_like.engine.agent_progress import AgentProgress
from astrbot_like.engine.chains import component_kind
from astrbot_like.engine.context import Profiles, Turn
from astrbot_like.engine.handlers import EventHandlers
from astrbot_like.engine.history import storable_user_message
from astrbot_like.engine.output import TurnOutput
from astrbot_like.engine.providers import CHAT, ProviderDirectory, ProviderEntry
from astrbot_like.engine.requests import BuiltRequest, RequestBuilder
from astrbot_like.engine.session_locks import Place, SessionLocks
from astrbot_like.engine.timings import TurnTimings
from astrbot_like.runtime.clock import Clock

if TYPE_CHECKING:
    from astrbot_like.api.event import AstrMessageEvent, MessageEventResult
    from astrbot_like.api.provider import LLMResponse, ProviderRequest


class UsageLimits(Protocol):
    """Limits of what may be used."""

    async def allow(self, turn: Turn) -> None:
        """Raise ``RateLimited`` for a turn whose user, key or session has used up its tokens."""
        ...

    async def allow_provider(self, provider_id: str) -> None:
        """Raise ``RateLimited`` for a provider whose tokens are used up."""
        ...


class ModelRun(msgspec.Struct):
    """One run of the model within a turn, for the history.

    Attributes:
        user: The user's message as the model got it, media named.
        progress: What came of it; partial when it was cut off.
        answer: The final text, None when the run did not get there.
        stored: The run reads and continues the session's conversation.
    """

    user: dict[str, Any]
    progress: AgentProgress
    stored: bool
    answer: str | None = None


class ModelStage:
    """Runs the model for a turn."""

    def __init__(
        self,
        agent: Agent,
        requests: RequestBuilder,
        directory: ProviderDirectory,
        profiles: Profiles,
        handlers: EventHandlers,
        clock: Clock,
        limits: UsageLimits,
    ) -> None:
        self._agent = agent
        self._requests = requests
        self._directory = directory
        self._profiles = profiles
        self._handlers = handlers
        self._clock = clock
        self._limits = limits
        self._locks = SessionLocks()

    async def run(
        self,
        turn: Turn,
        event: AstrMessageEvent,
        request: ProviderRequest | None,
        deliver: Callable[[], Awaitable[None]],
    ) -> None:
        """Answer the message, or a plugin's ``request``, and send the answer.

        Args:
            deliver: Decorates and sends the event's result (the pipeline's).

        Raises:
            BotError: No provider is configured, none could answer, or a limit of use is reached.
        """
        # The place in line is taken first: hooks of one message may take longer than those of the next one. The answer
        # to the message itself keeps it until it is stored, so that the next message's model sees it; a plugin's
        # request does not, for its handler may go on to wait for that next message.
        place = self._locks.line_up(turn.session.umo)
        if request is None:
            turn.place = place
            await self._in_line(turn, event, None, deliver, place)
        else:
            with place:
                await self._in_line(turn, event, request, deliver, place)

    async def _in_line(
        self,
        turn: Turn,
        event: AstrMessageEvent,
        request: ProviderRequest | None,
        deliver: Callable[[], Awaitable[None]],
        place: Place,
    ) -> None:
        await turn.store_user()
        await self._limits.allow(turn)
        if await self._handlers.hook("waiting_llm_request", event):
            await deliver()
            return
        await place.reached()
        await self._locked(turn, event, request, deliver)

    async def _locked(
        self,
        turn: Turn,
        event: AstrMessageEvent,
        given: ProviderRequest | None,
        deliver: Callable[[], Awaitable[None]],
    ) -> None:
        ids = self._profiles.chain_ids(turn.profile, CHAT, turn.session.umo)
        chain = self._directory.chain(CHAT, ids, first=turn.options.llm_provider)
        if not chain:
            raise LlmNotConfigured
        chain = await self._within_limits(chain)
        built = await self._prepare(turn, event, given, chain[0])
        request = built.request
        if await self._handlers.hook("llm_request", event, request):
            # What the hook set before it stopped the event is its answer in place of the model's.
            await deliver()
            return
        # A decorating hook may change the whole reply, so with one present nothing of it goes out before that.
        held = turn.input is None or self._handlers.has_hook("decorating_result")
        progress = AgentProgress(self._clock.monotonic())
        run = ModelRun(
            storable_user_message(await request.assemble_context()),
            progress,
            stored=request.conversation is not None,
        )
        turn.runs.append(run)
        output = ModelOutput(turn.output, turn.timings, event, held=held)
        started = self._clock.time()
        await self._agent.run(
            event, request, chain, output, streaming=turn.options.streaming and not held, progress=progress
        )
        await turn.output.speak_out()
        response = progress.response
        assert response is not None
        run.answer = response.completion_text or ""
        await self._report(turn, progress, started)
        await self._send_answer(turn, event, response, output, deliver)

    async def _within_limits(self, chain: list[ProviderEntry]) -> list[ProviderEntry]:
        """The providers that have tokens left.

        Raises:
            RateLimited: None has.
        """
        left: list[ProviderEntry] = []
        refusal: RateLimited | None = None
        for entry in chain:
            try:
                await self._limits.allow_provider(entry.id)
            except RateLimited as error:
                refusal = refusal or error
            else:
                left.append(entry)
        if not left and refusal is not None:
            raise refusal
        return left

    async def _prepare(
        self, turn: Turn, event: AstrMessageEvent, given: ProviderRequest | None, entry: ProviderEntry
    ) -> BuiltRequest:
        if given is None:
            built = await self._requests.build(turn, event, entry)
            for problem in built.problems:
                await turn.output.fail(_FileProblem(problem), fatal=False)
            return built
        if given.conversation is not None and not given.contexts:
            conversation = await self._requests.conversation_of(given.conversation)
            given.contexts = await self._requests.contexts(conversation)
        given.model = given.model or turn.options.model
        return BuiltRequest(given, [])

    async def _send_answer(
        self,
        turn: Turn,
        event: AstrMessageEvent,
        response: LLMResponse,
        output: ModelOutput,
        deliver: Callable[[], Awaitable[None]],
    ) -> None:
        from astrbot_like.api.event import MessageChain, ResultContentType

        result = _as_result(response)
        if output.held:
            result.set_result_content_type(ResultContentType.LLM_RESULT)
            event.set_result(result)
            await deliver()
            return
        text = response.completion_text or ""
        if turn.options.streaming:
            await turn.output.close_stream(text if text != output.sent else None)
        else:
            await turn.output.close_stream()
        event._has_send_oper = True
        media = [c for c in result.chain if component_kind(c) != "Plain"]
        if media:
            await event.send(MessageChain(media))
        result.set_result_content_type(ResultContentType.STREAMING_FINISH)
        event.set_result(result)
        await self._handlers.hook("after_message_sent", event)
        event.clear_result()

    async def _report(self, turn: Turn, progress: AgentProgress, started: float) -> None:
        first = (progress.first_token or progress.ended) - progress.started
        entry = progress.provider
        provider = entry.id if entry else ""
        spent = progress.ended - progress.started
        await turn.output.sink.send(
            MetricsReported(
                {"llm_total_time": spent, "chat_model": progress.model or provider, "llm_provider": provider}
            )
        )
        await turn.output.sink.send(
            AgentStats(
                time_to_first_token=first,
                start_time=started,
                end_time=started + spent,
                usage=progress.usage,
                provider_id=provider,
                model=progress.model,
            )
        )


class ModelOutput:
    """The agent's output within a turn: reports the first token, and holds text back when it has to be decorated."""

    def __init__(self, output: TurnOutput, timings: TurnTimings, event: AstrMessageEvent, *, held: bool) -> None:
        self._output = output
        self._event = event
        self._timings = timings
        self._first = True
        self.held = held
        self.sent = ""
        self._started = timings.now()

    async def text(self, delta: str) -> None:
        """A raw piece of the answer."""
        first, self._first = self._first, False
        if not self.held:
            self.sent += delta
            await self._output.text(delta)
        if first:
            await self._output.sink.send(MetricsReported({"llm_ttft": self._timings.now() - self._started}))

    async def reasoning(self, delta: str) -> None:
        """A piece of the model's reasoning."""
        await self._output.reasoning(delta)

    async def tool_started(self, event: ToolCallStarted) -> None:
        """A tool call begins."""
        await self._output.tool_started(event)

    async def tool_finished(self, event: ToolCallFinished) -> None:
        """A tool call ended."""
        await self._output.tool_finished(event)

    async def message(self, result: MessageEventResult) -> None:
        """A tool sends something to the user itself."""
        # Through the event: platforms other than the web chat have no output but that.
        await self._event.send(result.derive(result.chain))


class _FileProblem(BotError):
    """A file of the message could not be given to the model."""

    code = "PROCESSING_ERROR"


def _as_result(response: LLMResponse) -> MessageEventResult:
    from astrbot_like.api.event import MessageEventResult

    chain = response.result_chain
    if chain is not None and chain.chain:
        return MessageEventResult(chain=list(chain.chain))
    return MessageEventResult().message(response.completion_text or "")

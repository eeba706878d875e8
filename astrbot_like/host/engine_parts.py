"""The engine, put together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from astrbot_like.domain.events import Outcome
from astrbot_like.domain.statistics import TurnRecord
from astrbot_like.engine.agent import Agent
from astrbot_like.engine.compression import Compressor
from astrbot_like.engine.context import Turn
from astrbot_like.engine.dispatch import EventDispatcher
from astrbot_like.engine.documents import DocumentReader
from astrbot_like.engine.listening import Voices
from astrbot_like.engine.live_sessions import LiveSessionFactory
from astrbot_like.engine.model_stage import ModelStage
from astrbot_like.engine.pipeline import Pipeline
from astrbot_like.engine.requests import RequestBuilder
from astrbot_like.engine.settings import EngineSettings
from astrbot_like.engine.startup import Startup
from astrbot_like.engine.turn import TurnEngine
from astrbot_like.engine.window import ContextWindow
from astrbot_like.host.plugin_parts import PluginParts
from astrbot_like.host.profiles import ProfileBook
from astrbot_like.host.stores import Stores
from astrbot_like.operations.statistics import Statistics
from astrbot_like.platforms.manager import PlatformInstances
from astrbot_like.platforms.webchat.adapter import WebchatAdapter
from astrbot_like.platforms.webchat.memory import MemoryQueues
from astrbot_like.runtime.clock import Clock
from astrbot_like.runtime.tasks import Supervisor


class TurnFigures:
    """Implements the engine's ``TurnLog`` and ``UsageLimits`` over the statistics."""

    def __init__(self, statistics: Statistics, clock: Clock) -> None:
        self._statistics = statistics
        self._clock = clock

    async def allow(self, turn: Turn) -> None:
        """Refuse a turn whose user, key or session has used up its tokens.

        Raises:
            RateLimited: It has.
        """
        session = turn.session
        await self._statistics.check(
            username=session.creator, credential=turn.credential, session_id=session.session_id
        )

    async def allow_provider(self, provider_id: str) -> None:
        """Refuse a provider whose tokens are used up.

        Raises:
            RateLimited: They are.
        """
        await self._statistics.check_provider(provider_id)

    def record(self, turn: Turn, outcome: Outcome, error_code: str) -> None:
        """A turn has ended."""
        runs = turn.runs
        last = runs[-1].progress if runs else None
        timings = turn.timings
        request = turn.input.request if turn.input is not None else None
        self._statistics.record(
            TurnRecord(
                turn_id=turn.id,
                session_id=turn.session.session_id,
                username=turn.session.creator,
                at=self._clock.time(),
                credential=turn.credential,
                platform_id=turn.session.platform_id,
                origin=request.origin if request is not None else "platform",
                outcome=outcome,
                error_code=error_code,
                provider_id=last.provider.id if last is not None and last.provider is not None else "",
                model=last.model if last is not None else "",
                input_tokens=sum(run.progress.usage.input for run in runs),
                output_tokens=sum(run.progress.usage.output for run in runs),
                cached_tokens=sum(run.progress.usage.cached for run in runs),
                stt_time=timings.stt_time,
                llm_ttft=last.first_token - last.started if last is not None and last.first_token is not None else None,
                llm_total_time=last.ended - last.started if last is not None else None,
                tts_first_frame_time=timings.first_audio - timings.tts_started
                if timings.first_audio is not None and timings.tts_started is not None
                else None,
                speak_to_first_frame=timings.first_audio - timings.started_at
                if timings.first_audio is not None
                else None,
                total_time=timings.since_start(),
            )
        )


@dataclass(frozen=True, kw_only=True)
class EngineParts:
    """What the host keeps of the engine."""

    turns: TurnEngine
    dispatcher: EventDispatcher
    live_sessions: LiveSessionFactory
    platforms: PlatformInstances
    webchat: WebchatAdapter
    queues: MemoryQueues

    def stop_admitting(self) -> None:
        """Take no more turns and no more live sessions."""
        self.live_sessions.stop_admitting()
        self.queues.close()


def build_engine(
    settings: EngineSettings,
    *,
    stores: Stores,
    book: ProfileBook,
    plugins: PluginParts,
    queues: MemoryQueues,
    dispatcher: EventDispatcher,
    startup: Startup,
    clock: Clock,
    supervisor: Supervisor,
    temp_dir: Path,
) -> EngineParts:
    """Put the engine together.

    Args:
        startup: Ended by the caller when plugins and providers are loaded; turns wait for it.
    """
    handlers = tools = plugins.host.dispatch
    voices = Voices(plugins.directory, book, settings.voice, startup, clock, temp_dir)
    window = ContextWindow(settings.turn.context_tokens)
    agent = Agent(
        plugins.directory,
        handlers,
        tools,
        window,
        settings.turn,
        clock,
        plugins.host.context,
    )
    plugins.agent.use(agent, plugins.directory, settings.turn, clock)
    requests = RequestBuilder(stores.history, book, tools, DocumentReader(settings.documents), voices)
    figures = TurnFigures(stores.statistics, clock)
    model = ModelStage(agent, requests, plugins.directory, book, handlers, clock, figures)
    turns = TurnEngine(
        sessions=stores.sessions,
        history=stores.history,
        attachments=stores.attachments,
        profiles=book,
        pipeline=Pipeline(handlers, model, plugins.pictures, voices, clock),
        speakers=voices,
        turn_log=figures,
        compressor=Compressor(stores.history, plugins.directory, book, window, settings.turn, clock, supervisor),
        startup=startup,
        settings=settings,
        clock=clock,
    )
    return EngineParts(
        turns=turns,
        dispatcher=dispatcher,
        live_sessions=LiveSessionFactory(
            gateway=queues, sessions=stores.sessions, voices=voices, settings=settings, clock=clock
        ),
        platforms=plugins.platforms,
        webchat=WebchatAdapter(queues, dispatcher.queue, stores.sessions, stores.history, stores.attachments),
        queues=queues,
    )

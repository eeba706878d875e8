"""A turn from its first line to its last.

``TurnEngine.run`` is the one function that every message passes, whichever front end or platform it came from: store
the user's message, run the pipeline with speech beside it, store what the bot said, tell that the turn has ended. It
always ends the turn, exactly once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Any, Protocol

from astrbot_like.domain.errors import BotError, InternalError, LlmNotConfigured, TurnTimeout
from astrbot_like.domain.events import (
    BotMessageSaved,
    MetricsReported,
    Outcome,
    TurnEnded,
    TurnEvent,
    TurnFailed,
    UserMessageSaved,
)
from astrbot_like.domain.history import NewMessage, Session, StoredMessage
from astrbot_like.domain.messages import MessagePart, PlainPart, display_text
from astrbot_like.domain.ports import Attachments, History, Sessions
from astrbot_like.domain.turns import TurnOptions
from astrbot_like.engine.chains import split_chain
from astrbot_like.engine.compression import Compressor
from astrbot_like.engine.context import Profiles, Turn, TurnInput
from astrbot_like.engine.filler import Filler
from astrbot_like.engine.history import exchange_context
from astrbot_like.engine.live_agent import LiveReply, Speaker
from astrbot_like.engine.output import TurnOutput, tool_meta
from astrbot_like.engine.pipeline import Pipeline
from astrbot_like.engine.playback import HeardTracker
from astrbot_like.engine.settings import EngineSettings
from astrbot_like.engine.sink import Interruption, TurnSink
from astrbot_like.engine.startup import Startup
from astrbot_like.engine.timings import TurnTimings
from astrbot_like.runtime.clock import Clock, iso_millis
from astrbot_like.runtime.ids import new_id
from astrbot_like.runtime.logging import add_log_context
from astrbot_like.runtime.tasks import cancel_and_wait, start_now

if TYPE_CHECKING:
    from astrbot_like.api.event import AstrMessageEvent

log = logging.getLogger(__name__)

_HOLD_MARGIN = 1.0
"""Seconds beyond the longest pause of the playback that a turn waits for its release."""


class Speakers(Protocol):
    """Makes the speaker of a turn."""

    def for_turn(self, turn: Turn) -> Callable[[], Speaker] | None:
        """Builds the speaker when there is something to say; None when no speech provider is configured."""
        ...


class TurnLog(Protocol):
    """Keeps the figures of turns for statistics and accounting; never blocks, never fails a turn."""

    def record(self, turn: Turn, outcome: Outcome, error_code: str) -> None:
        """A turn has ended."""
        ...


class NoSink:
    """The sink of messages from platforms that are answered through ``event.send``."""

    interruption: Interruption | None = None

    def on_interrupt(self, callback: Callable[[Interruption], None]) -> None:
        """Nobody interrupts it."""

    async def released(self) -> None:
        """Nobody holds it."""

    async def send(self, event: TurnEvent) -> None:
        """Nobody listens."""

    def finish(self) -> None:
        """Nothing to end."""


class TurnEngine:
    """Runs turns."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        history: History,
        attachments: Attachments,
        profiles: Profiles,
        pipeline: Pipeline,
        speakers: Speakers,
        turn_log: TurnLog,
        compressor: Compressor,
        startup: Startup,
        settings: EngineSettings,
        clock: Clock,
    ) -> None:
        self._sessions = sessions
        self._history = history
        self._attachments = attachments
        self._profiles = profiles
        self._pipeline = pipeline
        self._speakers = speakers
        self._turn_log = turn_log
        self._compressor = compressor
        self._startup = startup
        self._settings = settings
        self._clock = clock

    async def run(self, event: AstrMessageEvent) -> None:
        """Run the whole turn of a message event. Raises nothing but ``CancelledError``, and that after storing."""
        turn_input: TurnInput | None = getattr(event, "turn_input", None)
        sink: TurnSink = turn_input.sink if turn_input is not None else NoSink()
        turn_id = turn_input.request.turn_id if turn_input is not None else new_id()
        # The task is the turn's own, so what is set in its context is gone with it.
        add_log_context(turn_id=turn_id)
        try:
            await self._startup.wait_for_turn(sink)
            turn = await self._open(event, turn_id, turn_input, sink)
        except BotError as error:
            await self._refuse(sink, error)
            return
        except Exception:
            log.exception("turn could not be opened")
            await self._refuse(sink, InternalError())
            return
        self._choose_language(turn, event)
        try:
            await self._run(turn, event, sink)
        finally:
            if turn.place is not None:
                turn.place.leave()
            sink.finish()
            await asyncio.to_thread(event.cleanup_temporary_local_files) if event._temporary_local_files else None

    # --- opening ----------------------------------------------------------------------------------

    async def _open(self, event: AstrMessageEvent, turn_id: str, turn_input: TurnInput | None, sink: TurnSink) -> Turn:
        session = await self._session(event, turn_input)
        options = turn_input.request.options if turn_input is not None else TurnOptions(streaming=False)
        profile = self._profiles.profile(options.profile_id or session.profile_id, session.umo)
        self._profiles.seen(session.umo, profile.id)
        started_at = turn_input.request.started_at if turn_input is not None else self._clock.monotonic()
        turn = Turn(
            turn_id=turn_id,
            message_id=turn_input.request.message_id if turn_input is not None else turn_id,
            session=session,
            profile=profile,
            host_config=self._profiles.host_config(profile.id),
            options=options,
            timings=TurnTimings(
                self._clock, started_at, turn_input.request.stt_time if turn_input is not None else None
            ),
            heard=HeardTracker(),
            turn_input=turn_input,
        )
        live = filler = None
        if options.speak and (make_speaker := self._speakers.for_turn(turn)) is not None:
            live = LiveReply(sink, make_speaker, turn.timings, turn.heard, self._settings.voice)
            filler = turn.filler = Filler(live, self._settings.turn.filler_after, options.language)
        turn.output = TurnOutput(
            sink,
            self._attachments,
            live=live,
            streaming=options.streaming,
            show_reasoning=options.show_reasoning,
            on_tool=filler.tool if filler is not None else None,
        )
        turn.store_user = lambda: self._store_user(turn, event)
        if turn_input is not None:
            event.turn_output = turn.output  # type: ignore[attr-defined]
        return turn

    def _choose_language(self, turn: Turn, event: AstrMessageEvent) -> None:
        """Texts of the house are in what was chosen in the chat, else by the client (for its speech, else for its
        screen), else in the profile (for its texts, else for its speech)."""
        from astrbot_like.api.texts import LANGUAGE_KEY, language, language_of

        user = f"{event.get_platform_id()}:{event.get_sender_id()}"
        tag = self._profiles.chosen_language(event.unified_msg_origin, user)
        profile = turn.host_config.get(LANGUAGE_KEY) or turn.profile.voice.get("language")
        chosen = tag or turn.options.language or turn.options.locale or str(profile or "")
        language.set(language_of(chosen) or language.get())

    async def _session(self, event: AstrMessageEvent, turn_input: TurnInput | None) -> Session:
        if turn_input is not None:
            return await self._sessions.open(turn_input.request.session_id, username=turn_input.request.username)
        umo = event.unified_msg_origin
        return await self._sessions.open(
            umo,
            username=event.get_sender_id() or umo,
            platform_id=event.get_platform_id(),
            umo=umo,
            is_group=not event.is_private_chat(),
        )

    async def _refuse(self, sink: TurnSink, error: BotError) -> None:
        await sink.send(TurnFailed(error.code, error.message))
        await sink.send(TurnEnded("failed"))
        sink.finish()

    # --- running ----------------------------------------------------------------------------------

    async def _run(self, turn: Turn, event: AstrMessageEvent, sink: TurnSink) -> None:
        body = start_now(self._body(turn, event), name=f"turn {turn.id[:8]}")

        def stop(_interruption: Interruption) -> None:
            turn.interrupted_at = turn.timings.now()
            body.cancel()

        sink.on_interrupt(stop)
        stopping = False
        try:
            await asyncio.wait({body}, timeout=self._settings.turn.turn_deadline)
        except asyncio.CancelledError:
            stopping = True
        timed_out = not body.done() and not stopping
        if not body.done():
            await cancel_and_wait(body)
        if turn.filler is not None:
            turn.filler.stop()
        outcome, error = self._outcome(turn, body, timed_out)
        if error is not None:
            await self._tell_failure(turn, event, error)
        await self._store_reply(turn, outcome)
        await sink.send(TurnEnded(outcome))
        if metrics := turn.timings.closing_metrics():
            await sink.send(MetricsReported(metrics))
        self._turn_log.record(turn, outcome, error.code if error is not None else "")
        if stopping:
            raise asyncio.CancelledError
        self._compressor.after(turn)

    async def _body(self, turn: Turn, event: AstrMessageEvent) -> None:
        if turn.input is not None:
            await turn.store_user()
        if turn.output.live is None and turn.options.speak and not turn.profile.tts:
            log.info("no speech provider, the reply stays text")
        async with turn.output.live or nullcontext():
            await self._pipeline.run(turn, event)
            await turn.output.close_stream()
        # Whether this turn was interrupted in its last words is still being judged.
        with suppress(TimeoutError):
            async with self._clock.timeout(self._settings.voice.resume_after + _HOLD_MARGIN):
                await turn.output.sink.released()

    def _outcome(self, turn: Turn, body: asyncio.Task[None], timed_out: bool) -> tuple[Outcome, BotError | None]:
        if timed_out:
            return "failed", TurnTimeout()
        if body.cancelled():
            return "interrupted", None
        failure = body.exception()
        if failure is None:
            return "completed", None
        if turn.output.sink.interruption is not None:
            return "interrupted", None
        while isinstance(failure, BaseExceptionGroup):
            failure = failure.exceptions[0]
        if isinstance(failure, BotError):
            return "failed", failure
        log.error("turn failed", exc_info=failure)
        return "failed", InternalError()

    async def _tell_failure(self, turn: Turn, event: AstrMessageEvent, error: BotError) -> None:
        if turn.input is not None:
            await turn.output.fail(error)
            return
        from astrbot_like.api.event import MessageChain
        from astrbot_like.api.texts import text

        persona = self._profiles.persona(turn.profile.persona_id)
        words = (persona.custom_error_message if persona else None) or (
            text("llm.no_provider") if isinstance(error, LlmNotConfigured) else text("llm.failed", error=error.message)
        )
        try:
            async with self._clock.timeout(self._settings.turn.tool_deadline):
                await event.send(MessageChain().message(words))
        except Exception as failure:  # noqa: BLE001 - the platform itself is failing: nothing more can be told
            log.warning("failure could not be told", extra={"error": type(failure).__name__})

    # --- history ----------------------------------------------------------------------------------

    async def _store_user(self, turn: Turn, event: AstrMessageEvent) -> None:
        if turn.user_message_id:
            return
        if turn.input is not None:
            parts, shown = turn.input.request.parts, turn.input.request.text
        else:
            parts = await _parts_of(event, self._attachments)
            shown = display_text(parts)
        stored = await self._history.append(
            NewMessage(
                session_id=turn.session.session_id,
                conversation_id=turn.session.conversation_id,
                turn_id=turn.id,
                message_id=turn.message_id,
                role="user",
                parts=parts,
                context=(),
                text=shown,
                meta={"sender": event.get_sender_name()} if turn.session.is_group else {},
            )
        )
        turn.user_message_id = stored.id
        await turn.output.sink.send(
            UserMessageSaved(stored.id, stored.created_at, shown, iso_millis(stored.created_at), parts)
        )

    async def _store_reply(self, turn: Turn, outcome: Outcome) -> None:
        """Store what was said; of an interrupted reply what was heard."""
        reply = self._reply(turn, interrupted=outcome == "interrupted")
        if reply is None:
            return
        try:
            stored: StoredMessage = await self._history.append(reply)
        except BotError as error:
            log.error("reply could not be stored", extra={"error": error.message})
            await turn.output.fail(error)
            return
        if stored.parts:
            await turn.output.sink.send(
                BotMessageSaved(
                    stored.id,
                    stored.created_at,
                    stored.text,
                    iso_millis(stored.created_at),
                    stored.parts,
                    stored.interrupted,
                )
            )

    def _reply(self, turn: Turn, *, interrupted: bool) -> NewMessage | None:
        record = turn.output.record
        full_text = record.full_text
        record.close_text()
        parts: tuple[MessagePart, ...] = tuple(record.parts)
        heard = full_text
        if interrupted and turn.output.live is not None:
            heard = self._heard(turn)
            media = tuple(part for part in parts if not isinstance(part, PlainPart))
            parts = (PlainPart(heard), *media) if heard else media
        context = self._context(turn, heard, interrupted=interrupted)
        if not parts and not context and not (interrupted and full_text):
            return None
        meta: dict[str, Any] = {}
        if record.tools:
            meta["tools"] = tool_meta(record)
        if record.reasoning:
            meta["reasoning"] = record.reasoning
        if turn.runs:
            meta["stats"] = run_figures(turn)
        return NewMessage(
            session_id=turn.session.session_id,
            conversation_id=turn.session.conversation_id,
            turn_id=turn.id,
            message_id=turn.message_id,
            role="bot" if parts or interrupted else "context",
            parts=parts,
            context=context,
            text=display_text(parts),
            interrupted=interrupted,
            full_text=full_text if interrupted else "",
            meta=meta,
        )

    def _heard(self, turn: Turn) -> str:
        """The words spoken up to the playback position at the moment of the interruption."""
        asked = turn.output.sink.interruption
        at = turn.interrupted_at if turn.interrupted_at is not None else turn.timings.now()
        if asked is not None and asked.heard_ms is not None:
            turn.heard.playback(asked.heard_ms, at)
        return turn.heard.heard_text(at)

    def _context(self, turn: Turn, heard: str, *, interrupted: bool) -> tuple[dict[str, Any], ...]:
        messages: list[dict[str, Any]] = []
        for run in turn.runs:
            if not run.stored:
                continue
            answer, cut = run.answer, run.answer is None
            if interrupted and turn.output.live is not None:
                # The model may have been done long before: what counts is how far the speech had come.
                answer, cut = heard, True
            elif answer is None:
                answer = run.progress.text
            messages += exchange_context(run.user, run.progress.messages, answer, interrupted=interrupted and cut)
        return tuple(messages)


def run_figures(turn: Turn) -> dict[str, Any]:
    """Tokens and times of a reply, as they are stored beside it and shown in the web UI."""
    last = turn.runs[-1].progress
    return {
        "provider": last.provider.id if last.provider is not None else "",
        "model": last.model,
        "input_tokens": sum(run.progress.usage.input for run in turn.runs),
        "output_tokens": sum(run.progress.usage.output for run in turn.runs),
        "time_to_first_token": round(last.first_token - last.started, 4) if last.first_token is not None else None,
        "total_time": round(last.ended - last.started, 4),
    }


async def _parts_of(event: AstrMessageEvent, attachments: Attachments) -> tuple[MessagePart, ...]:
    """A platform message as parts; media that can't be had are left to the model's own note of it."""
    from astrbot_like.api.event import MessageChain

    try:
        parts = await split_chain(MessageChain(list(event.get_messages())), attachments)
    except BotError:
        parts = []
    return tuple(parts) or (PlainPart(event.message_str),)

"""Settings of turns and live sessions. All times are seconds."""

from __future__ import annotations

from typing import Annotated

import msgspec

from astrbot_like.engine.documents import DocumentSettings
from astrbot_like.engine.voice_settings import VoiceSettings


def _about(description: str) -> msgspec.Meta:
    return msgspec.Meta(description=description)


class TurnSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Deadlines and budgets of one turn."""

    turn_deadline: Annotated[float, _about("Longest time a whole turn may take, from message to last event.")] = 600.0
    first_token_deadline: Annotated[float, _about("Longest wait for a model's first output.")] = 30.0
    model_deadline: Annotated[float, _about("Longest time one model call may take.")] = 300.0
    tool_deadline: Annotated[float, _about("Longest time one tool call may take.")] = 120.0
    max_steps: Annotated[int, _about("Model calls within one turn (each tool round is one).")] = 30
    max_wrong_calls: Annotated[
        int,
        _about("Times in a row that a model may mend calls which no tool can take, before it must answer without."),
    ] = 3
    max_parallel_tools: Annotated[int, _about("Tool calls of one step that run side by side.")] = 8
    tool_result_chars: Annotated[int, _about("Characters of a tool's result that the model is given.")] = 24_000
    reply_chars: Annotated[int, _about("Characters of one reply; a longer one is cut off with a note.")] = 400_000
    filler_after: Annotated[
        float, _about("Seconds a tool may be silent in a voice turn before a short filler is spoken; 0 turns it off.")
    ] = 4.0
    context_tokens: Annotated[
        int, _about("Model window to assume where neither the provider nor the model says (tokens).")
    ] = 32_000
    context_keep: Annotated[float, _about("Share of the window the conversation may fill before it is compressed.")] = (
        0.7
    )
    breaker_failures: Annotated[int, _about("Failures in a row after which a provider is left out for a while.")] = 3
    breaker_seconds: Annotated[float, _about("How long a failing provider is left out.")] = 30.0
    handler_concurrency: Annotated[int, _about("Message events of all sessions processed side by side.")] = 2000


class LiveSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of live connections."""

    max_live_sessions: Annotated[
        int, _about("Live connections one process admits; 0: from a short calibration at the start.")
    ] = 0


class EngineSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The engine's part of the settings."""

    turn: TurnSettings = TurnSettings()
    live: LiveSettings = LiveSettings()
    voice: VoiceSettings = VoiceSettings()
    documents: DocumentSettings = DocumentSettings()

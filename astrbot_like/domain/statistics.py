"""Figures of turns, as they are kept and shown."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

LimitKind: TypeAlias = Literal["user", "key", "session", "provider"]
LimitPeriod: TypeAlias = Literal["day", "month"]

STAGES: tuple[str, ...] = (
    "stt_time",
    "llm_ttft",
    "llm_total_time",
    "tts_first_frame_time",
    "speak_to_first_frame",
    "total_time",
)
"""Stages of a turn whose times are kept, by the names of the live protocol's metrics."""


class TurnRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One turn that has ended. Times are in seconds; None: the turn had no such stage.

    Attributes:
        credential: Id of the API key that asked; empty for a signed-in user.
        origin: The front end (``Origin`` of ``domain.turns``).
        outcome: ``completed``, ``failed`` or ``interrupted``.
        error_code: Of a failed turn.
        provider_id: The chat model's provider that answered.
        cached_tokens: The part of ``input_tokens`` served from a cache.
        at: Seconds since the epoch at its end.
    """

    turn_id: str
    session_id: str
    username: str
    at: float
    credential: str = ""
    platform_id: str = "webchat"
    origin: str = "live"
    outcome: str = "completed"
    error_code: str = ""
    provider_id: str = ""
    model: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    stt_time: float | None = None
    llm_ttft: float | None = None
    llm_total_time: float | None = None
    tts_first_frame_time: float | None = None
    speak_to_first_frame: float | None = None
    total_time: float | None = None


class StageTimes(msgspec.Struct, frozen=True):
    """Seconds of one stage over a number of turns."""

    stage: str
    count: int
    p50: float
    p95: float
    p99: float
    max: float


class Totals(msgspec.Struct, frozen=True):
    """Sums over turns."""

    turns: int = 0
    failed: int = 0
    interrupted: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0


class Bucket(msgspec.Struct, frozen=True):
    """Figures of a span of time that begins at ``at`` (seconds since the epoch)."""

    at: float
    totals: Totals
    stages: tuple[StageTimes, ...] = ()


class Share(msgspec.Struct, frozen=True):
    """What one provider, model, user, key or session took."""

    name: str
    totals: Totals


class UsageLimit(msgspec.Struct, frozen=True):
    """Tokens that a user, an API key or a session may take in a period.

    Attributes:
        subject: Its name or id; ``*`` is everybody of that kind who has no limit of their own.
        period: A day or a month in UTC.
    """

    kind: LimitKind
    subject: str
    period: LimitPeriod
    tokens: int

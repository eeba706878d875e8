"""The closed union of what happens in a turn and in a session.

The engine produces these; each front end turns them into its own frames with an exhaustive ``match``.
Within a turn the order on the stream is the order on the wire. ``TurnEnded`` comes exactly once.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec

from astrbot_like.domain.messages import MediaKind, MessagePart


class _Event(msgspec.Struct, frozen=True, tag=True):
    pass


class UserMessageSaved(_Event, frozen=True):
    """The user's message is durable.

    Attributes:
        id: History id, increasing within the installation.
        created_at: UTC ISO 8601 with ``Z``.
        text: The message for display.
        ts: Milliseconds since the epoch.
        parts: The message itself, for subscribers that did not send it.
    """

    id: int
    created_at: str
    text: str
    ts: int
    parts: tuple[MessagePart, ...] = ()


class TextDelta(_Event, frozen=True):
    """A raw piece of the reply, as the model gave it."""

    text: str


class ReasoningDelta(_Event, frozen=True):
    """A piece of the model's reasoning; never spoken, never part of the reply text."""

    text: str


class SpokenText(_Event, frozen=True):
    """The sentence or phrase that the speech chunks after it speak."""

    text: str


class SpeechChunk(_Event, frozen=True):
    """Speech in playback order, mono s16le at ``rate`` samples per second.

    Attributes:
        follows: Seconds of the same sentence's speech after this piece; None: its engine is still speaking.
    """

    pcm: bytes
    rate: int
    follows: float | None = None


class ToolCallStarted(_Event, frozen=True):
    """The model calls a tool. ``ts`` is seconds since the epoch."""

    id: str
    name: str
    args: dict[str, Any]
    ts: float


class ToolCallFinished(_Event, frozen=True):
    """A tool answered (or failed). ``ts`` is seconds since the epoch."""

    id: str
    name: str
    result: str
    ok: bool
    ts: float


class MediaReply(_Event, frozen=True):
    """The bot sent a stored attachment."""

    kind: MediaKind
    attachment_id: str
    filename: str


class MetricsReported(_Event, frozen=True):
    """Figures of the turn as they become known (docs/live-protocol.md lists the keys; times in seconds)."""

    values: dict[str, float | str]


class TokenUsage(msgspec.Struct, frozen=True):
    """Tokens of one reply; ``cached`` is the part of ``input`` served from a cache."""

    input: int = 0
    output: int = 0
    cached: int = 0


class AgentStats(_Event, frozen=True):
    """Figures of the model's run. Times are seconds since the epoch, the first token's a duration."""

    time_to_first_token: float
    start_time: float
    end_time: float
    usage: TokenUsage
    provider_id: str = ""
    model: str = ""


class TurnFailed(_Event, frozen=True):
    """Something failed; the turn still ends with ``TurnEnded``.

    Attributes:
        code: A code of the error tree.
        message: What happened and what to do.
        fatal: False when the turn goes on (speech of one sentence failed).
    """

    code: str
    message: str
    fatal: bool = True


class ReplyText(_Event, frozen=True):
    """A whole piece of reply text.

    Attributes:
        text: The text.
        streamed: True when its deltas were sent before (this closes the stream), False when this is all of it.
        reasoning: The whole reasoning, when the model gave any.
        final: True for the reply of the model or the last text of the turn.
    """

    text: str
    streamed: bool
    reasoning: str = ""
    final: bool = True


class TurnInterrupted(_Event, frozen=True):
    """The turn was stopped; queued speech is stale."""

    reason: str = "user"


class BotMessageSaved(_Event, frozen=True):
    """The bot's message is durable. ``parts`` and ``text`` are what was stored."""

    id: int
    created_at: str
    text: str
    ts: int
    parts: tuple[MessagePart, ...] = ()
    interrupted: bool = False


Outcome: TypeAlias = Literal["completed", "failed", "interrupted"]


class TurnEnded(_Event, frozen=True):
    """The last event of a turn but for closing metrics."""

    outcome: Outcome


TurnEvent: TypeAlias = (
    UserMessageSaved
    | TextDelta
    | ReasoningDelta
    | SpokenText
    | SpeechChunk
    | ToolCallStarted
    | ToolCallFinished
    | MediaReply
    | MetricsReported
    | AgentStats
    | TurnFailed
    | ReplyText
    | TurnInterrupted
    | BotMessageSaved
    | TurnEnded
)


class Stamped(msgspec.Struct, frozen=True):
    """A turn event as subscribers of a session get it."""

    session_id: str
    turn_id: str
    message_id: str
    event: TurnEvent


class RunningReply(msgspec.Struct, frozen=True):
    """A reply under way.

    Attributes:
        message_id: The request's name.
        told: What a reader who joins now has missed and the store does not hold yet.
    """

    turn_id: str
    message_id: str
    told: tuple[TurnEvent, ...]


# --- events of a live session that belong to no turn ---------------------------------------------


class TurnStarted(_Event, frozen=True):
    """A turn of this connection was accepted; what follows belongs to it until ``TurnEnded``."""

    turn_id: str
    message_id: str
    session_id: str


class UserPartial(_Event, frozen=True):
    """Interim recognition of what the user is saying."""

    text: str


class SpeechStarted(_Event, frozen=True):
    """Server turn detection heard speech begin. ``ts`` is milliseconds since the epoch."""

    ts: int


class SpeechStopped(_Event, frozen=True):
    """Server turn detection heard speech end. ``ts`` is milliseconds since the epoch."""

    ts: int


class PlaybackPaused(_Event, frozen=True):
    """A possible interruption is being judged; playback should pause."""


class PlaybackResumed(_Event, frozen=True):
    """It was none; playback goes on."""


class SessionUpdated(_Event, frozen=True):
    """The effective options of the connection after a ``session_update``."""

    options: dict[str, Any]


class Pong(_Event, frozen=True):
    """Answer to an application-level ping."""


class SessionFailed(_Event, frozen=True):
    """A frame or a segment was refused; no turn was harmed."""

    code: str
    message: str


LiveEvent: TypeAlias = (
    TurnEvent
    | TurnStarted
    | UserPartial
    | SpeechStarted
    | SpeechStopped
    | PlaybackPaused
    | PlaybackResumed
    | SessionUpdated
    | Pong
    | SessionFailed
)

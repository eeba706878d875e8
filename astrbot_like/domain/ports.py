"""What the engine needs from the rooms above it, as Protocols.

``storage`` and ``platforms`` implement these; ``host`` hands the implementations down. Each Protocol has one
contract test suite that every implementation passes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Protocol

from astrbot_like.domain.events import RunningReply, Stamped, TurnEvent
from astrbot_like.domain.history import Attachment, Conversation, NewMessage, Session, StoredMessage
from astrbot_like.domain.messages import MediaKind
from astrbot_like.domain.turns import TurnRequest


class Sessions(Protocol):
    """Sessions and their current conversations."""

    async def get(self, session_id: str) -> Session | None:
        """The session, or None."""
        ...

    async def open(
        self,
        session_id: str | None,
        *,
        username: str,
        platform_id: str = "webchat",
        umo: str | None = None,
        is_group: bool = False,
    ) -> Session:
        """The user's session, made (with a first conversation) when it does not exist.

        Raises:
            SessionError: It exists and belongs to another user.
        """
        ...

    async def by_umo(self, umo: str) -> Session | None:
        """The session with that unified message origin, or None."""
        ...


class History(Protocol):
    """Messages of sessions. ``append`` returns when the message is durable."""

    async def append(self, message: NewMessage) -> StoredMessage:
        """Store one message; returns when it is on disk (group commit: many callers share one commit)."""
        ...

    async def context(self, conversation_id: str, *, limit: int = 2000) -> Sequence[StoredMessage]:
        """Rows that the model sees, oldest first, after the conversation's last compression."""
        ...

    async def after(self, session_id: str, history_id: int, *, limit: int = 500) -> Sequence[StoredMessage]:
        """Messages people see with a greater id, oldest first (catch-up)."""
        ...

    async def conversation(self, conversation_id: str) -> Conversation | None:
        """The conversation, or None."""
        ...

    async def compress(self, conversation_id: str, *, summary: str, up_to: int) -> None:
        """Let ``summary`` stand for all context rows with an id up to ``up_to``."""
        ...


class Attachments(Protocol):
    """Stored files."""

    async def get(self, attachment_id: str) -> Attachment | None:
        """The record, or None."""
        ...

    async def put_bytes(self, data: bytes, *, filename: str, owner: str = "") -> Attachment:
        """Store bytes; the type comes from the content."""
        ...

    async def put_file(
        self, path: Path, *, filename: str | None = None, owner: str = "", kind: MediaKind | None = None
    ) -> Attachment:
        """Copy a file into the store."""
        ...


class ReplyStream(Protocol):
    """The reply of one turn as its front end reads it: bounded, ordered, ending after ``TurnEnded``
    (and closing metrics)."""

    def __aiter__(self) -> AsyncIterator[TurnEvent]: ...

    def interrupt(self, *, reason: str = "user", heard_ms: int | None = None) -> None:
        """Ask the turn to stop at once. Returns immediately; events already queued are dropped, and
        ``TurnInterrupted`` is the next event the reader sees.

        Args:
            reason: ``user``, ``barge_in``, ``disconnect``, ``shutdown``.
            heard_ms: Milliseconds of the reply's speech that were played, when the client told.
        """
        ...

    def hold(self, held: bool) -> None:
        """Playback is on hold while a possible interruption is judged, or goes on. A held turn does not end."""
        ...

    async def aclose(self) -> None:
        """Stop reading; the turn goes on only if the session has other readers, else it is interrupted."""
        ...


class TurnGateway(Protocol):
    """The way into the engine for every front end: the webchat queues."""

    async def submit(self, request: TurnRequest) -> ReplyStream:
        """Queue a turn.

        Raises:
            ProcessingError: The session's inbound queue is full, or ``message_id`` is that of an active request.
        """
        ...

    def stop(self, session_id: str) -> int:
        """Interrupt the session's running turns, whoever asked for them; returns how many there were."""
        ...


class Subscription(Protocol):
    """Live events of one session, for one subscriber; bounded, drops the subscriber when it does not read."""

    def __aiter__(self) -> AsyncIterator[Stamped]: ...

    def close(self) -> None:
        """Unsubscribe; idempotent."""
        ...


class SessionEvents(Protocol):
    """Fan-out of a session's events to everyone bound to it."""

    def subscribe(self, session_id: str) -> Subscription:
        """Every event of that session from now on, whichever connection or platform caused it."""
        ...

    def running(self, session_id: str) -> list[RunningReply]:
        """Replies under way, oldest first; what they tell next goes to those who subscribed before."""
        ...

    def publish(self, stamped: Stamped) -> None:
        """Hand an event to the session's subscribers; never blocks."""
        ...

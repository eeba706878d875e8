"""Shapes that several dashboard routes share."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from quart import Response

from astrbot_like.dashboard.files import content_disposition
from astrbot_like.domain.history import Session, StoredMessage
from astrbot_like.domain.messages import MessagePart
from astrbot_like.operations.conversations import Export, Opened
from astrbot_like.storage.session_lists import SessionPage

HistoryId = Annotated[int, Meta(ge=0, le=2**53)]
"""Id of a message; greater than any there will be, but within what a database column and JavaScript hold."""

SessionId = Annotated[str, Meta(examples=["4fd2c0a1b7e94c0f8d1a2b3c4d5e6f70"])]


class NewConfig(msgspec.Struct, frozen=True):
    """A bot or a provider to add: ``config`` holds ``id``, ``type``, ``enable`` and the options of its type."""

    config: dict[str, Any]


class ChangedConfig(msgspec.Struct, frozen=True):
    """A bot or a provider to change; masked secrets that come back stay as they are."""

    id: str
    config: dict[str, Any]


class SessionsPageQuery(msgspec.Struct, frozen=True):
    """Which sessions, newest first."""

    before: Annotated[str | None, Meta(description="``next`` of the page before.")] = None
    limit: Annotated[int, Meta(description="At most so many.", ge=1, le=500)] = 100
    search: Annotated[str, Meta(description="Part of a name, a user or an origin.", max_length=200)] = ""
    platform_id: Annotated[str | None, Meta(description="Only of this platform.")] = None


class SessionPageView(msgspec.Struct, frozen=True):
    """Sessions, last used first.

    Attributes:
        next: What ``before`` must be for the page after this one; null: there is none. A page of a search may be short,
            or empty, and still have it: each looks through a bounded number of sessions.
        total: How many there are in all; null when a search would have to look through all to know.
    """

    sessions: list[Session]
    next: str | None
    total: int | None

    @classmethod
    def of(cls, page: SessionPage) -> SessionPageView:
        """As it is listed."""
        return cls(list(page.sessions), page.cursor, page.total)


class SessionQuery(msgspec.Struct, frozen=True):
    """Which session."""

    session_id: SessionId


class MessagesQuery(SessionQuery, frozen=True):
    """Which messages of a session."""

    before: Annotated[HistoryId | None, Meta(description="Only messages with a smaller id.")] = None
    limit: Annotated[int, Meta(description="At most so many.", ge=1, le=500)] = 60


class MessageView(msgspec.Struct, frozen=True):
    """A message as people see it.

    Attributes:
        meta: Tool calls, reasoning and figures of a reply.
        created_at: UTC ISO 8601 with ``Z``.
    """

    id: int
    role: Literal["user", "bot", "context"]
    parts: tuple[MessagePart, ...]
    text: str
    created_at: str
    interrupted: bool
    turn_id: str
    meta: dict[str, Any]

    @classmethod
    def of(cls, row: StoredMessage) -> MessageView:
        """As it is shown."""
        return cls(row.id, row.role, row.parts, row.text, row.created_at, row.interrupted, row.turn_id, row.meta)


class SessionView(msgspec.Struct, frozen=True):
    """A session with some of its messages, oldest first.

    Attributes:
        has_more: There are older messages.
        is_running: A reply is being made now.
    """

    session: Session
    history: list[MessageView]
    has_more: bool
    is_running: bool

    @classmethod
    def of(cls, opened: Opened, *, running: bool) -> SessionView:
        """As it is shown."""
        return cls(opened.session, [MessageView.of(row) for row in opened.messages], opened.more, running)


class ExportQuery(SessionQuery, frozen=True):
    """Which session, and in which form."""

    format: Literal["json", "markdown"] = "json"


class SessionIds(msgspec.Struct, frozen=True):
    """Some sessions."""

    session_ids: list[str]


class DeletedCount(msgspec.Struct, frozen=True):
    """How many were deleted."""

    deleted: int


class Done(msgspec.Struct, frozen=True):
    """It was done; there is no more to say."""


def export_response(export: Export) -> Response:
    """A file to save."""
    response = Response(export.content, content_type=export.mime_type)
    disposition = content_disposition(export.filename, export.mime_type)
    response.headers["Content-Disposition"] = disposition.replace("inline;", "attachment;", 1)
    return response

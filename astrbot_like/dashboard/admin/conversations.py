"""All conversations of the installation, for the people who run it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta
from quart import Quart, Response

from astrbot_like.dashboard.admin.chat import EXPORT_ANSWER, stop_turns
from astrbot_like.dashboard.admin.views import (
    DeletedCount,
    ExportQuery,
    HistoryId,
    MessagesQuery,
    SessionIds,
    SessionPageView,
    SessionsPageQuery,
    SessionView,
    export_response,
)
from astrbot_like.dashboard.files import file_response
from astrbot_like.dashboard.open_api.files import FILE_ANSWER, FileQuery
from astrbot_like.dashboard.routing import DASHBOARD, RouteTable
from astrbot_like.dashboard.services import DashboardServices
from astrbot_like.domain import errors


class SearchQuery(msgspec.Struct, frozen=True):
    """What to look for."""

    q: Annotated[str, Meta(description="Words; all must be in a message.", examples=["weather"], max_length=500)]
    before: Annotated[HistoryId | None, Meta(description="``next`` of the page before.")] = None
    limit: Annotated[int, Meta(description="At most so many.", ge=1, le=200)] = 50


class Hit(msgspec.Struct, frozen=True):
    """A message that was found."""

    session_id: str
    id: int
    role: str
    snippet: str
    created_at: str
    display_name: str


class Hits(msgspec.Struct, frozen=True):
    """What was found, newest first; ``next`` is null when there is no more, and may be there when a page is short."""

    hits: list[Hit]
    next: int | None


def register(app: Quart, services: DashboardServices) -> None:
    """Declare the routes."""
    routes = RouteTable.of(app).group("Conversations")
    conversations = services.conversations

    @routes.get("/api/conversation/list", access=DASHBOARD)
    async def list_conversations(query: SessionsPageQuery) -> SessionPageView:
        """List the sessions of all users and platforms."""
        return SessionPageView.of(
            await conversations.list(
                platform_id=query.platform_id or None,
                search=query.search,
                cursor=query.before,
                page_size=query.limit,
            )
        )

    @routes.get("/api/conversation/read", access=DASHBOARD, errors=(errors.NotFound,))
    async def read_conversation(query: MessagesQuery) -> SessionView:
        """Read any session."""
        opened = await conversations.open(query.session_id, before=query.before, limit=query.limit)
        return SessionView.of(opened, running=bool(services.turns.active(query.session_id)))

    @routes.get("/api/conversation/search", access=DASHBOARD)
    async def search_conversations(query: SearchQuery) -> Hits:
        """Search in what was said."""
        page = await conversations.search(query.q, before=query.before, limit=query.limit)
        names: dict[str, str] = {}
        hits: list[Hit] = []
        for hit in page.hits:
            row = hit.message
            if row.session_id not in names:
                session = await services.sessions.get(row.session_id)
                names[row.session_id] = session.display_name if session is not None else ""
            hits.append(Hit(row.session_id, row.id, row.role, hit.excerpt, row.created_at, names[row.session_id]))
        return Hits(hits, page.before)

    @routes.get("/api/conversation/export", access=DASHBOARD, answer=EXPORT_ANSWER, errors=(errors.NotFound,))
    async def export_conversation(query: ExportQuery) -> Response:
        """Save any session as JSON or Markdown."""
        return export_response(await conversations.export(query.session_id, query.format))

    @routes.get("/api/conversation/attachment", access=DASHBOARD, answer=FILE_ANSWER, errors=(errors.NotFound,))
    async def conversation_attachment(query: FileQuery) -> Response:
        """Read a file of any session."""
        found = await services.attachments.get(query.attachment_id)
        if found is None:
            raise errors.NotFound("Attachment not found")
        return await file_response(Path(found.path), mime_type=found.mime_type, filename=found.filename)

    @routes.post("/api/conversation/delete", access=DASHBOARD)
    async def delete_conversations(body: SessionIds) -> DeletedCount:
        """Delete sessions with their messages and files; unknown ones are passed over."""
        for session_id in body.session_ids:
            stop_turns(services, session_id)
        return DeletedCount(len(await conversations.delete(body.session_ids)))

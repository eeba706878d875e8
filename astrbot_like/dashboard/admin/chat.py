"""The signed-in user's own chats."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta
from quart import Quart, Response

from astrbot_like.dashboard.admin.views import (
    DeletedCount,
    Done,
    ExportQuery,
    HistoryId,
    MessagesQuery,
    SessionId,
    SessionIds,
    SessionPageView,
    SessionQuery,
    SessionsPageQuery,
    SessionView,
    export_response,
)
from astrbot_like.dashboard.identity import Identity
from astrbot_like.dashboard.open_api.files import FILE_ANSWER, FileQuery, StoredFile, send_attachment, store_upload
from astrbot_like.dashboard.routing import DASHBOARD, Answer, RouteTable, Upload
from astrbot_like.dashboard.services import DashboardServices
from astrbot_like.domain import errors
from astrbot_like.domain.history import Session

EXPORT_ANSWER = Answer("*/*", "The session as a file.")


class NewSession(msgspec.Struct, frozen=True):
    """A fresh session."""

    session_id: str
    platform_id: str


class Renaming(msgspec.Struct, frozen=True):
    """A session's new name."""

    session_id: SessionId
    display_name: str


class Stopping(msgspec.Struct, frozen=True):
    """Which replies to stop: one request of the session, or all."""

    session_id: SessionId
    message_id: str | None = None


class Stopped(msgspec.Struct, frozen=True):
    """How many replies were stopped."""

    stopped_count: int


class Truncation(msgspec.Struct, frozen=True):
    """From which message on (its history id) to forget."""

    session_id: SessionId
    after_id: Annotated[HistoryId, Meta(description="This message and all later ones are removed.")]


class Truncated(msgspec.Struct, frozen=True):
    """How many messages were removed."""

    removed: int


class ProfileBinding(msgspec.Struct, frozen=True):
    """Which profile a session talks with; ``default`` undoes it."""

    session_id: SessionId
    profile_id: str


def register(app: Quart, services: DashboardServices) -> None:
    """Declare the routes."""
    routes = RouteTable.of(app).group("Dashboard chat")
    conversations = services.conversations
    refused = (errors.NotFound, errors.SessionError)

    async def new_session(identity: Identity) -> NewSession:
        session = await services.sessions.open(None, username=identity.username)
        return NewSession(session.session_id, session.platform_id)

    @routes.get("/api/chat/new_session", access=DASHBOARD, name="new_session")
    async def get_new_session(identity: Identity) -> NewSession:
        """Begin a session."""
        return await new_session(identity)

    @routes.post("/api/chat/new_session", access=DASHBOARD, name="create_session")
    async def post_new_session(identity: Identity) -> NewSession:
        """Begin a session."""
        return await new_session(identity)

    @routes.get("/api/chat/sessions", access=DASHBOARD)
    async def chat_sessions(identity: Identity, query: SessionsPageQuery) -> SessionPageView:
        """List one's own sessions."""
        return SessionPageView.of(
            await conversations.list(
                creator=identity.username,
                platform_id=query.platform_id or None,
                search=query.search,
                cursor=query.before,
                page_size=query.limit,
            )
        )

    @routes.get("/api/chat/get_session", access=DASHBOARD, errors=refused)
    async def get_session(identity: Identity, query: MessagesQuery) -> SessionView:
        """Read one of one's own sessions."""
        opened = await conversations.open(
            query.session_id, username=identity.username, before=query.before, limit=query.limit
        )
        return SessionView.of(opened, running=bool(services.turns.active(query.session_id)))

    @routes.post("/api/chat/update_session_display_name", access=DASHBOARD, errors=refused)
    async def rename_session(identity: Identity, body: Renaming) -> Session:
        """Name a session."""
        return await conversations.rename(body.session_id, body.display_name, username=identity.username)

    @routes.post("/api/chat/delete_session", access=DASHBOARD, errors=refused)
    async def delete_session(identity: Identity, body: SessionQuery) -> Done:
        """Delete a session with its messages and files."""
        await conversations.get(body.session_id, username=identity.username)
        stop_turns(services, body.session_id)
        await conversations.delete([body.session_id], username=identity.username)
        return Done()

    @routes.post("/api/chat/batch_delete_sessions", access=DASHBOARD, errors=(errors.SessionError,))
    async def delete_sessions(identity: Identity, body: SessionIds) -> DeletedCount:
        """Delete sessions with their messages and files; unknown ones are passed over."""
        gone = await conversations.delete(body.session_ids, username=identity.username)
        for session_id in gone:
            stop_turns(services, session_id)
        return DeletedCount(len(gone))

    @routes.post("/api/chat/stop", access=DASHBOARD, errors=refused)
    async def stop_reply(identity: Identity, body: Stopping) -> Stopped:
        """Stop the replies of a session that are being made."""
        await conversations.get(body.session_id, username=identity.username)
        return Stopped(stop_turns(services, body.session_id, body.message_id))

    @routes.post("/api/chat/truncate", access=DASHBOARD, errors=refused)
    async def truncate_session(identity: Identity, body: Truncation) -> Truncated:
        """Remove a message and all later ones, for people and for the model (edit and resend, retry)."""
        await conversations.get(body.session_id, username=identity.username)
        stop_turns(services, body.session_id)
        return Truncated(await services.history.drop_from(body.session_id, body.after_id))

    @routes.post("/api/chat/bind_profile", access=DASHBOARD, errors=refused)
    async def bind_profile(identity: Identity, body: ProfileBinding) -> Session:
        """Choose the profile that a session talks with."""
        await conversations.get(body.session_id, username=identity.username)
        return await services.profiles.bind(body.session_id, body.profile_id)

    @routes.get("/api/chat/export", access=DASHBOARD, answer=EXPORT_ANSWER, errors=refused)
    async def export_session(identity: Identity, query: ExportQuery) -> Response:
        """Save one of one's own sessions as JSON or Markdown."""
        return export_response(await conversations.export(query.session_id, query.format, username=identity.username))

    @routes.post("/api/chat/post_file", access=DASHBOARD, upload=Upload("file"))
    async def post_file(identity: Identity) -> StoredFile:
        """Store a file, to be named in messages."""
        return await store_upload(services, identity)

    @routes.get("/api/chat/get_attachment", access=DASHBOARD, answer=FILE_ANSWER, errors=(errors.NotFound,))
    async def get_attachment(identity: Identity, query: FileQuery) -> Response:
        """Read a stored file of one's own, or one that the bot sent."""
        return await send_attachment(services, identity, query.attachment_id)


def stop_turns(services: DashboardServices, session_id: str, message_id: str | None = None) -> int:
    """Interrupt replies of a session that are being made; returns how many."""
    running = [r for r in services.turns.active(session_id) if message_id in (None, r.request.message_id)]
    for reply in running:
        reply.interrupt()
    return len(running)

"""Sessions and profiles as the Open API lists them."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta
from quart import Quart

from astrbot_like.dashboard.identity import checked_username
from astrbot_like.dashboard.routing import RouteTable, key_scope
from astrbot_like.dashboard.services import DashboardServices
from astrbot_like.domain import errors
from astrbot_like.domain.history import Session

LONGEST_PAGE = 100


class SessionsQuery(msgspec.Struct, frozen=True):
    """Which sessions."""

    username: Annotated[str | None, Meta(description="The end user.", examples=["alice"])] = None
    page: Annotated[int, Meta(description="From 1.", examples=[1])] = 1
    page_size: Annotated[int, Meta(description="At most 100.", examples=[20])] = 20
    platform_id: Annotated[str | None, Meta(description="Only of this platform, such as webchat.")] = None


class SessionItem(msgspec.Struct, frozen=True):
    """A session in a list. Times are UTC ISO 8601 with ``Z``."""

    session_id: str
    platform_id: str
    creator: str
    display_name: str
    is_group: bool
    created_at: str
    updated_at: str

    @classmethod
    def of(cls, session: Session) -> SessionItem:
        """As it is listed."""
        return cls(
            session.session_id,
            session.platform_id,
            session.creator,
            session.display_name,
            session.is_group,
            session.created_at,
            session.updated_at,
        )


class SessionList(msgspec.Struct, frozen=True):
    """A page of sessions, last used first."""

    sessions: list[SessionItem]
    page: int
    page_size: int
    total: int


class ConfigItem(msgspec.Struct, frozen=True):
    """A profile ("config") that chats can name.

    Attributes:
        path: Its place within the settings, not on a disk.
    """

    id: str
    name: str
    path: str
    is_default: bool


class ConfigList(msgspec.Struct, frozen=True):
    """All profiles."""

    configs: list[ConfigItem]


def register(app: Quart, services: DashboardServices) -> None:
    """Declare the routes."""
    routes = RouteTable.of(app).group("Chat")

    @routes.get("/api/v1/chat/sessions", access=key_scope("chat"), errors=(errors.BadUser,))
    async def list_user_sessions(query: SessionsQuery) -> SessionList:
        """List the sessions of an end user.

        Pages are numbered from 1; a page size over 100 counts as 100.
        """
        username = checked_username(query.username)
        page = min(max(query.page, 1), 1_000_000)
        size = min(max(query.page_size, 1), LONGEST_PAGE)
        found = await services.sessions.list(
            creator=username, platform_id=query.platform_id or None, offset=(page - 1) * size, limit=size, count=True
        )
        return SessionList([SessionItem.of(session) for session in found.sessions], page, size, found.total or 0)

    @routes.get("/api/v1/configs", access=key_scope("config"))
    async def list_configs() -> ConfigList:
        """List the profiles that chats can be routed to."""
        profiles = await services.profiles.all()
        return ConfigList([ConfigItem(p.id, p.name, f"profiles/{p.id}", p.is_default) for p in profiles])

"""Listing sessions."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec

from astrbot_like.client.transport import Transport


class SessionInfo(msgspec.Struct, frozen=True):
    """A session of the user; times are UTC ISO 8601."""

    session_id: str
    platform_id: str
    creator: str
    display_name: str | None
    is_group: bool
    created_at: str
    updated_at: str


class SessionPage(msgspec.Struct, frozen=True):
    """One page of sessions."""

    sessions: list[SessionInfo]
    page: int
    page_size: int
    total: int


class Sessions:
    """The session routes (scope ``chat``)."""

    def __init__(self, transport: Transport, username: str) -> None:
        self._transport = transport
        self._username = username

    async def list(self, *, page: int = 1, page_size: int = 20, platform_id: str | None = None) -> SessionPage:
        """One page, last used first."""
        params = {"username": self._username, "page": str(page), "page_size": str(page_size)}
        if platform_id:
            params["platform_id"] = platform_id
        return await self._transport.data("GET", "/api/v1/chat/sessions", SessionPage, params=params)

    async def all(self) -> AsyncIterator[SessionInfo]:
        """Every session, page by page."""
        page = 1
        while True:
            found = await self.list(page=page, page_size=100)
            for session in found.sessions:
                yield session
            if page * found.page_size >= found.total or not found.sessions:
                return
            page += 1

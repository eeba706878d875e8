"""What the web application needs from the rest of the house, handed in by the host."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from quart import Quart

from astrbot_like.dashboard.auth import Authenticator
from astrbot_like.dashboard.credential_watch import CredentialWatch
from astrbot_like.dashboard.settings import DashboardSettings
from astrbot_like.domain.accounts import Account
from astrbot_like.domain.live import LiveSessions
from astrbot_like.domain.ports import Attachments, History, SessionEvents, Sessions, TurnGateway
from astrbot_like.runtime.clock import Clock
from astrbot_like.runtime.tasks import Supervisor

RouteModule = Callable[[Quart, "DashboardServices"], None]
"""A module's ``register``: declares its routes on the application."""


class Accounts(Protocol):
    """People who may sign in."""

    async def authenticate(self, username: str, password: str) -> Account | None:
        """The account when the password is right. Takes the same time whether the account exists or not."""
        ...


@dataclass(frozen=True, kw_only=True)
class DashboardServices:
    """Parts of the house that routes use; every one is an interface.

    Attributes:
        ready: Raises ``Unavailable`` with the reason while the house is not ready to serve.
        routes: Further route modules (sockets, streams).
    """

    authenticator: Authenticator
    credential_watch: CredentialWatch
    accounts: Accounts
    sessions: Sessions
    history: History
    attachments: Attachments
    gateway: TurnGateway
    session_events: SessionEvents
    live_sessions: LiveSessions
    clock: Clock
    supervisor: Supervisor
    ready: Callable[[], Awaitable[None]]
    settings: DashboardSettings = field(default_factory=DashboardSettings)
    routes: Sequence[RouteModule] = field(default=())

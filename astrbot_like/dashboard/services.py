"""What the web application needs from the rest of the house, handed in by the host."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from quart import Quart

from astrbot_like.dashboard.auth import Authenticator
from astrbot_like.dashboard.credential_watch import CredentialWatch
from astrbot_like.dashboard.settings import DashboardSettings
from astrbot_like.domain.accounts import Account
from astrbot_like.domain.history import Session
from astrbot_like.domain.live import LiveSessions
from astrbot_like.domain.messages import MessagePart
from astrbot_like.domain.ports import SessionEvents, TurnGateway
from astrbot_like.domain.profiles import Profile
from astrbot_like.runtime.clock import Clock
from astrbot_like.runtime.logging import LogBus
from astrbot_like.runtime.tasks import Supervisor

if TYPE_CHECKING:
    from astrbot_like.operations.platforms import PlatformOperations
    from astrbot_like.operations.providers import ProviderOperations
    from astrbot_like.storage.attachments import AttachmentStore
    from astrbot_like.storage.history import HistoryStore
    from astrbot_like.storage.sessions import SessionStore

RouteModule = Callable[[Quart, "DashboardServices"], None]
"""A module's ``register``: declares its routes on the application."""


class Accounts(Protocol):
    """People who may sign in."""

    async def authenticate(self, username: str, password: str) -> Account | None:
        """The account when the password is right. Takes the same time whether the account exists or not."""
        ...


class Profiles(Protocol):
    """Profiles ("configs")."""

    async def list(self) -> Sequence[Profile]:
        """All, the default one first."""
        ...

    async def chosen(self, *, config_id: str | None = None, config_name: str | None = None) -> Profile | None:
        """The profile a request names; None when it names none.

        Raises:
            ConfigError: ``config_id not found: X``, ``config_name not found: X``, or the name is ambiguous.
        """
        ...

    async def bind(self, session_id: str, profile_id: str) -> Session:
        """Let the session talk with that profile from now on."""
        ...


class ProactiveMessages(Protocol):
    """Messages that a bot sends without being asked by their receiver."""

    async def send(self, umo: str, parts: Sequence[MessagePart], *, credential: str = "") -> None:
        """Send now.

        Args:
            umo: Unified message origin of the receiver.
            parts: The message; attachments are checked to be ``credential``'s.

        Raises:
            NotFound: No bot of that platform runs, or an attachment does not exist for this caller.
            ProcessingError: The platform refused.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class DashboardServices:
    """Parts of the house that routes use.

    Attributes:
        ready: Raises ``Unavailable`` with the reason while the house is not ready to serve.
        routes: Further route modules (sockets, streams).
    """

    authenticator: Authenticator
    credential_watch: CredentialWatch
    accounts: Accounts
    sessions: SessionStore
    history: HistoryStore
    attachments: AttachmentStore
    gateway: TurnGateway
    session_events: SessionEvents
    live_sessions: LiveSessions
    messages: ProactiveMessages
    profiles: Profiles
    providers: ProviderOperations
    platforms: PlatformOperations
    logs: LogBus
    clock: Clock
    supervisor: Supervisor
    ready: Callable[[], Awaitable[None]]
    settings: DashboardSettings = field(default_factory=DashboardSettings)
    routes: Sequence[RouteModule] = field(default=())

"""What the web application needs from the rest of the house, handed in by the host."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from quart import Quart

from astrbot_like.dashboard.auth import Authenticator
from astrbot_like.dashboard.credential_watch import CredentialWatch
from astrbot_like.dashboard.limits import RateLimits
from astrbot_like.dashboard.settings import DashboardSettings
from astrbot_like.domain.live import LiveSessions
from astrbot_like.domain.messages import MessagePart
from astrbot_like.domain.ports import SessionEvents, TurnGateway
from astrbot_like.domain.turns import TurnRequest
from astrbot_like.runtime.clock import Clock
from astrbot_like.runtime.logging import LogBus
from astrbot_like.runtime.metrics import Metric
from astrbot_like.runtime.tasks import Supervisor

if TYPE_CHECKING:
    from astrbot_like.operations.accounts import Accounts
    from astrbot_like.operations.api_keys import ApiKeys
    from astrbot_like.operations.backups import Backups
    from astrbot_like.operations.conversations import Conversations
    from astrbot_like.operations.mcp_servers import McpOperations
    from astrbot_like.operations.personas import Personas
    from astrbot_like.operations.platforms import PlatformOperations
    from astrbot_like.operations.plugins import PluginOperations
    from astrbot_like.operations.profiles import Profiles
    from astrbot_like.operations.provider_detection import ProviderDetection
    from astrbot_like.operations.providers import ProviderOperations
    from astrbot_like.operations.sign_ins import SignIns
    from astrbot_like.operations.statistics import Statistics
    from astrbot_like.plugin_host.manager import PluginHost
    from astrbot_like.storage.attachments import AttachmentStore
    from astrbot_like.storage.history import HistoryStore
    from astrbot_like.storage.sessions import SessionStore

RouteModule = Callable[[Quart, "DashboardServices"], None]
"""A module's ``register``: declares its routes on the application."""


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


class ActiveReply(Protocol):
    """A reply that is being made."""

    @property
    def request(self) -> TurnRequest: ...

    def interrupt(self, *, reason: str = "user", heard_ms: int | None = None) -> None:
        """Stop it at once."""
        ...


class ActiveTurns(Protocol):
    """Turns that run now (the webchat queues)."""

    def active(self, session_id: str, /) -> Sequence[ActiveReply]:
        """Replies of a session that have not ended, oldest first."""
        ...


class ToolInfo(Protocol):
    """A tool that models may call."""

    @property
    def name(self) -> str: ...

    @property
    def desc(self) -> str: ...

    @property
    def source(self) -> str:
        """The plugin or MCP server it comes from."""
        ...


class Tools(Protocol):
    """Tools of all plugins and servers."""

    def all(self) -> Sequence[ToolInfo]:
        """All of them, by name."""
        ...


Form = dict[str, dict[str, Any]]
"""Fields in the shape of ``_conf_schema.json`` (``operations.config_templates.settings_form`` makes one)."""


class ProfileForms(Protocol):
    """Forms of a profile's settings."""

    def voice(self) -> Form:
        """Of ``Profile.voice``."""
        ...

    def host(self) -> Form:
        """Of ``Profile.host``."""
        ...

    def texts(self) -> dict[str, dict[str, Form]]:
        """Words of both by locale, then by form: ``description``, ``hint`` and ``labels`` of each field."""
        ...


MetricsSource = Callable[[], Awaitable[Sequence[Metric]]]
"""Gives figures for ``/metrics``."""


@dataclass(frozen=True, kw_only=True)
class DashboardServices:
    """Parts of the house that routes use.

    Attributes:
        temp_dir: For files that live as long as a request.
        metrics: Further figures for ``/metrics``.
        ready: Raises ``Unavailable`` with the reason while the house is not ready to serve.
        routes: Further route modules (sockets, streams).
    """

    authenticator: Authenticator
    credential_watch: CredentialWatch
    accounts: Accounts
    sign_ins: SignIns
    api_keys: ApiKeys
    sessions: SessionStore
    history: HistoryStore
    attachments: AttachmentStore
    gateway: TurnGateway
    session_events: SessionEvents
    live_sessions: LiveSessions
    messages: ProactiveMessages
    turns: ActiveTurns
    conversations: Conversations
    personas: Personas
    profiles: Profiles
    forms: ProfileForms
    tools: Tools
    mcp: McpOperations
    statistics: Statistics
    plugins: PluginOperations
    plugin_manager: PluginHost
    backups: Backups
    providers: ProviderOperations
    detection: ProviderDetection
    platforms: PlatformOperations
    logs: LogBus
    clock: Clock
    supervisor: Supervisor
    rate_limits: RateLimits
    ready: Callable[[], Awaitable[None]]
    temp_dir: Path
    metrics: Sequence[MetricsSource] = field(default=())
    settings: DashboardSettings = field(default_factory=DashboardSettings)
    routes: Sequence[RouteModule] = field(default=())

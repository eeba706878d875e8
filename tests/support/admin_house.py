"""The web application on real storage and operations, with stand-ins for models, platforms and plugins.

Every answer it gives is checked against the contract (``tests.support.contract``).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from quart import Quart, Response
from quart.typing import TestClientProtocol

from astrbot_like.api.func_tools import FunctionToolManager
from astrbot_like.dashboard.app import create_app
from astrbot_like.dashboard.auth import Authenticator
from astrbot_like.dashboard.credential_watch import CredentialWatch
from astrbot_like.dashboard.limits import MemoryRateLimits
from astrbot_like.dashboard.services import DashboardServices
from astrbot_like.dashboard.settings import DashboardSettings
from astrbot_like.domain import errors
from astrbot_like.domain import events as e
from astrbot_like.domain.accounts import ApiKey
from astrbot_like.domain.history import NewMessage, StoredMessage
from astrbot_like.domain.messages import MessagePart, PlainPart, ReplyPart
from astrbot_like.domain.profiles import PlatformConfig
from astrbot_like.domain.turns import TurnRequest
from astrbot_like.engine.mcp_servers import McpServers
from astrbot_like.engine.providers import ProviderDirectory
from astrbot_like.engine.voice_settings import VoiceSettings
from astrbot_like.operations.accounts import Accounts
from astrbot_like.operations.api_keys import ApiKeys
from astrbot_like.operations.backups import Backups
from astrbot_like.operations.config_templates import settings_form
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
from astrbot_like.platforms.webchat.memory import MemoryQueues, MemoryReply
from astrbot_like.plugin_host.manager import PluginHost
from astrbot_like.runtime.channels import ChannelClosed
from astrbot_like.runtime.clock import SystemClock
from astrbot_like.runtime.logging import LogBus
from astrbot_like.runtime.tasks import Supervisor, cancel_and_wait
from astrbot_like.storage.accounts import AccountStore, InstallationStore
from astrbot_like.storage.api_keys import ApiKeyStore
from astrbot_like.storage.attachments import AttachmentStore
from astrbot_like.storage.change_watch import ChangeWatch
from astrbot_like.storage.database import Database
from astrbot_like.storage.history import HistoryStore
from astrbot_like.storage.preferences import PreferenceStore
from astrbot_like.storage.records import record_stores
from astrbot_like.storage.search import MessageSearch
from astrbot_like.storage.secrets import SecretBox
from astrbot_like.storage.sessions import SessionStore
from astrbot_like.storage.settings import StorageSettings
from astrbot_like.storage.turns import TurnStore
from tests.support.contract import ContractCheck
from tests.support.plugin_hosts import plugin_host

ADMIN = "admin"
PASSWORD = "a long password"
UPLOAD_LIMIT = 400_000
METRICS_TOKEN = "metrics-token"


@dataclass
class FakeProviderType:
    """A provider type of some plugin."""

    type: str = "fake_chat"
    provider_type: str = "chat_completion"
    desc: str = "Answers with its answer."
    default_config_tmpl: Mapping[str, Any] | None = field(
        default_factory=lambda: {"id": "", "type": "", "answer": "yes", "api_key": "", "timeout": 30}
    )
    provider_display_name: str | None = "Fake"
    cls_type: Any = None


class FakeProvider:
    """Answers with its configured answer."""

    def __init__(self, config: dict[str, Any], _settings: dict[str, Any]) -> None:
        self.config = config
        if config.get("answer") == "broken":
            raise RuntimeError("it can't start")

    async def text_chat(self, **_: Any) -> Any:
        if self.config.get("answer") == "fail":
            raise RuntimeError("the key abk_0123456789abcdef is refused")
        return type("Reply", (), {"role": "assistant", "completion_text": self.config.get("answer", "yes")})()

    async def get_models(self) -> list[str]:
        return ["small", "large"]


class FakeCatalogue:
    """One provider type."""

    def __init__(self) -> None:
        self.known = FakeProviderType(cls_type=FakeProvider)

    def all(self) -> Sequence[FakeProviderType]:
        return [self.known]

    def get(self, type_name: str, /) -> FakeProviderType | None:
        return self.known if type_name == self.known.type else None

    def plugin_of(self, type_name: str, /) -> str:
        return "fake_plugin" if type_name == self.known.type else ""

    def texts_of(self, type_name: str, /) -> dict[str, dict[str, Any]]:
        return {}


@dataclass
class FakeBot:
    """A platform adapter."""

    id: str
    type: str
    state: Any = "running"
    last_error: str = ""
    started_at: float | None = 1.0


@dataclass
class FakePlatformType:
    """A platform type."""

    name: str = "fake_im"
    description: str = "A messenger."
    default_config_tmpl: Mapping[str, Any] | None = field(default_factory=lambda: {"token": "", "port": 1})
    adapter_display_name: str | None = None


class FakeRunner:
    """Runs nothing."""

    def __init__(self) -> None:
        self.bots = {"webchat": FakeBot("webchat", "webchat")}

    def types(self) -> Sequence[FakePlatformType]:
        return [FakePlatformType()]

    def running(self) -> Sequence[FakeBot]:
        return list(self.bots.values())

    async def put(self, config: PlatformConfig, /) -> None:
        self.bots[config.id] = FakeBot(config.id, config.type)

    async def remove(self, platform_id: str, /) -> None:
        self.bots.pop(platform_id, None)


@dataclass
class FakeTool:
    """A tool."""

    name: str = "clock"
    desc: str = "Tells the time."
    source: str = "fake_plugin"


class FakeTools:
    """One tool."""

    def all(self) -> Sequence[FakeTool]:
        return [FakeTool()]


class FakeForms:
    """Forms of a profile."""

    def voice(self) -> dict[str, dict[str, Any]]:
        return settings_form(VoiceSettings)

    def host(self) -> dict[str, dict[str, Any]]:
        return {}

    def texts(self) -> dict[str, dict[str, Any]]:
        return {}


class FakeMessages:
    """Proactive messages; only the web chat runs."""

    def __init__(self, attachments: AttachmentStore) -> None:
        self._attachments = attachments
        self.sent: list[tuple[str, Sequence[MessagePart]]] = []

    async def send(self, umo: str, parts: Sequence[MessagePart], *, credential: str = "") -> None:
        if not umo.startswith("webchat:"):
            raise errors.NotFound("No bot of that name runs.")
        for part in parts:
            if not isinstance(part, PlainPart | ReplyPart):
                found = await self._attachments.get(part.attachment_id)
                if found is None or not found.readable_by("", credential):
                    raise errors.NotFound("Attachment not found")
        self.sent.append((umo, parts))


class FakeLive:
    """No live sessions."""

    count = 0

    def open(self, *_: Any) -> Any:
        raise errors.AtCapacity


class EchoEngine:
    """Answers every request with its own words."""

    def __init__(self, queues: MemoryQueues, sessions: SessionStore, history: HistoryStore) -> None:
        self._queues = queues
        self._sessions = sessions
        self._history = history
        self.pause: asyncio.Event | None = None

    async def run(self) -> None:
        """Serve requests, one at a time, until the queues close."""
        try:
            while True:
                await self._turn(*await self._queues.take())
        except ChannelClosed:
            return

    async def _turn(self, request: TurnRequest, reply: MemoryReply) -> None:
        saved = await self._store(request, "user", request.text)
        await reply.send(e.UserMessageSaved(saved.id, saved.created_at, saved.text, 1, request.parts))
        if self.pause is not None:
            await self.pause.wait()
        text = f"echo: {request.text}"
        await reply.send(e.TextDelta(text))
        await reply.send(e.ReplyText(text, streamed=True))
        saved = await self._store(request, "bot", text)
        await reply.send(e.BotMessageSaved(saved.id, saved.created_at, text, 2, saved.parts))
        await reply.send(e.TurnEnded("completed"))
        reply.finish()

    async def _store(self, request: TurnRequest, role: Any, text: str) -> StoredMessage:
        session = await self._sessions.get(request.session_id)
        assert session is not None
        parts = request.parts if role == "user" else (PlainPart(text),)
        message = NewMessage(session.session_id, session.conversation_id, request.turn_id, role, parts, (), text)
        return await self._history.append(message)


class AdminHouse:
    """A running application.

    Attributes:
        app: The application; ``client`` talks to it without a socket.
        check: Checks every answer against the contract.
    """

    def __init__(self, database: Database, folder: Path, settings: DashboardSettings, plugins: PluginHost) -> None:
        clock = self.clock = SystemClock()
        storage = StorageSettings()
        box = SecretBox(folder / "secret.key")
        records = record_stores(database, folder)
        self.settings = settings
        self.sessions = SessionStore(database, cache=storage.session_cache)
        self.history = HistoryStore(database, self.sessions, storage)
        self.attachments = AttachmentStore(database, folder / "attachments", storage)
        self.conversations = Conversations(self.sessions, self.history, self.attachments, MessageSearch(database))
        self.accounts = Accounts(AccountStore(database), InstallationStore(database), box, clock)
        self.api_keys = ApiKeys(ApiKeyStore(database), ChangeWatch(database, clock), clock)
        self.personas = Personas(records.personas)
        self.profiles = Profiles(records.profiles, self.sessions)
        self.preferences = PreferenceStore(database)
        self.sign_ins = SignIns(self.preferences, self.accounts, clock)
        self.statistics = Statistics(TurnStore(database), clock)
        self.supervisor = Supervisor(clock)
        self.queues = MemoryQueues()
        self.engine = EchoEngine(self.queues, self.sessions, self.history)
        self.logs = LogBus()
        self.messages = FakeMessages(self.attachments)
        self.plugins = plugins
        self.backups = Backups(folder, database)
        self.mcp_servers = McpServers(FunctionToolManager(), self.supervisor, clock)
        self.mcp = McpOperations(
            configs=records.mcp_servers,
            servers=self.mcp_servers,
            scratch=lambda: McpServers(FunctionToolManager(), self.supervisor, clock),
            clock=clock,
        )
        self.folder = folder
        self.runner = FakeRunner()
        self.platforms = PlatformOperations(configs=records.platforms, runner=self.runner)
        self.catalogue = FakeCatalogue()
        self.providers = self._providers(records)
        self.authenticator = Authenticator(
            keys=self.api_keys,
            accounts=self.accounts,
            secrets=self.accounts,
            clock=clock,
            token_lifetime=settings.token_lifetime,
        )
        self.problem: errors.BotError | None = None
        self.app = self._build()
        self.check = ContractCheck(self.app)
        self._engine_task: asyncio.Task[None] | None = None

    def _providers(self, records: Any) -> ProviderOperations:
        def directory() -> ProviderDirectory:
            return ProviderDirectory(self.catalogue, dict, self.clock)

        self.directory = directory()
        return ProviderOperations(
            configs=records.providers,
            directory=self.directory,
            catalogue=self.catalogue,
            scratch=directory,
            clock=self.clock,
            chains=lambda: {"chat_completion": ("gone", "p", "q")},
            built_in=("q",),
        )

    async def _ready(self) -> None:
        if self.problem is not None:
            raise self.problem

    def _build(self) -> Quart:
        watch = CredentialWatch(self.authenticator, self.clock, self.settings.sockets.credential_check_interval)
        parts: dict[str, Any] = {
            "authenticator": self.authenticator,
            "credential_watch": watch,
            "accounts": self.accounts,
            "sign_ins": self.sign_ins,
            "api_keys": self.api_keys,
            "sessions": self.sessions,
            "history": self.history,
            "attachments": self.attachments,
            "gateway": self.queues,
            "session_events": self.queues,
            "turns": self.queues,
            "live_sessions": FakeLive(),
            "messages": self.messages,
            "conversations": self.conversations,
            "personas": self.personas,
            "profiles": self.profiles,
            "forms": FakeForms(),
            "tools": FakeTools(),
            "statistics": self.statistics,
            "mcp": self.mcp,
            "plugin_manager": self.plugins,
            "plugins": PluginOperations(self.plugins),
            "backups": self.backups,
            "temp_dir": self.folder / "temp",
            "providers": self.providers,
            "detection": ProviderDetection({"OPENAI_API_KEY": "sk-secret"}, "http://127.0.0.1:9"),
            "platforms": self.platforms,
            "logs": self.logs,
            "clock": self.clock,
            "rate_limits": MemoryRateLimits(self.settings, self.clock),
            "supervisor": self.supervisor,
            "ready": self._ready,
            "settings": self.settings,
        }
        return create_app(DashboardServices(**parts))

    @property
    def client(self) -> TestClientProtocol:
        """Talks to the application."""
        return self.app.test_client()

    async def call(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Response:
        """Send a request; the answer is checked against the contract."""
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        if key is not None:
            sent["X-API-Key"] = key
        response = await self.client.open(path, method=method, headers=sent, **options)
        await self.check.response(method, path, response)
        return response

    async def data(self, method: str, path: str, *, status: int = 200, **options: Any) -> Any:
        """``data`` of an answer with the expected status (of an error: its message and code)."""
        response = await self.call(method, path, **options)
        answer = await response.get_json()
        assert response.status_code == status, answer
        return answer["data"] if status == 200 else (answer["message"], answer["data"]["code"])

    async def token(self, username: str = ADMIN) -> str:
        """A sign-in token."""
        return await self.authenticator.issue_token(username)

    async def expire(self, record: ApiKey) -> None:
        """Let a key have expired a second ago."""
        keys = await self.api_keys._keys.get()
        keys.replace(msgspec.structs.replace(record, expires_at=self.clock.time() - 1))

    async def key(self, *scopes: str, creator: str = ADMIN, expires_at: float | None = None) -> str:
        """An API key."""
        return (await self.api_keys.create("test", scopes, creator=creator, expires_at=expires_at)).key


@asynccontextmanager
async def admin_house(
    folder: Path, settings: DashboardSettings | None = None, *, lifespan: bool = True
) -> AsyncIterator[AdminHouse]:
    """Build everything in ``folder``, with one account, and take it down again.

    Args:
        lifespan: Start the application; False: a server does.
    """
    chosen = settings or DashboardSettings(
        max_upload_bytes=UPLOAD_LIMIT, metrics_token=METRICS_TOKEN, login_rate=600, request_rate=5000
    )
    async with (
        plugin_host(folder / "plugins_root") as plugins,
        _open_house(folder, chosen, plugins, lifespan=lifespan) as house,
    ):
        yield house


@asynccontextmanager
async def _open_house(
    folder: Path, settings: DashboardSettings, plugins: PluginHost, *, lifespan: bool
) -> AsyncIterator[AdminHouse]:
    database = await Database.open(folder)
    house = AdminHouse(database, folder, settings, plugins)
    await house.preferences.load()
    await house.accounts.ensure_first(ADMIN, PASSWORD)
    engine = asyncio.create_task(house.engine.run())
    try:
        async with house.app.test_app() if lifespan else nullcontext():
            yield house
    finally:
        house.queues.close()
        await cancel_and_wait(engine)
        await house.mcp_servers.aclose()
        await house.supervisor.aclose()
        await house.directory.aclose()
        house.accounts.close()
        await house.history.aclose()
        await house.preferences.aclose()
        await database.aclose()

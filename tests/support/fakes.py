"""A house with a scripted engine: the real web application and server, everything behind it in memory."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from quart import Quart

from astrbot_like.dashboard.app import create_app
from astrbot_like.dashboard.auth import Authenticator
from astrbot_like.dashboard.credential_watch import CredentialWatch
from astrbot_like.dashboard.limits import MemoryRateLimits
from astrbot_like.dashboard.services import DashboardServices, RouteModule
from astrbot_like.dashboard.settings import DashboardSettings
from astrbot_like.domain import errors
from astrbot_like.domain import events as e
from astrbot_like.domain.accounts import Account
from astrbot_like.domain.history import Conversation, NewMessage, Session, StoredMessage
from astrbot_like.domain.live import LiveOpen, LiveOptions, LiveOutput
from astrbot_like.domain.messages import MessagePart, PlainPart
from astrbot_like.domain.turns import TurnRequest
from astrbot_like.host.server import Server
from astrbot_like.host.server_protocol import ConnectionOptions
from astrbot_like.platforms.webchat.memory import MemoryQueues, MemoryReply
from astrbot_like.runtime.channels import ChannelClosed
from astrbot_like.runtime.clock import SystemClock, iso_utc
from astrbot_like.runtime.ids import new_id
from astrbot_like.runtime.tasks import Supervisor, cancel_and_wait
from tests.support.contract import ContractCheck

Emit = Callable[[e.TurnEvent], Awaitable[None]]
Script = Callable[[TurnRequest, Emit], Awaitable[None]]
"""One turn: what is emitted between the saved user message and the end."""

API_KEY = "abk_test"
USERNAME = "ann"
NOW = "2026-01-01T00:00:00.000Z"


class FakeSessions:
    """Sessions in a dictionary."""

    def __init__(self) -> None:
        self.known: dict[str, Session] = {}

    async def get(self, session_id: str) -> Session | None:
        return self.known.get(session_id)

    async def by_umo(self, umo: str) -> Session | None:
        return next((session for session in self.known.values() if session.umo == umo), None)

    async def open(
        self,
        session_id: str | None,
        *,
        username: str,
        platform_id: str = "webchat",
        umo: str | None = None,
        is_group: bool = False,
    ) -> Session:
        session_id = session_id or new_id()
        session = self.known.get(session_id)
        if session is None:
            session = self.known[session_id] = Session(
                session_id=session_id,
                platform_id=platform_id,
                creator=username,
                display_name="",
                is_group=is_group,
                conversation_id="c-" + session_id,
                profile_id="default",
                umo=umo or f"webchat:FriendMessage:webchat!{username}!{session_id}",
                created_at=NOW,
                updated_at=NOW,
            )
        if session.creator != username:
            raise errors.SessionError
        return session


class FakeHistory:
    """Messages in a list."""

    def __init__(self) -> None:
        self.rows: list[StoredMessage] = []
        self.before_reading: Callable[[], Awaitable[None]] | None = None

    async def append(self, message: NewMessage) -> StoredMessage:
        row = StoredMessage(id=len(self.rows) + 1, created_at=iso_utc(time.time()), **msgspec.structs.asdict(message))
        self.rows.append(row)
        return row

    async def context(self, conversation_id: str, *, limit: int = 2000) -> Sequence[StoredMessage]:
        return [row for row in self.rows if row.conversation_id == conversation_id][-limit:]

    async def after(self, session_id: str, history_id: int, *, limit: int = 500) -> Sequence[StoredMessage]:
        if self.before_reading is not None:
            await self.before_reading()
        return [row for row in self.rows if row.session_id == session_id and row.id > history_id][:limit]

    async def conversation(self, conversation_id: str) -> Conversation | None:
        return None

    async def compress(self, conversation_id: str, *, summary: str, up_to: int) -> None:
        raise NotImplementedError


class FakeKeys:
    """API keys: ``abk_test`` may chat, ``abk_files`` may only upload."""

    def __init__(self) -> None:
        self.scopes: dict[str, tuple[str, ...]] = {API_KEY: ("chat", "file"), "abk_files": ("file",)}

    async def verify(self, key: str) -> Any:
        if key not in self.scopes:
            return None
        return msgspec.defstruct(
            "Key", [("key_id", str), ("creator", str), ("scopes", tuple[str, ...]), ("expires_at", float | None)]
        )(key, "admin", self.scopes[key], None)

    async def is_active(self, key_id: str) -> bool:
        return key_id in self.scopes


class FakeAccounts:
    """One account."""

    def __init__(self) -> None:
        self.generations: dict[str, int] = {USERNAME: 0, "bob": 0}

    async def token_generation(self, username: str) -> int | None:
        return self.generations.get(username)

    async def token_revoked(self, jti: str) -> bool:
        return False

    async def authenticate(self, username: str, password: str) -> Account | None:
        return None


class FakeSecrets:
    """A fixed signing secret."""

    async def signing_secret(self) -> str:
        return "a-secret-of-thirty-two-bytes-or-more"

    async def rotate_signing_secret(self) -> None:
        raise NotImplementedError


async def say_hello(request: TurnRequest, emit: Emit) -> None:
    """The usual turn: two deltas, one sentence spoken in two chunks, the whole text."""
    await emit(e.MetricsReported({"llm_ttft": 0.1}))
    await emit(e.TextDelta("Hello "))
    await emit(e.TextDelta("you."))
    if request.options.speak:
        await emit(e.SpokenText("Hello you."))
        await emit(e.SpeechChunk(b"\1\0" * 240, 24_000))
        await emit(e.SpeechChunk(b"\2\0" * 240, 24_000))
    await emit(e.ReplyText("Hello you.", streamed=True))


class FakeEngine:
    """Runs scripted turns from the real in-process queues."""

    def __init__(self, history: FakeHistory, sessions: FakeSessions) -> None:
        self.queues = MemoryQueues()
        self.history = history
        self.sessions = sessions
        self.script: Script = say_hello
        self.requests: list[TurnRequest] = []
        self.running: set[asyncio.Task[None]] = set()
        self._locks: dict[str, asyncio.Lock] = {}

    async def run(self) -> None:
        """Serve requests until cancelled."""
        try:
            while True:
                request, reply = await self.queues.take()
                self.requests.append(request)
                task = asyncio.create_task(self._turn(request, reply))
                self.running.add(task)
                task.add_done_callback(self.running.discard)
        except ChannelClosed:
            return
        finally:
            await cancel_and_wait(*self.running)

    async def _turn(self, request: TurnRequest, reply: MemoryReply) -> None:
        async with self._locks.setdefault(request.session_id, asyncio.Lock()):
            await self._locked_turn(request, reply)

    async def _locked_turn(self, request: TurnRequest, reply: MemoryReply) -> None:
        row = await self.history.append(_message(request, "user", request.text, request.parts))
        await reply.send(e.UserMessageSaved(row.id, row.created_at, row.text, 1_700_000_000_000, request.parts))
        said: list[str] = []

        async def emit(event: e.TurnEvent) -> None:
            if isinstance(event, e.TextDelta):
                said.append(event.text)
            if isinstance(event, e.ReplyText) and not event.streamed:
                said.append(event.text)
            await reply.send(event)

        work = asyncio.create_task(self.script(request, emit))  # type: ignore[arg-type]
        reply.on_interrupt(lambda _: work.cancel())
        try:
            await work
            outcome: e.Outcome = "completed"
        except asyncio.CancelledError:
            if reply.interruption is None:
                raise
            outcome = "interrupted"
        except errors.BotError as error:
            await reply.send(e.TurnFailed(error.code, error.message))
            outcome = "failed"
        finally:
            await cancel_and_wait(work)
        if text := "".join(said):
            row = await self.history.append(_message(request, "bot", text, (PlainPart(text),)))
            saved = e.BotMessageSaved(row.id, row.created_at, text, 1_700_000_000_001, row.parts)
            await reply.send(saved)
        await reply.send(e.TurnEnded(outcome))
        reply.finish()


def _message(request: TurnRequest, role: Any, text: str, parts: tuple[MessagePart, ...]) -> NewMessage:
    return NewMessage(
        session_id=request.session_id,
        conversation_id="c-" + request.session_id,
        turn_id=request.turn_id,
        role=role,
        parts=parts,
        context=(),
        text=text,
        message_id=request.message_id,
    )


class FakeLiveSession:
    """The rules of a live session around a scripted turn."""

    def __init__(self, engine: FakeEngine, request: LiveOpen, output: LiveOutput) -> None:
        self.engine = engine
        self.opened = request
        self.output = output
        self.options = LiveOptions()
        self.calls: list[tuple[str, Any]] = []
        self.stamp: str | None = None
        self.pcm = bytearray()
        self._reply: MemoryReply | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        return self._task is not None and not self._task.done()

    def start_speaking(self, stamp: str) -> None:
        self.calls.append(("start_speaking", stamp))
        self.stamp = stamp
        self.pcm.clear()

    def audio(self, pcm: bytes) -> None:
        if self.stamp is not None:
            if len(self.pcm) + len(pcm) > 32_000 * 120:
                raise errors.TooLarge("The utterance is over the limit.")
            self.pcm += pcm

    def end_speaking(self, stamp: str) -> None:
        self.calls.append(("end_speaking", stamp))
        if self.stamp != stamp:
            raise errors.StampMismatch
        if self.busy:
            raise errors.SessionBusy
        self.stamp = None
        if not self.pcm:
            raise errors.NoAudio
        self._start((PlainPart("what you said"),), "what you said", spoken=True)

    def input(self, parts: tuple[MessagePart, ...], text: str) -> None:
        self.calls.append(("input", text))
        if self.busy:
            raise errors.SessionBusy
        self._start(parts, text, spoken=False)

    def interrupt(self) -> None:
        self.calls.append(("interrupt", None))
        if self._reply is not None and self.busy:
            self.output.discard(lambda event: isinstance(event, e.TextDelta | e.SpeechChunk | e.SpokenText))
            self._reply.interrupt()

    def playback(self, played_ms: float) -> None:
        self.calls.append(("playback", played_ms))

    def update(self, changes: dict[str, Any]) -> None:
        self.calls.append(("update", changes))
        self.options = msgspec.structs.replace(self.options, **changes)
        self.output.force(e.SessionUpdated(msgspec.structs.asdict(self.options)))

    async def aclose(self) -> None:
        if self._reply is not None:
            self._reply.interrupt(reason="disconnect")
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    def _start(self, parts: tuple[MessagePart, ...], text: str, *, spoken: bool) -> None:
        self._task = asyncio.create_task(self._run(parts, text, spoken))

    async def _run(self, parts: tuple[MessagePart, ...], text: str, spoken: bool) -> None:
        from astrbot_like.domain.turns import TurnOptions

        session = await self.engine.sessions.open(self.options.session_id, username=self.opened.username)
        self.options = msgspec.structs.replace(self.options, session_id=session.session_id)
        turn_id = new_id()
        request = TurnRequest(
            turn_id=turn_id,
            message_id=turn_id,
            session_id=session.session_id,
            username=self.opened.username,
            parts=parts,
            text=text,
            options=TurnOptions(speak=True),
            origin="live",
            started_at=0.0,
        )
        self._reply = await self.engine.queues.submit(request)
        try:
            await self.output.send(e.TurnStarted(turn_id, turn_id, session.session_id))
            await self.output.send(e.MetricsReported({"input_type": "audio" if spoken else "text"}))
            async for event in self._reply:
                if isinstance(event, e.TurnInterrupted):
                    self.output.force(event)
                else:
                    await self.output.send(event)
        except ChannelClosed:
            await self._reply.aclose()


class FakeLiveSessions:
    """Makes scripted live sessions, up to a capacity."""

    def __init__(self, engine: FakeEngine) -> None:
        self.engine = engine
        self.capacity = 1000
        self.opened: list[FakeLiveSession] = []

    @property
    def count(self) -> int:
        return len(self.opened)

    def open(self, request: LiveOpen, output: LiveOutput) -> FakeLiveSession:
        if len(self.opened) >= self.capacity:
            raise errors.AtCapacity
        session = FakeLiveSession(self.engine, request, output)
        self.opened.append(session)
        return session


class Absent:
    """A part of the house that the test at hand does not use."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Absent:
        return Absent(f"{self._name}.{attribute}")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError(f"{self._name} is not part of this house")


class FakeConversations:
    """Whose session is whose."""

    def __init__(self, sessions: FakeSessions) -> None:
        self._sessions = sessions

    async def get(self, session_id: str, *, username: str | None = None) -> Session:
        found = await self._sessions.get(session_id)
        if found is None:
            raise errors.NotFound
        if username is not None and found.creator != username:
            raise errors.SessionError
        return found


class NoSignIns:
    """Forgets where accounts are signed in."""

    def seen(self, token_id: str) -> None:
        return


class FakeHouse:
    """The application on fakes, served on a real port.

    Attributes:
        app: The web application.
        url: ``http://127.0.0.1:PORT``.
    """

    def __init__(self, routes: Sequence[RouteModule], settings: DashboardSettings) -> None:
        self.clock = SystemClock()
        self.sessions = FakeSessions()
        self.history = FakeHistory()
        self.engine = FakeEngine(self.history, self.sessions)
        self.live = FakeLiveSessions(self.engine)
        self.keys = FakeKeys()
        self.accounts = FakeAccounts()
        self.authenticator = Authenticator(
            keys=self.keys, accounts=self.accounts, secrets=FakeSecrets(), clock=self.clock, token_lifetime=3600
        )
        self.supervisor = Supervisor(self.clock)
        self.settings = settings
        self.routes = routes
        self.app: Quart
        self.url = ""

    def build(self) -> Quart:
        """The application."""

        async def ready() -> None:
            return

        watch = CredentialWatch(self.authenticator, self.clock, self.settings.sockets.credential_check_interval)
        parts: dict[str, Any] = {
            "authenticator": self.authenticator,
            "credential_watch": watch,
            "accounts": self.accounts,
            "sessions": self.sessions,
            "history": self.history,
            "conversations": FakeConversations(self.sessions),
            "sign_ins": NoSignIns(),
            "turns": self.engine.queues,
            "gateway": self.engine.queues,
            "session_events": self.engine.queues,
            "live_sessions": self.live,
            "clock": self.clock,
            "rate_limits": MemoryRateLimits(self.settings, self.clock),
            "supervisor": self.supervisor,
            "ready": ready,
            "settings": self.settings,
            "routes": self.routes,
        }
        for field in dataclasses.fields(DashboardServices):
            if field.name not in parts and field.default is field.default_factory is dataclasses.MISSING:
                parts[field.name] = Absent(field.name)
        self.app = create_app(DashboardServices(**parts))
        self.contract = ContractCheck(self.app)
        self.contract.watch(self.app)
        return self.app

    async def token(self, username: str = USERNAME) -> str:
        """A sign-in token."""
        return await self.authenticator.issue_token(username)

    def ws(self, path: str, query: Mapping[str, str] | None = None) -> str:
        """Address of a WebSocket."""
        from urllib.parse import urlencode

        return f"{self.url.replace('http', 'ws', 1)}{path}" + (f"?{urlencode(query)}" if query else "")


@asynccontextmanager
async def fake_house(
    *routes: RouteModule,
    settings: DashboardSettings | None = None,
    options: ConnectionOptions | None = None,
    most_connections: int = 1000,
) -> AsyncIterator[FakeHouse]:
    """Serve the application on a port that the system chooses."""
    house = FakeHouse(routes, settings or DashboardSettings())
    server = Server(house.build(), host="127.0.0.1", port=0, options=options, most_connections=most_connections)
    engine = asyncio.create_task(house.engine.run())
    try:
        await server.start()
        house.url = server.url
        yield house
        house.contract.raise_problems()
    finally:
        await server.stop(2.0)
        house.engine.queues.close()
        await cancel_and_wait(engine)
        await house.supervisor.aclose()

"""Run a plugin on the real plugin host, pipeline and agent, with fake models and a platform that keeps what is sent.

No server, no socket; everything lives in a temporary directory. This module stands on the rooms above the API, which
is allowed to it alone.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from astrbot_like.api.chain import MessageChain
from astrbot_like.api.components.base import BaseMessageComponent
from astrbot_like.api.incoming import AstrBotMessage, MessageSession, PlatformMetadata
from astrbot_like.api.message_event import AstrMessageEvent
from astrbot_like.api.platform.base import Platform
from astrbot_like.api.provider.entities import ProviderMetaData
from astrbot_like.api.testing.events import TEST_PLATFORM, FakeEvent, make_message
from astrbot_like.api.testing.providers import FakeChatProvider
from astrbot_like.domain.profiles import CHAINS

if TYPE_CHECKING:
    from astrbot_like.api.star.context import Context
    from astrbot_like.host.engine_parts import EngineParts
    from astrbot_like.host.plugin_parts import PluginParts
    from astrbot_like.plugin_host.manager import PluginHost
    from astrbot_like.plugin_host.records import Plugin

SETTLE = 60.0
"""Seconds plugins may take to start, or a message to be handled."""


class PluginFailed(AssertionError):
    """A plugin did not start; the text says at which stage and why."""


@dataclass
class Reply:
    """What the bot sent in answer to one message.

    Attributes:
        event: The event, as the pipeline left it.
        chains: What was sent through the event, in order.
        proactive: ``(unified message origin, chain)`` of what was sent without an event meanwhile.
    """

    event: FakeEvent
    chains: list[MessageChain]
    proactive: list[tuple[str, MessageChain]] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        """The sent messages as text; other components than text as ``[ClassName]``."""
        return [chain.get_plain_text(with_other_comps_mark=True) for chain in self.chains]

    @property
    def text(self) -> str:
        """All of it, a line each."""
        return "\n".join(self.texts)


class TesterPlatform(Platform):
    """A platform that keeps what is sent; its events too."""

    def __init__(self, queue: asyncio.Queue[Any], meta: PlatformMetadata) -> None:
        super().__init__({"id": meta.id, "type": meta.name}, queue)
        self._meta = meta
        self.sent: list[tuple[str, MessageChain]] = []
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        """Live until the end of the test."""
        await self._stopped.wait()

    async def terminate(self) -> None:
        """End ``run``."""
        self._stopped.set()

    def meta(self) -> PlatformMetadata:
        """The platform's metadata."""
        return self._meta

    async def send_by_session(self, session: MessageSession, message_chain: MessageChain) -> None:
        """Keep a chain."""
        self.sent.append((str(session), message_chain))

    def create_event(self, message: AstrBotMessage) -> AstrMessageEvent:
        """An event that keeps what is sent."""
        event = FakeEvent(message.message_str, message, self._meta, message.session_id)
        event.sent = []
        return event


class PluginTester:
    """A plugin host with an engine, to be used as ``async with PluginTester(folder) as tester``.

    Args:
        folders: Plugin folders; copied, so that nothing of the test stays in them.
        providers: Fake (or real) provider instances; the first of each kind is in use. None: one ``FakeChatProvider``.
        config: Changes of the host configuration in AstrBot's form, such as ``{"admins_id": ["1"]}``.
        plugin_config: Saved configuration by folder name, as a user would have made it.
        platform: What the platform calls itself.
        root: Directory for ``data``; None: a temporary one.
        bundled: Load the bundled plugins too.
        install: Install missing requirements, and wait for that.

    Attributes:
        platform: The platform; ``sent`` holds what was sent without an event.
    """

    def __init__(
        self,
        *folders: str | Path,
        providers: Sequence[Any] | None = None,
        config: dict[str, Any] | None = None,
        plugin_config: dict[str, dict[str, Any]] | None = None,
        platform: PlatformMetadata = TEST_PLATFORM,
        root: Path | None = None,
        bundled: bool = False,
        install: bool = False,
    ) -> None:
        self._folders = [Path(folder) for folder in folders]
        self._providers = [FakeChatProvider()] if providers is None else list(providers)
        self._config = config or {}
        self._plugin_config = plugin_config or {}
        self._platform_meta = platform
        self._root = root
        self._bundled = bundled
        self._install = install
        self._stack = AsyncExitStack()
        self._parts: PluginParts | None = None
        self._engine: EngineParts | None = None
        self.platform: TesterPlatform

    # --- life ----------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _start(self) -> None:
        from astrbot_like.config import Settings
        from astrbot_like.engine.dispatch import EventDispatcher
        from astrbot_like.engine.settings import EngineSettings
        from astrbot_like.engine.startup import Startup
        from astrbot_like.host.engine_parts import build_engine
        from astrbot_like.host.plugin_parts import build_plugins
        from astrbot_like.host.profiles import ProfileBook, declared_profiles
        from astrbot_like.host.stores import open_stores
        from astrbot_like.operations.profiles import Profiles
        from astrbot_like.platforms.webchat.memory import MemoryQueues
        from astrbot_like.plugin_host.settings import PluginSettings
        from astrbot_like.runtime.clock import SystemClock
        from astrbot_like.runtime.tasks import Supervisor

        data = await asyncio.to_thread(self._prepare)
        settings = Settings(
            plugins=PluginSettings(bundled=self._bundled, install_requirements=self._install, start_patience=SETTLE)
        )
        clock = SystemClock()
        supervisor = Supervisor(clock)
        startup = Startup(clock)
        self._stack.push_async_callback(supervisor.aclose)
        stores = await open_stores(data, settings.storage, clock, exclusive=False)
        self._stack.push_async_callback(stores.aclose)
        declared = declared_profiles({"default": {"host": self._host_config(), **self._chains()}})
        book = ProfileBook(
            Profiles(stores.records.profiles, stores.sessions, declared), stores.personas, stores.preferences, {}, data
        )
        await book.refresh()
        dispatcher = EventDispatcher(self._run, settings.turn.handler_concurrency)
        self._stack.push_async_callback(dispatcher.drain, 0.0)
        parts = await build_plugins(settings, stores, book, dispatcher.queue, supervisor, clock, data)
        self._parts = parts
        self._stack.push_async_callback(parts.aclose)
        self._engine = build_engine(
            EngineSettings(settings.turn, settings.live, settings.voice),
            stores=stores,
            book=book,
            plugins=parts,
            queues=MemoryQueues(),
            dispatcher=dispatcher,
            startup=startup,
            clock=clock,
            supervisor=supervisor,
            temp_dir=data / "temp",
        )
        self._stack.push_async_callback(parts.platforms.aclose)
        supervisor.service("events", dispatcher.serve)
        await parts.host.load_all()
        await self._settle(parts.host)
        await self._add_providers(parts)
        startup.end()
        self.platform = TesterPlatform(dispatcher.queue, self._platform_meta)
        parts.platforms.add(self.platform)
        await parts.host.dispatch.hook("platform_loaded", None)
        await parts.host.dispatch.hook("astrbot_loaded", None)

    def _prepare(self) -> Path:
        if self._root is None:
            made = tempfile.mkdtemp(prefix="plugin-tester-")
            self._stack.callback(shutil.rmtree, made, ignore_errors=True)
            self._root = Path(made)
        data = self._root / "data"
        for name in ("temp", "plugins", "plugin_data", "config", "attachments"):
            (data / name).mkdir(parents=True, exist_ok=True)
        for folder in self._folders:
            ignored = shutil.ignore_patterns(".git", "__pycache__", ".venv", "node_modules")
            shutil.copytree(
                folder,
                data / "plugins" / folder.name,
                ignore=ignored,
                ignore_dangling_symlinks=True,
                dirs_exist_ok=True,
            )
        for name, values in self._plugin_config.items():
            import json

            (data / "config" / f"{name}_config.json").write_text(json.dumps(values), encoding="utf-8-sig")
        return data

    def _host_config(self) -> dict[str, Any]:
        changes = dict(self._config)
        platform = dict(changes.get("platform_settings") or {})
        # A test that sends many messages must not be slowed down by the default limit of 30 a minute.
        platform.setdefault("rate_limit", {"count": 0})
        return {**changes, "platform_settings": platform}

    def _chains(self) -> dict[str, list[str]]:
        chains: dict[str, list[str]] = {}
        for provider in self._providers:
            chains.setdefault(CHAINS[provider.meta().provider_type.value], []).append(provider.meta().id)
        return chains

    async def _add_providers(self, parts: PluginParts) -> None:
        from astrbot_like.domain.profiles import ProviderConfig

        for provider in self._providers:
            meta = provider.meta()
            name = f"tester_{meta.id}"
            parts.host.provider_types[name] = ProviderMetaData(
                id=meta.id,
                model=meta.model,
                type=name,
                provider_type=meta.provider_type,
                cls_type=_Given(provider),
            )
            await parts.directory.put(ProviderConfig(meta.id, name, meta.provider_type.value, {}))

    async def _settle(self, host: PluginHost) -> None:
        starting = [plugin.starting for plugin in host.plugins() if plugin.starting is not None]
        if starting:
            await asyncio.wait(starting, timeout=host.settings.install_timeout if self._install else SETTLE)

    async def _run(self, event: AstrMessageEvent) -> None:
        from astrbot_like.host.services.running import run_noted

        assert self._engine is not None
        await run_noted(self._engine.turns.run, event, self.host.active_events)

    # --- what a test looks at ------------------------------------------------------------------

    @property
    def parts(self) -> PluginParts:
        """The plugin host with the provider directory and the platforms."""
        assert self._parts is not None, "use it as 'async with PluginTester(…)'"
        return self._parts

    @property
    def host(self) -> PluginHost:
        """The plugin host."""
        return self.parts.host

    @property
    def context(self) -> Context:
        """What plugins get as ``context``."""
        return self.host.context

    def plugin(self, name: str) -> Plugin:
        """The host's record of a plugin, by its name or folder.

        Raises:
            PluginFailed: It did not start.
        """
        plugin = self.host.find(name)
        if plugin.failure is not None:
            failure = plugin.failure
            raise PluginFailed(
                f"{name}: {failure.stage}: {failure.reason} {failure.where}\n{failure.traceback}".rstrip()
            )
        return plugin

    def star(self, name: str) -> Any:
        """A plugin's object.

        Raises:
            PluginFailed: It did not start.
        """
        return self.plugin(name).instance

    # --- what a test does ----------------------------------------------------------------------

    async def say(
        self,
        content: str | Sequence[BaseMessageComponent],
        *,
        sender: str = "10001",
        nickname: str = "tester",
        group: str = "",
        timeout: float = SETTLE,
    ) -> Reply:
        """Send a message and wait until it is handled.

        Args:
            content: Text or components.
            group: Id of the group it is said in; empty: in private.
            timeout: Seconds it may take.
        """
        event = self.event(content, sender=sender, nickname=nickname, group=group)
        before = len(self.platform.sent)
        turn = asyncio.create_task(self._run(event))
        _done, late = await asyncio.wait({turn}, timeout=timeout)
        if late:
            turn.cancel()
            raise TimeoutError(f"the message was not handled within {timeout} seconds")
        if not turn.cancelled():  # a stopped turn has ended all the same
            turn.result()
        return Reply(event, event.sent, self.platform.sent[before:])

    async def waiting(self, count: int = 1, *, timeout: float = SETTLE) -> None:
        """Return when that many session waiters wait for a message (``say`` runs beside, as a task)."""
        async with asyncio.timeout(timeout):
            while len(self.host.waiters) < count:  # noqa: ASYNC110 - the waiters tell nobody, and a test may poll
                await asyncio.sleep(0.005)

    def event(
        self,
        content: str | Sequence[BaseMessageComponent],
        *,
        sender: str = "10001",
        nickname: str = "tester",
        group: str = "",
    ) -> FakeEvent:
        """An event of the tester's platform, not handled yet."""
        message = make_message(content, sender=sender, nickname=nickname, group=group)
        event = self.platform.create_event(message)
        assert isinstance(event, FakeEvent)
        return event


class _Given:
    """Stands for the class of a provider that exists already."""

    def __init__(self, provider: Any) -> None:
        self._provider = provider
        self.__module__ = type(provider).__module__

    def __call__(self, _config: dict[str, Any], _settings: dict[str, Any]) -> Any:
        return self._provider

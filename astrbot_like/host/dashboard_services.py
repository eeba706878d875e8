"""What the web application is handed, put together."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from astrbot_like.api.event import MessageChain
from astrbot_like.api.func_tools import FunctionToolManager
from astrbot_like.api.message_components import BaseMessageComponent, File, Image, Plain, Record, Video
from astrbot_like.api.platform import MessageSession
from astrbot_like.dashboard.auth import Authenticator
from astrbot_like.dashboard.credential_watch import CredentialWatch
from astrbot_like.dashboard.limits import MemoryRateLimits
from astrbot_like.dashboard.services import DashboardServices
from astrbot_like.dashboard.settings import DashboardSettings
from astrbot_like.domain.errors import BotError, NotFound, ProcessingError
from astrbot_like.domain.messages import MessagePart, PlainPart, ReplyPart, media_kind
from astrbot_like.domain.profiles import Profile
from astrbot_like.engine.mcp_servers import McpServers
from astrbot_like.engine.providers import ProviderDirectory, describe
from astrbot_like.host.declared import EMBEDDED_IDS, resolve_environment
from astrbot_like.host.engine_parts import EngineParts
from astrbot_like.host.plugin_parts import PluginParts
from astrbot_like.host.profile_forms import Forms
from astrbot_like.host.profiles import ProfileBook
from astrbot_like.host.stores import Stores
from astrbot_like.operations.backups import Backups
from astrbot_like.operations.mcp_servers import McpOperations
from astrbot_like.operations.platforms import PlatformOperations
from astrbot_like.operations.plugins import PluginOperations
from astrbot_like.operations.profiles import Profiles
from astrbot_like.operations.provider_detection import ProviderDetection
from astrbot_like.operations.providers import ProviderOperations
from astrbot_like.operations.sign_ins import SignIns
from astrbot_like.platforms.manager import PlatformInstances
from astrbot_like.platforms.webchat.memory import MemoryQueues
from astrbot_like.runtime.clock import Clock
from astrbot_like.runtime.logging import LogBus
from astrbot_like.runtime.metrics import Metric, gauge
from astrbot_like.runtime.tasks import Supervisor
from astrbot_like.storage.attachments import AttachmentStore


class ProactiveSender:
    """Sends messages that nobody asked the bot for (``ProactiveMessages``)."""

    def __init__(self, platforms: PlatformInstances, attachments: AttachmentStore) -> None:
        self._platforms = platforms
        self._attachments = attachments

    async def send(self, umo: str, parts: Sequence[MessagePart], *, credential: str = "") -> None:
        """Send now; see ``ProactiveMessages``."""
        session = MessageSession.from_str(umo)
        self._platforms.require(session.platform_id)
        chain = MessageChain([await self._component(p, credential) for p in parts if not isinstance(p, ReplyPart)])
        try:
            await self._platforms.send(session, chain)
        except BotError:
            raise
        except Exception as error:
            raise ProcessingError(f"The message could not be sent: {describe(error)}") from error

    async def _component(self, part: Any, credential: str) -> BaseMessageComponent:
        if isinstance(part, PlainPart):
            return Plain(part.text)
        found = await self._attachments.get(part.attachment_id)
        if found is None or (credential and not found.readable_by("", credential)):
            raise NotFound("Attachment not found")
        match media_kind(part):
            case "image":
                return Image.fromFileSystem(found.path)
            case "record":
                return Record.fromFileSystem(found.path)
            case "video":
                return Video.fromFileSystem(found.path)
            case "file":
                return File(name=found.filename, file=found.path)


class RefreshingProfiles(Profiles):
    """Profiles whose changes are seen by the next turn."""

    book: ProfileBook

    async def create(self, name: str, values: Mapping[str, Any] | None = None) -> Profile:
        """Make a profile; see ``Profiles.create``."""
        made = await super().create(name, values)
        await self.book.refresh()
        return made

    async def update(self, profile_id: str, values: Mapping[str, Any]) -> Profile:
        """Change a profile; see ``Profiles.update``."""
        changed = await super().update(profile_id, values)
        await self.book.refresh()
        return changed

    async def delete(self, profile_id: str) -> None:
        """Delete a profile; see ``Profiles.delete``."""
        await super().delete(profile_id)
        await self.book.refresh()


class ToolView(msgspec.Struct, frozen=True):
    """A tool that models may call."""

    name: str
    desc: str
    source: str


class ToolList:
    """Tools of all plugins and servers (``Tools``)."""

    def __init__(self, plugins: PluginParts) -> None:
        self._plugins = plugins

    def all(self) -> Sequence[ToolView]:
        """All of them, by name."""
        host = self._plugins.host
        found: list[ToolView] = []
        for tool in host.tools.func_list:
            owner = host.owner(tool.handler_module_path or type(tool).__module__)
            source = owner.name if owner is not None else str(getattr(tool, "mcp_server_name", ""))
            found.append(ToolView(tool.name, tool.description, source))
        return sorted(found, key=lambda tool: tool.name)


def dashboard_services(
    *,
    settings: DashboardSettings,
    stores: Stores,
    profiles: Profiles,
    book: ProfileBook,
    plugins: PluginParts,
    engine: EngineParts,
    queues: MemoryQueues,
    logs: LogBus,
    clock: Clock,
    supervisor: Supervisor,
    ready: Callable[[], Awaitable[None]],
    provider_settings: Callable[[], dict[str, Any]],
) -> DashboardServices:
    """Put it together."""
    accounts = stores.accounts
    authenticator = Authenticator(
        keys=stores.api_keys,
        accounts=accounts,
        secrets=accounts,
        clock=clock,
        token_lifetime=settings.token_lifetime,
    )

    def scratch() -> ProviderDirectory:
        return ProviderDirectory(plugins.catalogue, provider_settings, clock)

    async def figures() -> Sequence[Metric]:
        return (
            gauge("live_sessions", "Open live sessions.", engine.live_sessions.count),
            gauge("live_capacity", "Live sessions that may talk at once.", engine.live_sessions.capacity),
            gauge("turns_running", "Turns under way.", engine.dispatcher.running),
            gauge("providers", "Configured providers.", len(plugins.directory.entries())),
        )

    return DashboardServices(
        authenticator=authenticator,
        credential_watch=CredentialWatch(authenticator, clock, settings.sockets.credential_check_interval),
        accounts=accounts,
        sign_ins=SignIns(stores.preferences, accounts, clock),
        api_keys=stores.api_keys,
        sessions=stores.sessions,
        history=stores.history,
        attachments=stores.attachments,
        gateway=queues,
        session_events=queues,
        live_sessions=engine.live_sessions,
        messages=ProactiveSender(plugins.platforms, stores.attachments),
        turns=queues,
        conversations=stores.conversations,
        personas=stores.personas,
        profiles=profiles,
        forms=Forms(),
        tools=ToolList(plugins),
        mcp=McpOperations(
            configs=stores.records.mcp_servers,
            servers=plugins.mcp,
            scratch=lambda: McpServers(FunctionToolManager(), supervisor, clock),
            clock=clock,
            resolve=resolve_environment,
        ),
        plugins=PluginOperations(plugins.host),
        plugin_manager=plugins.host,
        backups=Backups(stores.data, stores.database),
        statistics=stores.statistics,
        temp_dir=stores.data / "temp",
        providers=ProviderOperations(
            configs=stores.records.providers,
            directory=plugins.directory,
            catalogue=plugins.catalogue,
            scratch=scratch,
            clock=clock,
            resolve=resolve_environment,
            chains=book.default_chains,
            built_in=EMBEDDED_IDS,
        ),
        detection=ProviderDetection(os.environ),
        platforms=PlatformOperations(configs=stores.records.platforms, runner=plugins.platform_service),
        logs=logs,
        clock=clock,
        rate_limits=MemoryRateLimits(settings, clock),
        supervisor=supervisor,
        ready=ready,
        metrics=(figures,),
        settings=settings,
    )

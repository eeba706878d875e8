"""What the API needs from the host, as Protocols. The host builds them; ``astrbot_like.api.testing`` has fakes."""

from __future__ import annotations

from asyncio import Queue
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from astrbot_like.api.chain import MessageChain
    from astrbot_like.api.config import AstrBotConfig
    from astrbot_like.api.conversations import Conversation, Persona
    from astrbot_like.api.func_tools import FunctionToolManager
    from astrbot_like.api.host_tables import ActiveEvents
    from astrbot_like.api.incoming import MessageSession
    from astrbot_like.api.message_event import AstrMessageEvent
    from astrbot_like.api.platform.base import Platform
    from astrbot_like.api.preferences import SharedPreferences
    from astrbot_like.api.provider.base import Providers
    from astrbot_like.api.provider.entities import LLMResponse, Personality, ProviderMetaData, ProviderType
    from astrbot_like.api.registration import HandlerRegistration, PlatformRegistration
    from astrbot_like.api.star.context import Context
    from astrbot_like.api.star.metadata import StarMetadata
    from astrbot_like.api.tools import ToolSet
    from astrbot_like.api.util import SessionWaiters

WebHandler: TypeAlias = Callable[..., Awaitable[Any]]
RegisteredWebApi: TypeAlias = tuple[str, WebHandler, list[str], str]
"""Route, handler, methods, description."""


class PluginHost(Protocol):
    """One plugin host, as the API's module-level names see it (``api.current``).

    Attributes:
        data_dir: The data directory.
        config: The host's configuration tree, in AstrBot's form.
        stars: The loaded plugins, in order of loading.
        handlers: All enabled and disabled handler records, in order of dispatch.
        provider_types, platform_types: What plugins registered, by type name.
    """

    @property
    def data_dir(self) -> Path: ...
    @property
    def config(self) -> AstrBotConfig: ...
    @property
    def context(self) -> Context: ...
    @property
    def preferences(self) -> SharedPreferences: ...
    @property
    def tools(self) -> FunctionToolManager: ...
    @property
    def waiters(self) -> SessionWaiters: ...
    @property
    def active_events(self) -> ActiveEvents: ...
    @property
    def stars(self) -> Sequence[StarMetadata]: ...
    @property
    def star_map(self) -> Mapping[str, StarMetadata]:
        """Main module → plugin."""
        ...

    @property
    def handlers(self) -> Sequence[HandlerRegistration]: ...
    @property
    def provider_types(self) -> MutableMapping[str, ProviderMetaData]: ...
    @property
    def platform_types(self) -> MutableMapping[str, PlatformRegistration]: ...

    def owns_module(self, module: str) -> bool:
        """Whether the host loaded that module for a plugin."""
        ...

    def plugin_of_module(self, module: str) -> StarMetadata | None:
        """The plugin a module belongs to."""
        ...

    async def register_file(self, path: str) -> str:
        """Offer a local file by URL.

        Raises:
            RuntimeError: ``callback_api_base`` is not configured.
        """
        ...

    @property
    def renderer(self) -> Renderer: ...


class Renderer(Protocol):
    """Text and HTML to pictures."""

    async def render_custom_template(
        self, tmpl_str: str, tmpl_data: dict[str, Any], return_url: bool = True, options: dict[str, Any] | None = None
    ) -> str:
        """Render a Jinja2 HTML template; returns a URL or path.

        Raises:
            RuntimeError: No renderer is available.
        """
        ...

    async def render_t2i(
        self, text: str, use_network: bool = True, return_url: bool = False, template_name: str | None = None
    ) -> str:
        """Render Markdown text; returns a URL or path."""
        ...


class ProviderService(Protocol):
    """The running providers."""

    def instances(self, kind: ProviderType) -> Sequence[Providers]:
        """All of one kind."""
        ...

    def by_id(self, provider_id: str) -> Providers | None:
        """The provider of that id."""
        ...

    def using(self, kind: ProviderType, umo: str | None = None) -> Providers | None:
        """The one in use for a session, or generally."""
        ...

    async def set_using(self, kind: ProviderType, provider_id: str, umo: str | None = None) -> None:
        """Choose one for a session, or generally."""
        ...

    async def load(self, config: dict[str, Any]) -> None:
        """Build and start a provider."""
        ...

    async def reload(self, config: dict[str, Any]) -> None:
        """Stop and start a provider with another configuration."""
        ...

    async def terminate(self, provider_id: str) -> None:
        """Stop a provider."""
        ...


class ConversationService(Protocol):
    """Conversations by unified message origin."""

    async def create(
        self,
        umo: str,
        *,
        platform_id: str | None = None,
        content: list[dict[str, Any]] | None = None,
        title: str | None = None,
        persona_id: str | None = None,
    ) -> str:
        """Make a conversation the current one; returns its id."""
        ...

    async def switch(self, umo: str, conversation_id: str) -> None:
        """Make another conversation the current one."""
        ...

    async def delete(self, umo: str, conversation_id: str) -> None:
        """Delete a conversation."""
        ...

    async def current_id(self, umo: str) -> str | None:
        """Id of the current conversation."""
        ...

    async def get(self, umo: str, conversation_id: str) -> Conversation | None:
        """A conversation with its history."""
        ...

    async def list(self, umo: str | None = None, platform_id: str | None = None) -> Sequence[Conversation]:
        """Conversations, latest first, without history."""
        ...

    async def update(
        self,
        umo: str,
        conversation_id: str,
        *,
        history: list[dict[str, Any]] | None = None,
        title: str | None = None,
        persona_id: str | None = None,
        token_usage: int | None = None,
    ) -> None:
        """Change what is not None."""
        ...


class PersonaService(Protocol):
    """Personas."""

    def all(self) -> Sequence[Persona]:
        """All personas."""
        ...

    def default(self, umo: str | None = None) -> Personality:
        """The persona in force where a conversation chose none."""
        ...

    async def save(self, persona: Persona) -> None:
        """Create or replace one."""
        ...

    async def delete(self, persona_id: str) -> None:
        """Delete one."""
        ...


class PlatformService(Protocol):
    """The running platforms."""

    @property
    def instances(self) -> list[Platform]: ...

    @property
    def queue(self) -> Queue[Any]:
        """Where events go into the pipeline."""
        ...

    async def send(self, session: MessageSession, chain: MessageChain) -> bool:
        """Send without an event; False when no platform has that id."""
        ...

    async def load(self, config: dict[str, Any]) -> None:
        """Build and start a platform."""
        ...

    async def reload(self, config: dict[str, Any]) -> None:
        """Stop and start a platform with another configuration."""
        ...

    async def terminate(self, platform_id: str) -> None:
        """Stop a platform."""
        ...


class AgentService(Protocol):
    """Model runs."""

    async def run_tool_loop(
        self,
        *,
        event: AstrMessageEvent,
        provider: Any,
        prompt: str | None,
        image_urls: Sequence[str],
        audio_urls: Sequence[str],
        tools: ToolSet | None,
        system_prompt: str | None,
        contexts: Sequence[Any],
        max_steps: int,
        tool_call_timeout: int,
        options: dict[str, Any],
    ) -> LLMResponse:
        """Ask the model and call tools until it answers."""
        ...


class PluginService(Protocol):
    """The plugins themselves (``context.star_manager``), under AstrBot's method names.

    All raise when it can't be done; the text says why.
    """

    async def turn_on_plugin(self, plugin_name: str) -> None:
        """Start a plugin that is off."""
        ...

    async def turn_off_plugin(self, plugin_name: str) -> None:
        """Stop a plugin and keep it off."""
        ...

    async def reload(self, specified_plugin_name: str | None = None) -> Any:
        """Start a plugin from its files again; None: all."""
        ...

    async def install_plugin(self, repo_url: str) -> Any:
        """Install a plugin from an address."""
        ...

    async def update_plugin(self, plugin_name: str) -> None:
        """Replace a plugin by its newest version."""
        ...

    async def uninstall_plugin(self, plugin_name: str, delete_config: bool = False, delete_data: bool = False) -> None:
        """Remove a plugin."""
        ...


class ConfigService(Protocol):
    """Host configuration in AstrBot's form."""

    def get(self, umo: str | None = None) -> AstrBotConfig:
        """The configuration that holds for a session, or generally."""
        ...


class MessageHistoryService(Protocol):
    """Messages of platforms, kept by plugins (``context.message_history_manager``)."""

    async def insert(
        self,
        platform_id: str,
        user_id: str,
        content: Any,
        sender_id: str | None = None,
        sender_name: str | None = None,
    ) -> Any:
        """Store a message."""
        ...

    async def get(self, platform_id: str, user_id: str, page: int = 1, page_size: int = 200) -> Sequence[Any]:
        """Messages, oldest first."""
        ...

    async def delete(self, platform_id: str, user_id: str, offset_sec: int = 86400) -> None:
        """Delete messages older than ``offset_sec`` seconds."""
        ...


class CronService(Protocol):
    """Timed jobs (``context.cron_manager``)."""

    async def add_basic_job(
        self,
        *,
        name: str,
        cron_expression: str,
        handler: Callable[..., Any],
        description: str | None = None,
        timezone: str | None = None,
        payload: dict[str, Any] | None = None,
        enabled: bool = True,
        persistent: bool = False,
    ) -> Any:
        """Call ``handler(**payload)`` by a crontab expression; returns the job (``job_id``, ``name``, …)."""
        ...

    async def add_active_job(
        self,
        *,
        name: str,
        cron_expression: str | None,
        payload: dict[str, Any],
        description: str | None = None,
        timezone: str | None = None,
        enabled: bool = True,
        persistent: bool = True,
        run_once: bool = False,
        run_at: datetime | None = None,
    ) -> Any:
        """Have the agent speak up by itself; ``payload`` names ``session`` and ``note``."""
        ...

    async def update_job(self, job_id: str, **changes: Any) -> Any:
        """Change a job."""
        ...

    async def delete_job(self, job_id: str) -> None:
        """Delete a job."""
        ...

    async def list_jobs(self, job_type: str | None = None) -> Sequence[Any]:
        """All jobs, or those of one type."""
        ...

"""``Context``: the host's services, as plugins get them."""

from __future__ import annotations

from asyncio import Queue
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from astrbot_like.api.current import current_host
from astrbot_like.api.exceptions import ProviderNotFoundError
from astrbot_like.api.incoming import MessageSession
from astrbot_like.api.provider.base import Provider
from astrbot_like.api.provider.entities import LLMResponse, ProviderType
from astrbot_like.api.star.instance_managers import PlatformManager, ProviderManager
from astrbot_like.api.star.managers import ConversationManager, PersonaManager
from astrbot_like.api.texts import text

if TYPE_CHECKING:
    from astrbot_like.api.chain import MessageChain
    from astrbot_like.api.config import AstrBotConfig
    from astrbot_like.api.func_tools import FunctionToolManager
    from astrbot_like.api.message_event import AstrMessageEvent
    from astrbot_like.api.platform.base import Platform
    from astrbot_like.api.services import (
        AgentService,
        ConfigService,
        ConversationService,
        CronService,
        MessageHistoryService,
        PersonaService,
        PlatformService,
        PluginService,
        ProviderService,
        RegisteredWebApi,
        WebHandler,
    )
    from astrbot_like.api.star.metadata import StarMetadata
    from astrbot_like.api.tools import FunctionTool, ToolSet


@dataclass
class ContextServices:
    """What a ``Context`` is made of.

    Attributes:
        stars: The loaded plugins, read each time.
        register_commands, register_task: For the oldest way to register; None where the host does without.
    """

    providers: ProviderService
    conversations: ConversationService
    personas: PersonaService
    platforms: PlatformService
    agent: AgentService
    config: ConfigService
    tools: FunctionToolManager
    history: MessageHistoryService
    cron: CronService
    knowledge: Any = None
    database: Any = None
    plugins: PluginService | None = None
    stars: Callable[[], Sequence[StarMetadata]] = field(default=lambda: ())
    web_apis_changed: Callable[[], None] | None = None
    start_task: Callable[[Awaitable[Any], str], None] | None = None
    register_command: Callable[..., None] | None = None


class Context:
    """The host's services. One object for all plugins of a host.

    Attributes:
        conversation_manager, persona_manager, provider_manager, platform_manager, message_history_manager,
        kb_manager, cron_manager: The managers.
        registered_web_apis: ``(route, handler, methods, description)``; a plain list, plugins edit it.
    """

    def __init__(self, services: ContextServices) -> None:
        self._services = services
        self.conversation_manager = ConversationManager(services.conversations)
        self.persona_manager = PersonaManager(services.personas)
        self.provider_manager = ProviderManager(services.providers, self.persona_manager)
        self.platform_manager = PlatformManager(services.platforms)
        self.message_history_manager = services.history
        self.cron_manager = services.cron
        self.kb_manager = services.knowledge
        self.registered_web_apis: list[RegisteredWebApi] = []
        self._register_tasks: list[Awaitable[Any]] = []

    # --- configuration, plugins ----------------------------------------------------------------

    @property
    def _config(self) -> AstrBotConfig:
        return self.get_config()

    def get_config(self, umo: str | None = None) -> AstrBotConfig:
        """The host's configuration; with a unified message origin, that of the session's profile."""
        return self._services.config.get(umo)

    def get_registered_star(self, star_name: str) -> StarMetadata | None:
        """The plugin of that name."""
        return next((star for star in self._services.stars() if star.name == star_name), None)

    def get_all_stars(self) -> list[StarMetadata]:
        """All plugins."""
        return list(self._services.stars())

    @property
    def star_manager(self) -> PluginService:
        """Installs, switches and reloads plugins.

        Raises:
            RuntimeError: The host does not offer it.
        """
        if self._services.plugins is None:
            raise RuntimeError("This host does not let plugins manage plugins.")
        return self._services.plugins

    @property
    def _star_manager(self) -> PluginService:
        return self.star_manager

    def get_db(self) -> Any:
        """The host's database; its form is not part of this API."""
        return self._services.database

    # --- sending -------------------------------------------------------------------------------

    async def send_message(self, session: str | MessageSession, message_chain: MessageChain) -> bool:
        """Send without an event.

        Args:
            session: Where to, as stored from ``event.unified_msg_origin``.

        Returns:
            False when no platform instance has that id.

        Raises:
            ValueError: The text is not a unified message origin.
        """
        if isinstance(session, str):
            try:
                session = MessageSession.from_str(session)
            except ValueError as error:
                raise ValueError(f"不合法的 session 字符串: {session!r}") from error
        return await self._services.platforms.send(session, message_chain)

    def get_event_queue(self) -> Queue[Any]:
        """The queue of the pipeline; an event put here is handled as if it had just come in."""
        return self._services.platforms.queue

    def get_platform(self, platform_type: Any) -> Platform | None:
        """The first platform of a type (old form)."""
        from astrbot_like.api.filters.kinds import ADAPTER_NAME_2_TYPE

        for platform in self._services.platforms.instances:
            name = platform.meta().name
            if name == platform_type or ADAPTER_NAME_2_TYPE.get(name) == platform_type:
                return platform
        return None

    def get_platform_inst(self, platform_id: str) -> Platform | None:
        """The platform of that id."""
        return next((one for one in self._services.platforms.instances if one.meta().id == platform_id), None)

    # --- providers -----------------------------------------------------------------------------

    def get_provider_by_id(self, provider_id: str) -> Any:
        """The provider of that id, or None."""
        return self._services.providers.by_id(provider_id)

    def get_all_providers(self) -> list[Any]:
        """The chat models."""
        return list(self._services.providers.instances(ProviderType.CHAT_COMPLETION))

    def get_all_tts_providers(self) -> list[Any]:
        """The synthesisers."""
        return list(self._services.providers.instances(ProviderType.TEXT_TO_SPEECH))

    def get_all_stt_providers(self) -> list[Any]:
        """The recognisers."""
        return list(self._services.providers.instances(ProviderType.SPEECH_TO_TEXT))

    def get_all_embedding_providers(self) -> list[Any]:
        """The embedding models."""
        return list(self._services.providers.instances(ProviderType.EMBEDDING))

    def get_all_rerank_providers(self) -> list[Any]:
        """The rerankers."""
        return list(self._services.providers.instances(ProviderType.RERANK))

    def get_using_provider(self, umo: str | None = None) -> Any:
        """The chat model in use for a session, or None."""
        return self._services.providers.using(ProviderType.CHAT_COMPLETION, umo)

    async def get_using_provider_async(self, umo: str | None = None) -> Any:
        """The chat model in use for a session, or None."""
        return self.get_using_provider(umo)

    def get_using_tts_provider(self, umo: str | None = None) -> Any:
        """The synthesiser in use for a session, or None."""
        return self._services.providers.using(ProviderType.TEXT_TO_SPEECH, umo)

    async def get_using_tts_provider_async(self, umo: str | None = None) -> Any:
        """The synthesiser in use for a session, or None."""
        return self.get_using_tts_provider(umo)

    def get_using_stt_provider(self, umo: str | None = None) -> Any:
        """The recogniser in use for a session, or None."""
        return self._services.providers.using(ProviderType.SPEECH_TO_TEXT, umo)

    async def get_using_stt_provider_async(self, umo: str | None = None) -> Any:
        """The recogniser in use for a session, or None."""
        return self.get_using_stt_provider(umo)

    async def get_current_chat_provider_id(self, umo: str) -> str:
        """Id of the chat model in use for a session.

        Raises:
            ProviderNotFoundError: There is none.
        """
        provider = self.get_using_provider(umo)
        if provider is None:
            raise ProviderNotFoundError(text("provider.not_found"))
        return provider.meta().id

    def _chat_provider(self, provider_id: str) -> Provider:
        provider = self.get_provider_by_id(provider_id)
        if not isinstance(provider, Provider):
            raise ProviderNotFoundError(f"Provider {provider_id} not found")
        return provider

    async def llm_generate(
        self,
        *,
        chat_provider_id: str,
        prompt: str | None = None,
        image_urls: list[str] | None = None,
        audio_urls: list[str] | None = None,
        tools: ToolSet | None = None,
        system_prompt: str | None = None,
        contexts: list[Any] | None = None,
        **kwargs: Any,
    ) -> LLMResponse:
        """Ask a model once. Tools it wants called are not called, hooks don't run.

        Raises:
            ProviderNotFoundError: There is no such chat model.
        """
        return await self._chat_provider(chat_provider_id).text_chat(
            prompt=prompt,
            image_urls=image_urls,
            audio_urls=audio_urls,
            func_tool=tools,
            contexts=_as_dicts(contexts),
            system_prompt=system_prompt,
            **kwargs,
        )

    async def tool_loop_agent(
        self,
        *,
        event: AstrMessageEvent,
        chat_provider_id: str,
        prompt: str | None = None,
        image_urls: list[str] | None = None,
        audio_urls: list[str] | None = None,
        tools: ToolSet | None = None,
        system_prompt: str | None = None,
        contexts: list[Any] | None = None,
        max_steps: int = 30,
        tool_call_timeout: int = 120,
        **kwargs: Any,
    ) -> LLMResponse:
        """Ask a model and call the tools it wants, until it answers.

        Args:
            max_steps: Model calls at the most.
            tool_call_timeout: Seconds for one tool call.

        Raises:
            ProviderNotFoundError: There is no such chat model.
        """
        return await self._services.agent.run_tool_loop(
            event=event,
            provider=self._chat_provider(chat_provider_id),
            prompt=prompt,
            image_urls=image_urls or (),
            audio_urls=audio_urls or (),
            tools=tools,
            system_prompt=system_prompt,
            contexts=_as_dicts(contexts) or (),
            max_steps=max_steps,
            tool_call_timeout=tool_call_timeout,
            options=kwargs,
        )

    def register_provider(self, provider: Provider) -> None:
        """Add a provider built by the plugin itself.

        Raises:
            RuntimeError: The host takes providers by configuration alone.
        """
        add = getattr(self._services.providers, "add_instance", None)
        if add is None:
            raise RuntimeError("This host takes providers by configuration; use register_provider_adapter.")
        add(provider)

    # --- tools ---------------------------------------------------------------------------------

    def get_llm_tool_manager(self) -> FunctionToolManager:
        """The tools offered to models."""
        return self._services.tools

    def add_llm_tools(self, *tools: FunctionTool[Any]) -> None:
        """Offer tools to models; those of the same name are replaced."""
        for tool in tools:
            if not tool.handler_module_path:
                tool.handler_module_path = type(tool).__module__
            self._services.tools.add_tool(tool)

    def activate_llm_tool(self, name: str) -> bool:
        """Offer a tool again; False when there is none of that name."""
        return self._services.tools.activate_llm_tool(name)

    async def activate_llm_tool_async(self, name: str) -> bool:
        """Offer a tool again; False when there is none of that name."""
        return self._services.tools.activate_llm_tool(name)

    def deactivate_llm_tool(self, name: str) -> bool:
        """Stop offering a tool; False when there is none of that name."""
        return self._services.tools.deactivate_llm_tool(name)

    async def deactivate_llm_tool_async(self, name: str) -> bool:
        """Stop offering a tool; False when there is none of that name."""
        return self._services.tools.deactivate_llm_tool(name)

    def register_llm_tool(
        self, name: str, func_args: list[dict[str, Any]], desc: str, func_obj: Callable[..., Awaitable[Any]]
    ) -> None:
        """Offer a function as a tool (old form)."""
        self._services.tools.add_func(name, func_args, desc, func_obj)

    def unregister_llm_tool(self, name: str) -> None:
        """Take a tool out (old form)."""
        self._services.tools.remove_func(name)

    # --- web routes, tasks ---------------------------------------------------------------------

    def register_web_api(self, route: str, view_handler: WebHandler, methods: list[str], desc: str) -> None:
        """Serve a route behind the dashboard's login; the same route and methods replace an earlier one.

        Args:
            route: By convention starts with the plugin's name; ``<name>`` and ``<path:name>`` become keywords.
            methods: ``GET``, ``POST``, ``PUT``, ``PATCH``, ``DELETE``.
        """
        entry = (route, view_handler, methods, desc)
        for index, present in enumerate(self.registered_web_apis):
            if present[0] == route and present[2] == methods:
                self.registered_web_apis[index] = entry
                break
        else:
            self.registered_web_apis.append(entry)
        if self._services.web_apis_changed is not None:
            self._services.web_apis_changed()

    def register_task(self, task: Awaitable[Any], desc: str) -> None:
        """Run something in the background (old form; start tasks in ``initialize``)."""
        if self._services.start_task is not None:
            self._services.start_task(task, desc)
        else:
            self._register_tasks.append(task)

    def register_commands(
        self,
        star_name: str,
        command_name: str,
        desc: str,
        priority: int,
        awaitable: Callable[..., Awaitable[Any]],
        use_regex: bool = False,
        ignore_prefix: bool = False,
    ) -> None:
        """Register a command (oldest form; use ``filter.command``).

        Raises:
            RuntimeError: The host no longer takes it.
        """
        if self._services.register_command is None:
            raise RuntimeError("register_commands is no longer supported; use the decorator filter.command.")
        self._services.register_command(star_name, command_name, desc, priority, awaitable, use_regex, ignore_prefix)


def _as_dicts(contexts: list[Any] | None) -> list[Any] | None:
    if contexts is None:
        return None
    return [one if isinstance(one, dict) else one.model_dump() for one in contexts]


def host_context() -> Context:
    """The current host's context."""
    return current_host().context

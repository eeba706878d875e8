"""Which of our objects stands under which of AstrBot's deep module paths.

Paths below ``astrbot.api`` are our own packages of the same name; all others are made from this table.
``resolve`` and ``public_names`` are all an import alias needs.
"""

from __future__ import annotations

import functools
import importlib
from typing import Any

COMPATIBLE_VERSION = "4.27.4"
"""Version of AstrBot whose behaviour this API has: ``astrbot.__version__``, and what ``astrbot_version`` asks for."""

API = "astrbot_like.api"

_EVENT = ("message_event:AstrMessageEvent",)
_INCOMING = (
    "incoming:AstrBotMessage",
    "incoming:Group",
    "incoming:MessageMember",
    "incoming:MessageSesion",
    "incoming:MessageSession",
    "incoming:MessageType",
    "incoming:PlatformMetadata",
)
_CHAIN = (
    "chain:CommandResult",
    "chain:EventResultType",
    "chain:MessageChain",
    "chain:MessageEventResult",
    "chain:ResultContentType",
)
_ENTITIES = (
    "provider.entities:LLMResponse",
    "provider.entities:ProviderMeta",
    "provider.entities:ProviderMetaData",
    "provider.entities:ProviderRequest",
    "provider.entities:ProviderType",
    "provider.entities:RerankResult",
    "provider.entities:TokenUsage",
    "provider.entities:ToolCallsResult",
    "tools:ToolSet",
    "agent_messages:AssistantMessageSegment",
    "agent_messages:ContentPart",
    "agent_messages:ToolCallMessageSegment",
    "conversations:Conversation",
)
_PROVIDERS = (
    "provider.base:AbstractProvider",
    "provider.base:EmbeddingProvider",
    "provider.base:Provider",
    "provider.base:Providers",
    "provider.base:RerankProvider",
    "provider.base:STTProvider",
    "provider.base:TTSProvider",
)
_CONFIG = ("config:AstrBotConfig",)
_TOOLS = ("tools:FunctionTool", "tools:ToolExecResult", "tools:ToolSet", "tools:ContextWrapper")
_TOOL_MANAGER = ("func_tools:FuncCall", "func_tools:FuncTool", "func_tools:FunctionToolManager", "tools:ToolSet")
_HANDLERS = (
    "host_tables:StarHandlerRegistry",
    "host_tables:star_handlers_registry",
    "registration:EventType",
    "registration:StarHandlerMetadata",
)
_STARS = ("star.metadata:StarMetadata", "star.metadata:star_map", "star.metadata:star_registry")
_HANDLER_DECORATORS = tuple(
    f"decorators:{name}=register_{name}"
    for name in (
        "after_message_sent",
        "command",
        "command_group",
        "custom_filter",
        "event_message_type",
        "on_agent_begin",
        "on_agent_done",
        "on_astrbot_loaded",
        "on_decorating_result",
        "on_llm_request",
        "on_llm_response",
        "on_llm_tool_respond",
        "on_platform_loaded",
        "on_plugin_error",
        "on_plugin_loaded",
        "on_plugin_unloaded",
        "on_using_llm_tool",
        "on_waiting_llm_request",
        "permission_type",
        "platform_adapter_type",
        "regex",
    )
)
_DECORATORS = (
    *_HANDLER_DECORATORS,
    "decorators:RegisteringCommandable",
    "tool_decorator:llm_tool=register_llm_tool",
    "star.metadata:register=register_star",
)
_SOURCES = "astrbot.core.platform.sources"
_PROVIDER_SOURCES = {
    "anthropic_source": "ProviderAnthropic",
    "azure_tts_source": "AzureTTSProvider",
    "dashscope_tts": "ProviderDashscopeTTSAPI",
    "edge_tts_source": "ProviderEdgeTTS",
    "elevenlabs_tts_source": "ProviderElevenLabsTTSAPI",
    "gemini_embedding_source": "GeminiEmbeddingProvider",
    "gemini_source": "ProviderGoogleGenAI",
    "gsv_selfhosted_source": "ProviderGSVTTS",
    "openai_embedding_source": "OpenAIEmbeddingProvider",
    "openai_responses_source": "ProviderOpenAIResponses",
    "openai_source": "ProviderOpenAIOfficial",
    "openai_tts_api_source": "ProviderOpenAITTSAPI",
    "request_retry": "retry_provider_request",
    "volcengine_tts": "ProviderVolcengineTTS",
    "whisper_api_source": "ProviderOpenAIWhisperAPI",
}

TABLE: dict[str, tuple[str, ...]] = {
    "astrbot": ("log:logger", "compat_paths:COMPATIBLE_VERSION=__version__"),
    "astrbot.cli": ("compat_paths:COMPATIBLE_VERSION=__version__",),
    "astrbot.core": (
        *_CONFIG,
        "log:logger",
        "host_tables:astrbot_config",
        "preferences:sp",
        "rendering:html_renderer",
        "compat_paths:COMPATIBLE_VERSION=__version__",
        "compat_paths:COMPATIBLE_VERSION=VERSION",
    ),
    "astrbot.core.agent.mcp_client": ("tools:MCPTool",),
    "astrbot.core.agent.message": ("agent_messages:*",),
    "astrbot.core.agent.run_context": ("tools:ContextWrapper",),
    "astrbot.core.agent.tool": _TOOLS,
    "astrbot.core.astr_agent_context": ("tools:AgentContextWrapper", "tools:AstrAgentContext"),
    "astrbot.core.computer.computer_client": ("sandbox:get_booter", "sandbox:get_local_booter"),
    "astrbot.core.config": (
        *_CONFIG,
        "default_config:DEFAULT_CONFIG",
        "compat_paths:COMPATIBLE_VERSION=VERSION",
    ),
    "astrbot.core.config.astrbot_config": _CONFIG,
    "astrbot.core.config.default": (
        "default_config:CONFIG_METADATA_2",
        "default_config:DEFAULT_CONFIG",
        "default_config:DEFAULT_VALUE_MAP",
        "compat_paths:COMPATIBLE_VERSION=VERSION",
    ),
    "astrbot.core.conversation_mgr": ("star.managers:ConversationManager", "conversations:Conversation"),
    "astrbot.core.db.po": (
        "conversations:Conversation",
        "conversations:Persona",
        "provider.entities:Personality",
        "preferences:Preference",
    ),
    "astrbot.core.db.vec_db.base": ("vectors:Result",),
    "astrbot.core.db.vec_db.faiss_impl": ("vectors:FaissVecDB",),
    "astrbot.core.db.vec_db.faiss_impl.document_storage": ("vectors:DocumentStorage",),
    "astrbot.core.db.vec_db.faiss_impl.embedding_storage": ("vector_index:EmbeddingStorage",),
    "astrbot.core.db.vec_db.faiss_impl.vec_db": ("vectors:FaissVecDB",),
    "astrbot.core.exceptions": ("exceptions:*",),
    "astrbot.core.log": ("log:LogManager",),
    "astrbot.core.message": (),
    "astrbot.core.message.components": ("message_components:*",),
    "astrbot.core.message.message_event_result": _CHAIN,
    "astrbot.core.persona_mgr": ("star.managers:PersonaManager",),
    "astrbot.core.pipeline": (),
    "astrbot.core.pipeline.process_stage": ("follow_up=follow_up",),
    "astrbot.core.pipeline.process_stage.follow_up": ("follow_up:*",),
    "astrbot.core.platform": (*_EVENT, *_INCOMING, "platform.base:Platform"),
    "astrbot.core.platform.astr_message_event": (*_EVENT, *_INCOMING, *_CHAIN),
    "astrbot.core.platform.astrbot_message": _INCOMING,
    "astrbot.core.platform.manager": ("star.instance_managers:PlatformManager",),
    "astrbot.core.platform.message_session": _INCOMING,
    "astrbot.core.platform.message_type": ("incoming:MessageType",),
    "astrbot.core.platform.platform": ("platform.base:*",),
    "astrbot.core.platform.platform_metadata": ("incoming:PlatformMetadata",),
    "astrbot.core.platform.register": ("platform.register:*",),
    f"{_SOURCES}.aiocqhttp.aiocqhttp_message_event": ("stub_platforms:AiocqhttpMessageEvent",),
    f"{_SOURCES}.aiocqhttp.aiocqhttp_platform_adapter": ("stub_platforms:AiocqhttpAdapter",),
    f"{_SOURCES}.dingtalk.dingtalk_event": ("stub_platforms:DingtalkMessageEvent",),
    f"{_SOURCES}.discord.discord_platform_event": ("stub_platforms:DiscordPlatformEvent",),
    f"{_SOURCES}.discord.discord_platform_adapter": ("stub_platforms:DiscordPlatformAdapter",),
    f"{_SOURCES}.gewechat.gewechat_event": ("stub_platforms:GewechatPlatformEvent",),
    f"{_SOURCES}.gewechat.gewechat_platform_adapter": ("stub_platforms:GewechatPlatformAdapter",),
    f"{_SOURCES}.kook.kook_event": ("stub_platforms:KookEvent",),
    f"{_SOURCES}.lark.lark_event": ("stub_platforms:LarkMessageEvent",),
    f"{_SOURCES}.lark.lark_adapter": ("stub_platforms:LarkPlatformAdapter",),
    f"{_SOURCES}.misskey.misskey_event": ("stub_platforms:MisskeyPlatformEvent",),
    f"{_SOURCES}.qqofficial.qqofficial_message_event": ("stub_platforms:QQOfficialMessageEvent",),
    f"{_SOURCES}.qqofficial.qqofficial_platform_adapter": ("stub_platforms:QQOfficialPlatformAdapter",),
    f"{_SOURCES}.qqofficial_webhook.qo_webhook_event": ("stub_platforms:QQOfficialWebhookMessageEvent",),
    f"{_SOURCES}.satori.satori_event": ("stub_platforms:SatoriPlatformEvent",),
    f"{_SOURCES}.slack.slack_event": ("stub_platforms:SlackMessageEvent",),
    f"{_SOURCES}.telegram.tg_event": ("stub_platforms:TelegramPlatformEvent",),
    f"{_SOURCES}.telegram.tg_adapter": ("stub_platforms:TelegramPlatformAdapter",),
    f"{_SOURCES}.webchat.webchat_event": ("stub_platforms:WebChatMessageEvent",),
    f"{_SOURCES}.webchat.webchat_adapter": ("stub_platforms:WebChatAdapter",),
    f"{_SOURCES}.wechatpadpro.wechatpadpro_message_event": ("stub_platforms:WeChatPadProMessageEvent",),
    f"{_SOURCES}.wecom.wecom_event": ("stub_platforms:WecomPlatformEvent",),
    f"{_SOURCES}.weixin_official_account.weixin_offacc_event": ("stub_platforms:WeixinOfficialAccountPlatformEvent",),
    "astrbot.core.provider": (*_PROVIDERS, "provider.entities:ProviderMetaData"),
    "astrbot.core.provider.entites": _ENTITIES,
    "astrbot.core.provider.entities": _ENTITIES,
    "astrbot.core.provider.func_tool_manager": _TOOL_MANAGER,
    "astrbot.core.provider.manager": (
        "star.instance_managers:ProviderManager",
        "provider.entities:Personality",
        "provider.entities:ProviderType",
    ),
    "astrbot.core.provider.provider": (*_PROVIDERS, *_ENTITIES),
    "astrbot.core.provider.register": (
        "provider.register:*",
        "provider.entities:ProviderMetaData",
        "provider.entities:ProviderType",
    ),
    **{
        f"astrbot.core.provider.sources.{module}": (f"source_providers:{name}",)
        for module, name in _PROVIDER_SOURCES.items()
    },
    "astrbot.core.star": (
        "star.base:Star",
        "star.context:Context",
        "star.star_tools:StarTools",
        "star.instance_managers:ProviderManager",
        *_STARS,
    ),
    "astrbot.core.star.base": ("star.base:Star",),
    "astrbot.core.star.config": ("legacy_config:*",),
    "astrbot.core.star.context": ("star.context:Context",),
    "astrbot.core.star.filter": ("filters.base:HandlerFilter",),
    "astrbot.core.star.filter.command": (
        "filters.arguments:GreedyStr",
        "filters.command:CommandFilter",
    ),
    "astrbot.core.star.filter.command_group": ("filters.command:CommandFilter", "filters.command:CommandGroupFilter"),
    "astrbot.core.star.filter.custom_filter": (
        "filters.base:CustomFilter",
        "filters.base:CustomFilterAnd",
        "filters.base:CustomFilterOr",
    ),
    "astrbot.core.star.filter.event_message_type": (
        "filters.kinds:EventMessageType",
        "filters.kinds:EventMessageTypeFilter",
    ),
    "astrbot.core.star.filter.permission": ("filters.kinds:PermissionType", "filters.kinds:PermissionTypeFilter"),
    "astrbot.core.star.filter.platform_adapter_type": (
        "filters.kinds:ADAPTER_NAME_2_TYPE",
        "filters.kinds:PlatformAdapterType",
        "filters.kinds:PlatformAdapterTypeFilter",
    ),
    "astrbot.core.star.filter.regex": ("filters.kinds:RegexFilter",),
    "astrbot.core.star.register": _DECORATORS,
    "astrbot.core.star.register.star": ("star.metadata:register=register_star",),
    "astrbot.core.star.register.star_handler": _DECORATORS,
    "astrbot.core.star.session_llm_manager": ("host_tables:SessionServiceManager",),
    "astrbot.core.star.star": _STARS,
    "astrbot.core.star.star_handler": _HANDLERS,
    "astrbot.core.star.star_tools": ("star.star_tools:StarTools",),
    "astrbot.core.utils": (),
    "astrbot.core.utils.active_event_registry": (
        "host_tables:ActiveEventRegistry",
        "host_tables:active_event_registry",
    ),
    "astrbot.core.utils.astrbot_path": ("paths:*",),
    "astrbot.core.utils.http_ssl": ("utils:build_tls_connector",),
    "astrbot.core.utils.io": (
        "utils:calculate_md5",
        "utils:download_file",
        "utils:download_image_by_url",
        "utils:ensure_dir",
        "utils:file_to_base64",
        "paths:get_astrbot_temp_path",
        "utils:get_local_ip_addresses",
        "utils:remove_dir",
        "utils:save_temp_img",
    ),
    "astrbot.core.utils.media_utils": (
        "media:convert_audio_format",
        "media:convert_audio_to_wav",
        "media:file_uri_to_path",
        "media:is_file_uri",
        "utils:MediaResolver",
        "utils:describe_media_ref",
        "utils:get_media_duration",
    ),
    "astrbot.core.utils.metrics": ("utils:Metric",),
    "astrbot.core.utils.quoted_message": (),
    "astrbot.core.utils.quoted_message.extractor": ("quoted:*",),
    "astrbot.core.utils.quoted_message_parser": ("quoted:*",),
    "astrbot.core.utils.session_waiter": ("util:*",),
    "astrbot.core.utils.shared_preferences": ("preferences:SharedPreferences", "preferences:sp"),
    "astrbot.core.utils.t2i.renderer": ("rendering:html_renderer",),
    "astrbot.core.utils.tencent_record_helper": ("utils:tencent_silk_to_wav", "utils:wav_to_tencent_silk"),
    "astrbot.core.utils.version_comparator": ("utils:VersionComparator",),
    "astrbot.dashboard.responses": ("dashboard_responses:*",),
    # Gone from AstrBot, still named by some plugins.
    "astrbot.api.platform.register": ("platform.register:*",),
}
"""Module path → entries ``module:name``, ``module:name=name there``, ``module:*`` or ``module=name there``."""


@functools.cache
def modules() -> frozenset[str]:
    """All paths of the table and the packages above them."""
    found: set[str] = set()
    for path in TABLE:
        parts = path.split(".")
        found.update(".".join(parts[: end + 1]) for end in range(len(parts)))
    return frozenset(found)


def _public(module: Any) -> list[str]:
    listed = getattr(module, "__all__", None)
    return list(listed) if listed is not None else [name for name in vars(module) if not name.startswith("_")]


def public_names(path: str) -> dict[str, tuple[str, str]]:
    """Name → (our module, our name; empty for the module itself) of one path; empty for unknown paths."""
    names: dict[str, tuple[str, str]] = {}
    for entry in TABLE.get(path, ()):
        home, _, name = entry.partition(":")
        if not name:
            home, _, shown = entry.partition("=")
            names[shown] = (f"{API}.{home}", "")
        elif name == "*":
            module = importlib.import_module(f"{API}.{home}")
            names.update({public: (f"{API}.{home}", public) for public in _public(module)})
        else:
            ours, _, shown = name.partition("=")
            names[shown or ours] = (f"{API}.{home}", ours)
    return names


def resolve(path: str, name: str) -> Any:
    """Our object that stands for ``name`` in the module ``path``.

    Raises:
        AttributeError: There is none.
    """
    home = public_names(path).get(name)
    if home is None:
        raise AttributeError(f"module {path!r} has no attribute {name!r}")
    module = importlib.import_module(home[0])
    return getattr(module, home[1]) if home[1] else module

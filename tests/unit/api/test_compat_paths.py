"""Every deep path that plugins import, with every name, gives one of our objects."""

from __future__ import annotations

import importlib

import pytest

from astrbot_like.api import compat_paths

MEASURED: dict[str, str] = {
    "astrbot": "logger __version__",
    "astrbot.core.message.components": (
        "At AtAll BaseMessageComponent Face File Forward Image Node Nodes Plain Record Reply Video"
    ),
    "astrbot.core.utils.astrbot_path": (
        "get_astrbot_config_path get_astrbot_data_path get_astrbot_plugin_data_path get_astrbot_plugin_path "
        "get_astrbot_skills_path get_astrbot_temp_path"
    ),
    "astrbot.core.message.message_event_result": "MessageChain MessageEventResult",
    "astrbot.core.config.astrbot_config": "AstrBotConfig",
    "astrbot.core.platform.sources.aiocqhttp.aiocqhttp_message_event": "AiocqhttpMessageEvent",
    "astrbot.core": "AstrBotConfig __version__ astrbot_config logger",
    "astrbot.core.star.context": "Context",
    "astrbot.core.platform.astr_message_event": "AstrMessageEvent MessageSesion",
    "astrbot.core.platform": "AstrMessageEvent",
    "astrbot.core.star.filter.command": "CommandFilter GreedyStr",
    "astrbot.core.provider.entities": "LLMResponse ProviderRequest ToolCallsResult ToolSet",
    "astrbot.core.utils.session_waiter": "SessionController SessionFilter session_waiter",
    "astrbot.core.star.filter.event_message_type": "EventMessageType",
    "astrbot.core.star.star_tools": "StarTools",
    "astrbot.core.provider.provider": "EmbeddingProvider Provider TTSProvider",
    "astrbot.core.star.filter.command_group": "CommandGroupFilter",
    "astrbot.core.agent.message": "ImageURLPart Message TextPart",
    "astrbot.core.agent.tool": "FunctionTool ToolExecResult ToolSet",
    "astrbot.core.platform.message_type": "MessageType",
    "astrbot.core.agent.run_context": "ContextWrapper",
    "astrbot.core.astr_agent_context": "AstrAgentContext",
    "astrbot.core.provider.register": (
        "ProviderType llm_tools register_provider_adapter provider_registry provider_cls_map"
    ),
    "astrbot.core.utils.io": "download_file download_image_by_url",
    "astrbot.core.platform.sources.qqofficial.qqofficial_message_event": "QQOfficialMessageEvent",
    "astrbot.core.star.star_handler": "StarHandlerMetadata star_handlers_registry",
    "astrbot.core.star": "Star star_map",
    "astrbot.core.star.filter.permission": "PermissionType",
    "astrbot.core.config.default": "CONFIG_METADATA_2",
    "astrbot.core.provider.entites": "ProviderRequest",
    "astrbot.core.utils.active_event_registry": "active_event_registry",
    "astrbot.core.computer.computer_client": "get_booter",
    "astrbot.core.star.star": "star_map",
    "astrbot.core.exceptions": "ProviderNotFoundError",
    "astrbot.core.platform.sources.qqofficial.qqofficial_platform_adapter": "QQOfficialPlatformAdapter",
    "astrbot.core.utils.media_utils": "convert_audio_format convert_audio_to_wav",
    "astrbot.core.utils.tencent_record_helper": "tencent_silk_to_wav",
    "astrbot.core.pipeline.process_stage": "follow_up",
    "astrbot.core.platform.sources.gewechat.gewechat_platform_adapter": "GewechatPlatformAdapter",
    "astrbot.core.platform.sources.gewechat.gewechat_event": "GewechatPlatformEvent",
    "astrbot.core.star.filter.custom_filter": "CustomFilter",
    "astrbot.core.platform.message_session": "MessageSesion",
    "astrbot.core.platform.register": "platform_registry platform_cls_map register_platform_adapter",
    "astrbot.core.star.register": "register_on_agent_done",
    "astrbot.core.platform.sources.telegram.tg_event": "TelegramPlatformEvent",
    "astrbot.core.platform.sources.wechatpadpro.wechatpadpro_message_event": "WeChatPadProMessageEvent",
    "astrbot.core.platform.platform_metadata": "PlatformMetadata",
    "astrbot.core.platform.sources.lark.lark_event": "LarkMessageEvent",
    "astrbot.core.platform.sources.slack.slack_event": "SlackMessageEvent",
    "astrbot.core.platform.sources.dingtalk.dingtalk_event": "DingtalkMessageEvent",
    "astrbot.core.platform.sources.webchat.webchat_event": "WebChatMessageEvent",
    "astrbot.core.platform.sources.discord.discord_platform_event": "DiscordPlatformEvent",
    "astrbot.core.platform.astrbot_message": "AstrBotMessage MessageType",
    "astrbot.core.db.vec_db.faiss_impl.vec_db": "FaissVecDB",
    "astrbot.core.star.session_llm_manager": "SessionServiceManager",
    "astrbot.core.provider.func_tool_manager": "FunctionToolManager",
    "astrbot.core.config": "AstrBotConfig DEFAULT_CONFIG VERSION",
    "astrbot.dashboard.responses": "error ok",
}

PUBLIC: dict[str, str] = {
    "": "logger AstrBotConfig sp llm_tool FunctionTool ToolSet html_renderer",
    "event": "AstrMessageEvent MessageChain MessageEventResult CommandResult EventResultType ResultContentType filter",
    "event.filter": (
        "command command_group event_message_type permission_type regex platform_adapter_type custom_filter llm_tool "
        "on_astrbot_loaded on_platform_loaded on_llm_request on_llm_response on_decorating_result after_message_sent "
        "on_waiting_llm_request on_agent_begin on_agent_done on_using_llm_tool on_llm_tool_respond on_plugin_error "
        "on_plugin_loaded on_plugin_unloaded EventMessageType PermissionType PlatformAdapterType CustomFilter "
        "EventMessageTypeFilter PermissionTypeFilter PlatformAdapterTypeFilter"
    ),
    "message_components": (
        "Plain Image Record Video File At AtAll Face Reply Node Nodes Forward Poke RPS Dice Shake Share Contact "
        "Location Music Json Unknown BaseMessageComponent ComponentType"
    ),
    "platform": (
        "AstrBotMessage AstrMessageEvent Group MessageMember MessageType Platform PlatformMetadata "
        "register_platform_adapter"
    ),
    "provider": (
        "LLMResponse Personality Provider ProviderMetaData ProviderRequest ProviderType STTProvider TTSProvider "
        "EmbeddingProvider RerankProvider"
    ),
    "star": "Context Star StarTools register load_config put_config update_config",
    "util": "SessionController SessionWaiter session_waiter",
    "web": "request json_response error_response file_response stream_response",
}


@pytest.mark.parametrize("path", sorted(MEASURED))
def test_deep_path_has_its_names(path: str) -> None:
    for name in MEASURED[path].split():
        compat_paths.resolve(path, name)


@pytest.mark.parametrize("path", sorted(compat_paths.TABLE))
def test_every_entry_of_the_table_exists(path: str) -> None:
    for name in compat_paths.public_names(path):
        compat_paths.resolve(path, name)


@pytest.mark.parametrize("path", sorted(PUBLIC))
def test_public_package_has_its_names(path: str) -> None:
    module = importlib.import_module(f"astrbot_like.api.{path}" if path else "astrbot_like.api")
    for name in PUBLIC[path].split():
        assert hasattr(module, name), name


def test_same_object_under_both_paths() -> None:
    from astrbot_like.api.event import AstrMessageEvent

    assert compat_paths.resolve("astrbot.core.platform", "AstrMessageEvent") is AstrMessageEvent


def test_star_import_of_all() -> None:
    module = importlib.import_module("astrbot_like.api.all")
    for name in [
        "Context",
        "Star",
        "register",
        "event_message_type",
        "EventMessageType",
        "AstrBotConfig",
        "AstrBotMessage",
        "MessageMember",
        "MessageType",
        "logger",
        "Contact",
        "Dice",
        "Json",
        "Location",
        "Music",
        "Poke",
        "RPS",
        "Shake",
        "Share",
        "command",
        "llm_tool",
    ]:
        assert name in module.__all__, name


def test_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError):
        compat_paths.resolve("astrbot.core.star", "nothing")


def test_modules_for_an_import_alias() -> None:
    from astrbot_like.api import compat, message_components

    assert compat.resolve("astrbot.core.message.components") is message_components
    assert compat.resolve("astrbot.api.event").__name__ == "astrbot_like.api.event"  # type: ignore[union-attr]
    platform = compat.resolve("astrbot.core.platform")
    assert platform is not None
    assert platform.__path__ == []
    assert platform.AstrMessageEvent is compat_paths.resolve("astrbot.core.platform", "AstrMessageEvent")
    assert "MessageType" in dir(platform)
    assert compat.resolve("astrbot.core.nothing") is None
    assert compat.resolve("astrbot.api.nothing") is None
    with pytest.raises(AttributeError):
        _ = platform.nothing

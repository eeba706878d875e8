import astrbot.core.message.components as Comp
from astrbot.api import message_components
from astrbot.core.pipeline.process_stage import follow_up
from astrbot.core.platform import register as platform_register
from astrbot.core.provider import register as provider_register
from astrbot import logger, __version__
from astrbot.api import logger, AstrBotConfig, sp, llm_tool, FunctionTool, ToolSet, html_renderer
from astrbot.api.event import AstrMessageEvent, MessageChain, MessageEventResult, CommandResult, EventResultType, ResultContentType, filter
from astrbot.api.event.filter import command, command_group, event_message_type, permission_type, regex, platform_adapter_type, custom_filter, llm_tool, on_astrbot_loaded, on_platform_loaded, on_llm_request, on_llm_response, on_decorating_result, after_message_sent, on_waiting_llm_request, on_agent_begin, on_agent_done, on_using_llm_tool, on_llm_tool_respond, on_plugin_error, on_plugin_loaded, on_plugin_unloaded, EventMessageType, PermissionType, PlatformAdapterType, CustomFilter, EventMessageTypeFilter, PermissionTypeFilter, PlatformAdapterTypeFilter
from astrbot.api.message_components import Plain, Image, Record, Video, File, At, AtAll, Face, Reply, Node, Nodes, Forward, Poke, RPS, Dice, Shake, Share, Contact, Location, Music, Json, Unknown, BaseMessageComponent, ComponentType
from astrbot.api.platform import AstrBotMessage, AstrMessageEvent, Group, MessageMember, MessageType, Platform, PlatformMetadata, register_platform_adapter
from astrbot.api.provider import LLMResponse, Personality, Provider, ProviderMetaData, ProviderRequest, ProviderType, STTProvider, TTSProvider, EmbeddingProvider, RerankProvider
from astrbot.api.star import Context, Star, StarTools, register
from astrbot.api.util import SessionController, SessionWaiter, session_waiter
from astrbot.api.web import request, json_response, error_response, file_response, stream_response
from astrbot.core import AstrBotConfig, __version__, astrbot_config, logger
from astrbot.core.agent.message import ImageURLPart, Message, TextPart
from astrbot.core.agent.run_context import ContextWrapper
from astrbot.core.agent.tool import FunctionTool, ToolExecResult, ToolSet
from astrbot.core.astr_agent_context import AstrAgentContext
from astrbot.core.computer.computer_client import get_booter
from astrbot.core.config.astrbot_config import AstrBotConfig
from astrbot.core.config.default import CONFIG_METADATA_2
from astrbot.core.db.vec_db.faiss_impl.vec_db import FaissVecDB
from astrbot.core.exceptions import ProviderNotFoundError
from astrbot.core.message.components import At, AtAll, BaseMessageComponent, Face, File, Forward, Image, Node, Nodes, Plain, Record, Reply, Video
from astrbot.core.message.message_event_result import MessageChain, MessageEventResult
from astrbot.core.platform import AstrMessageEvent
from astrbot.core.platform.astr_message_event import AstrMessageEvent, MessageSesion
from astrbot.core.platform.astrbot_message import AstrBotMessage, MessageType
from astrbot.core.platform.message_session import MessageSesion
from astrbot.core.platform.message_type import MessageType
from astrbot.core.platform.platform_metadata import PlatformMetadata
from astrbot.core.platform.register import platform_registry, platform_cls_map, register_platform_adapter
from astrbot.core.platform.sources.aiocqhttp.aiocqhttp_message_event import AiocqhttpMessageEvent
from astrbot.core.platform.sources.dingtalk.dingtalk_event import DingtalkMessageEvent
from astrbot.core.platform.sources.discord.discord_platform_event import DiscordPlatformEvent
from astrbot.core.platform.sources.gewechat.gewechat_event import GewechatPlatformEvent
from astrbot.core.platform.sources.gewechat.gewechat_platform_adapter import GewechatPlatformAdapter
from astrbot.core.platform.sources.lark.lark_event import LarkMessageEvent
from astrbot.core.platform.sources.qqofficial.qqofficial_message_event import QQOfficialMessageEvent
from astrbot.core.platform.sources.qqofficial.qqofficial_platform_adapter import QQOfficialPlatformAdapter
from astrbot.core.platform.sources.slack.slack_event import SlackMessageEvent
from astrbot.core.platform.sources.telegram.tg_event import TelegramPlatformEvent
from astrbot.core.platform.sources.webchat.webchat_event import WebChatMessageEvent
from astrbot.core.platform.sources.wechatpadpro.wechatpadpro_message_event import WeChatPadProMessageEvent
from astrbot.core.provider.entites import ProviderRequest
from astrbot.core.provider.entities import LLMResponse, ProviderRequest, ToolCallsResult, ToolSet
from astrbot.core.provider.func_tool_manager import FunctionToolManager
from astrbot.core.provider.provider import EmbeddingProvider, Provider, TTSProvider
from astrbot.core.provider.register import ProviderType, llm_tools, register_provider_adapter, provider_registry, provider_cls_map
from astrbot.core.star import Star, star_map
from astrbot.core.star.context import Context
from astrbot.core.star.filter.command import CommandFilter, GreedyStr
from astrbot.core.star.filter.command_group import CommandGroupFilter
from astrbot.core.star.filter.custom_filter import CustomFilter
from astrbot.core.star.filter.event_message_type import EventMessageType
from astrbot.core.star.filter.permission import PermissionType
from astrbot.core.star.register import register_on_agent_done
from astrbot.core.star.session_llm_manager import SessionServiceManager
from astrbot.core.star.star import star_map
from astrbot.core.star.star_handler import StarHandlerMetadata, star_handlers_registry
from astrbot.core.star.star_tools import StarTools
from astrbot.core.utils.active_event_registry import active_event_registry
from astrbot.core.utils.astrbot_path import get_astrbot_config_path, get_astrbot_data_path, get_astrbot_plugin_data_path, get_astrbot_plugin_path, get_astrbot_skills_path, get_astrbot_temp_path
from astrbot.core.utils.io import download_file, download_image_by_url
from astrbot.core.utils.media_utils import convert_audio_format, convert_audio_to_wav
from astrbot.core.utils.session_waiter import SessionController, SessionFilter, session_waiter
from astrbot.core.utils.tencent_record_helper import tencent_silk_to_wav

try:
    from astrbot.core.platform.sources.nowhere import Nothing
except ImportError:
    Nothing = None


class SampleImports(Star):
    def __init__(self, context: Context, config: dict | None = None):
        super().__init__(context)

    @filter.command("kinds")
    async def kinds(self, event: AstrMessageEvent):
        stubs = (AiocqhttpMessageEvent, QQOfficialMessageEvent, TelegramPlatformEvent, LarkMessageEvent, SlackMessageEvent)
        stubs += (DingtalkMessageEvent, DiscordPlatformEvent, GewechatPlatformEvent, WeChatPadProMessageEvent)
        if any(isinstance(event, one) for one in stubs) or hasattr(event, "bot"):
            yield event.plain_result("a messenger")
            return
        assert follow_up.try_capture_follow_up(event) is None
        assert Comp is message_components
        assert platform_register.platform_registry is not None
        assert provider_register.provider_cls_map is not None
        assert issubclass(GewechatPlatformAdapter, Platform) and issubclass(QQOfficialPlatformAdapter, Platform)
        assert await SessionServiceManager.is_session_enabled(event.unified_msg_origin)
        try:
            await get_booter(self.context, event.unified_msg_origin)
        except RuntimeError:
            yield event.plain_result(f"any messenger {__version__} {Nothing}")

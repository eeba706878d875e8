"""The built-in commands, one method each; what they do is in the modules beside this one."""

from __future__ import annotations

from collections.abc import Sequence

from astrbot_like.api import AstrBotConfig, sp
from astrbot_like.api.event import AstrMessageEvent, MessageEventResult, filter
from astrbot_like.api.event.filter import GreedyStr
from astrbot_like.api.host_tables import SESSION_SWITCHES, SessionServiceManager, active_event_registry
from astrbot_like.api.star import Context, Star

from . import listing
from .languages import choose_language
from .models import Models
from .talks import Talks
from .texts import say

VARIABLES = "session_variables"
"""Preference that holds a session's variables."""

ALIAS = "session_alias"
"""Preference that holds a session's name."""


class Enabled(filter.CustomFilter):
    """Passes unless the configuration switches built-in commands off."""

    def filter(self, event: AstrMessageEvent, cfg: AstrBotConfig) -> bool:
        """Whether they are on."""
        return not cfg.get("disable_builtin_commands")


class ModelSwitchedOff(filter.CustomFilter):
    """Passes where ``/llm`` has switched the model off; any other message then runs no handler for it."""

    def filter(self, event: AstrMessageEvent, cfg: AstrBotConfig) -> bool:
        """Whether the model is off in the session."""
        switches = sp.get(SESSION_SWITCHES, scope="umo", scope_id=event.unified_msg_origin) or {}
        return not switches.get("llm_enabled", True)


admins = filter.permission_type(filter.PermissionType.ADMIN)
enabled = filter.custom_filter(Enabled)


class BuiltinCommands(Star):
    """Commands for conversations, models, plugins and administration."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.talks = Talks(context)
        self.models = Models(context, self.talks)

    @enabled
    @filter.command("help", alias={"帮助"})
    async def help(self, event: AstrMessageEvent) -> MessageEventResult:
        """查看可用的指令"""
        return _plain(event, listing.help_text(event, self.context))

    @enabled
    @filter.command("sid")
    async def sid(self, event: AstrMessageEvent) -> MessageEventResult:
        """查看会话 ID 和用户 ID"""
        return _plain(event, listing.session_text(event))

    @enabled
    @filter.command("language", alias={"lang", "语言"})
    async def language(self, event: AstrMessageEvent, tag: str = "") -> MessageEventResult:
        """选择回复所用的语言"""
        if tag and _group_member(event):
            return _plain(event, say("denied", sender=event.get_sender_id()))
        return _plain(event, await choose_language(event, tag))

    # --- conversations -------------------------------------------------------------------------

    @enabled
    @filter.command("new")
    async def new(self, event: AstrMessageEvent, title: GreedyStr) -> MessageEventResult:
        """新建对话"""
        active_event_registry.stop_all(event.unified_msg_origin, exclude=event)
        return _plain(event, await self.talks.new(event, title))

    @enabled
    @filter.command("reset")
    async def reset(self, event: AstrMessageEvent) -> MessageEventResult:
        """清空当前对话"""
        if _group_member(event):
            return _plain(event, say("denied", sender=event.get_sender_id()))
        active_event_registry.stop_all(event.unified_msg_origin, exclude=event)
        return _plain(event, await self.talks.reset(event))

    @enabled
    @filter.command("ls")
    async def ls(self, event: AstrMessageEvent, page: int = 1) -> MessageEventResult:
        """查看对话列表"""
        return _plain(event, await self.talks.listed(event, page))

    @enabled
    @filter.command("switch")
    async def switch(self, event: AstrMessageEvent, which: str) -> MessageEventResult:
        """切换到另一个对话"""
        return _plain(event, await self.talks.switch(event, which))

    @enabled
    @filter.command("rename")
    async def rename(self, event: AstrMessageEvent, title: GreedyStr) -> MessageEventResult:
        """重命名当前对话"""
        return _plain(event, await self.talks.rename(event, title))

    @enabled
    @filter.command("del")
    async def delete(self, event: AstrMessageEvent, which: str = "") -> MessageEventResult:
        """删除对话"""
        if _group_member(event):
            return _plain(event, say("denied", sender=event.get_sender_id()))
        return _plain(event, await self.talks.delete(event, which))

    @enabled
    @filter.command("history")
    async def history(self, event: AstrMessageEvent, page: int = 1) -> MessageEventResult:
        """查看当前对话的记录"""
        return _plain(event, await self.talks.history(event, page))

    @enabled
    @filter.command("stop")
    async def stop(self, event: AstrMessageEvent) -> MessageEventResult:
        """停止正在运行的任务"""
        count = active_event_registry.stop_all(event.unified_msg_origin, exclude=event)
        return _plain(event, say("stop", count=count) if count else say("stop.none"))

    @enabled
    @filter.command("stats")
    async def stats(self, event: AstrMessageEvent) -> MessageEventResult:
        """查看当前对话的 Token 用量"""
        current = await self.talks.current(event)
        if current is None:
            return _plain(event, say("none"))
        return _plain(event, say("stats", cid=current.cid[:8], tokens=f"{current.token_usage:,}"))

    # --- who answers ---------------------------------------------------------------------------

    @enabled
    @filter.command("persona")
    async def persona(self, event: AstrMessageEvent, name: GreedyStr) -> MessageEventResult:
        """查看或切换人格"""
        if name and _group_member(event):
            return _plain(event, say("denied", sender=event.get_sender_id()))
        return _plain(event, await self.models.persona(event, name.strip()))

    @enabled
    @admins
    @filter.command("provider")
    async def provider(self, event: AstrMessageEvent, which: str = "") -> MessageEventResult:
        """查看或切换提供商"""
        if not which:
            return _plain(event, self.models.providers(event))
        return _plain(event, await self.models.choose_provider(event, which))

    @enabled
    @admins
    @filter.command("model")
    async def model(self, event: AstrMessageEvent, which: str = "") -> MessageEventResult:
        """查看或切换模型"""
        return _plain(event, await self.models.models(event, which))

    @enabled
    @admins
    @filter.command("llm")
    async def llm(self, event: AstrMessageEvent) -> MessageEventResult:
        """开启或关闭本会话的模型回复"""
        umo = event.unified_msg_origin
        on = not await SessionServiceManager.is_llm_enabled_for_session(umo)
        await SessionServiceManager.set_llm_status_for_session(umo, on)
        return _plain(event, say("llm.on" if on else "llm.off"))

    @filter.custom_filter(ModelSwitchedOff)
    @filter.event_message_type(filter.EventMessageType.ALL, priority=-1_000_000)
    async def keep_silent(self, event: AstrMessageEvent) -> None:
        """Keeps the model silent; runs after all other handlers."""
        event.should_call_llm(True)

    # --- administration ------------------------------------------------------------------------

    @enabled
    @admins
    @filter.command("plugin")
    async def plugin(self, event: AstrMessageEvent, action: str = "", name: str = "") -> MessageEventResult:
        """查看、启用、禁用或重载插件"""
        if action in ("", "ls"):
            return _plain(event, listing.plugins_text(self.context))
        if action not in listing.ACTIONS:
            return _plain(event, listing.plugin_text(self.context, action))
        if not name:
            return _plain(event, say("plugin.usage"))
        return _plain(event, await listing.switch_plugin(self.context, action, name))

    @enabled
    @filter.command("set")
    async def set_variable(self, event: AstrMessageEvent, key: str, value: GreedyStr) -> MessageEventResult:
        """设置会话变量"""
        variables = await sp.session_get(event.unified_msg_origin, VARIABLES, {})
        await sp.session_put(event.unified_msg_origin, VARIABLES, {**variables, key: value})
        return _plain(event, say("set", key=key))

    @enabled
    @filter.command("unset")
    async def unset_variable(self, event: AstrMessageEvent, key: str) -> MessageEventResult:
        """删除会话变量"""
        variables = dict(await sp.session_get(event.unified_msg_origin, VARIABLES, {}))
        if key not in variables:
            return _plain(event, say("unknown", what=key))
        del variables[key]
        await sp.session_put(event.unified_msg_origin, VARIABLES, variables)
        return _plain(event, say("unset", key=key))

    @enabled
    @admins
    @filter.command("name")
    async def name_session(self, event: AstrMessageEvent, alias: GreedyStr) -> MessageEventResult:
        """设置本会话的名称"""
        await sp.session_put(event.unified_msg_origin, ALIAS, alias)
        return _plain(event, say("name", name=alias))

    @enabled
    @admins
    @filter.command("op")
    async def op(self, event: AstrMessageEvent, user_id: str) -> MessageEventResult:
        """授权管理员"""
        await self._put_in("admins_id", user_id)
        return _plain(event, say("op", id=user_id))

    @enabled
    @admins
    @filter.command("deop")
    async def deop(self, event: AstrMessageEvent, user_id: str) -> MessageEventResult:
        """取消管理员"""
        found = await self._take_out("admins_id", user_id)
        return _plain(event, say("deop" if found else "unknown", id=user_id, what=user_id))

    @enabled
    @admins
    @filter.command("wl")
    async def wl(self, event: AstrMessageEvent, listed_id: str) -> MessageEventResult:
        """加入白名单"""
        await self._put_in("id_whitelist", listed_id)
        return _plain(event, say("wl", id=listed_id))

    @enabled
    @admins
    @filter.command("dwl")
    async def dwl(self, event: AstrMessageEvent, listed_id: str) -> MessageEventResult:
        """移出白名单"""
        found = await self._take_out("id_whitelist", listed_id)
        return _plain(event, say("dwl" if found else "unknown", id=listed_id, what=listed_id))

    def _listed(self, key: str) -> list[str]:
        config = self.context.get_config()
        tree = config["platform_settings"] if key == "id_whitelist" else config
        listed: list[str] = tree[key]
        return listed

    async def _put_in(self, key: str, value: str) -> None:
        listed = self._listed(key)
        if value not in listed:
            listed.append(value)
            await self.context.get_config().save_config_async()

    async def _take_out(self, key: str, value: str) -> bool:
        listed: Sequence[str] = self._listed(key)
        if value not in listed:
            return False
        self._listed(key).remove(value)
        await self.context.get_config().save_config_async()
        return True


def _plain(event: AstrMessageEvent, text: str) -> MessageEventResult:
    # Drawn as a picture or split into voice, an answer to a command would be of no use.
    return event.plain_result(text).use_t2i(False).stop_event()


def _group_member(event: AstrMessageEvent) -> bool:
    return not event.is_private_chat() and not event.is_admin()

"""Texts that users see and that come from the host, in Chinese (default) and English.

The Chinese ones are those AstrBot's users and plugins know.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Literal, TypeAlias

Language: TypeAlias = Literal["zh", "en"]

language: ContextVar[Language] = ContextVar("astrbot_like_language", default="zh")
"""Language of texts for the running context."""

LANGUAGE_KEY = "language"
"""Preference, in the scopes ``user`` and ``umo``, and setting of a profile: a BCP 47 tag; empty: not chosen."""


def language_of(tag: str | None) -> Language | None:
    """The language of texts that fits a BCP 47 tag best; None for no tag."""
    if not tag:
        return None
    return "zh" if tag.lower().partition("-")[0] in ("zh", "cmn", "yue", "wuu") else "en"


TEXTS: dict[str, tuple[str, str]] = {
    "command.missing": (
        "必要参数缺失。该指令完整参数: {params}",
        "A required argument is missing. Arguments of this command: {params}",
    ),
    "command.wrong_type": (
        "参数 {name} 类型错误。完整参数: {params}",
        "Argument {name} has the wrong type. Arguments: {params}",
    ),
    "command.not_bool": (
        "参数 {name} 必须是布尔值（true/false, yes/no, 1/0）。",
        "Argument {name} must be a yes/no value (true/false, yes/no, 1/0).",
    ),
    "command.greedy_last": (
        "参数 '{name}' (GreedyStr) 必须是最后一个参数。",
        "Argument '{name}' (GreedyStr) must be the last one.",
    ),
    "group.usage": (
        "参数不足。{group} 指令组下有如下指令，请参考：\n{group}\n{tree}",
        "More is needed. The command group {group} has these commands:\n{group}\n{tree}",
    ),
    "group.no_arguments": ("无参数指令", "no arguments"),
    "permission.denied": (
        "您(ID: {sender})的权限不足以使用此指令。通过 /sid 获取 ID 并请管理员添加。",
        "You (ID: {sender}) may not use this command. Get your ID with /sid and ask an administrator to add it.",
    ),
    "answer.shown": ("内容较长，已显示在屏幕上。", "The answer is on the screen."),
    "plugin.says": ("插件 {plugin}: {message}", "Plugin {plugin}: {message}"),
    "plugin.failed": (
        ":(\n\n在调用插件 {plugin} 的处理函数 {handler} 时出现异常：{error}",
        ":(\n\nThe handler {handler} of plugin {plugin} failed: {error}",
    ),
    "llm.no_provider": (
        "LLM 请求失败：未找到任何可用的对话模型（提供商）。请先在管理面板的“服务提供商”中添加一个。",
        "The model request failed: no chat model (provider) is available. Add one under Providers in the dashboard.",
    ),
    "llm.failed": ("LLM 请求失败：{error}", "The model request failed: {error}"),
    "provider.not_found": (
        "未找到可用的对话模型（提供商）。",
        "No chat model (provider) is available.",
    ),
    "provider.duplicate": (
        "检测到大模型提供商适配器 {name} 已经注册，可能发生了大模型提供商适配器类型命名冲突。",
        "A provider adapter of type {name} is already registered; two plugins use the same type name.",
    ),
    "platform.duplicate": (
        "平台适配器 {name} 已经注册过了，可能发生了适配器命名冲突。",
        "A platform adapter named {name} is already registered; two plugins use the same name.",
    ),
    "file_service.off": ("未配置 callback_api_base，文件服务不可用", "callback_api_base is not set: no file service"),
    "outline.image": ("[图片]", "[image]"),
    "outline.face": ("[表情:{id}]", "[face:{id}]"),
    "outline.forward": ("[转发消息]", "[forwarded messages]"),
    "outline.quote": ("[引用消息]", "[quoted message]"),
    "outline.quote_of": ("[引用消息({sender}: {text})]", "[quoted message({sender}: {text})]"),
    "tool.no_type": (
        "LLM 函数工具 {tool} 的参数 {name} 缺少类型注释。",
        "Tool {tool}: the docstring gives no type for argument {name}",
    ),
    "tool.bad_type": (
        "LLM 函数工具 {tool} 不支持的参数类型：{type}",
        "Tool {tool}: the docstring names an argument type that is not supported: {type}",
    ),
}
"""Key → (Chinese, English)."""


def text(key: str, /, **values: object) -> str:
    """The text of ``key`` in the running context's language, with ``values`` filled in."""
    chinese, english = TEXTS[key]
    template = english if language.get() == "en" else chinese
    return template.format(**values) if values else template

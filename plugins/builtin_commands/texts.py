"""What the commands say, in Chinese and English."""

from __future__ import annotations

from astrbot_like.api.texts import language

TEXTS: dict[str, tuple[str, str]] = {
    "help.title": ("AstrBot 兼容机器人，可用指令：", "Commands:"),
    "help.builtin": ("[内置指令]", "[built in]"),
    "help.none": ("没有可用的指令。", "There are no commands."),
    "sid": (
        "UMO: 「{umo}」\nUID: 「{uid}」\n"
        "*UMO 可用于设置白名单和配置文件路由，UID 可用于设置管理员列表\n\n"
        "会话信息：\n机器人 ID: 「{platform}」\n消息类型: 「{kind}」\n会话 ID: 「{session}」",
        "UMO: 「{umo}」\nUID: 「{uid}」\n"
        "*Use the UMO for the whitelist and for routing, the UID for the list of administrators\n\n"
        "This session:\nBot ID: 「{platform}」\nMessage type: 「{kind}」\nSession ID: 「{session}」",
    ),
    "sid.group": (
        "\n\n群组 ID: 「{group}」。将此 ID 加入白名单即可允许整个群。",
        "\n\nThe group's ID: 「{group}」. Put it on the whitelist to allow the whole group.",
    ),
    "language": (
        "当前语言: 中文。使用 /language en 切换为英文，/language auto 恢复默认。",
        "The language is English. /language zh changes to Chinese, /language auto goes back to the default.",
    ),
    "language.auto": ("✅ 已恢复默认语言。", "✅ The language is the default one again."),
    "language.unknown": ("可用的语言: zh（中文）、en（English）。", "There are zh (中文) and en (English)."),
    "denied": (
        "您(ID: {sender})没有权限在群聊中使用此指令，请联系管理员。",
        "You (ID: {sender}) may not use this command in a group; ask an administrator.",
    ),
    "none": (
        "当前没有对话。使用 /new 创建一个。",
        "There is no conversation yet. Start one with /new.",
    ),
    "new": ("✅ 已切换到新对话: {cid}。", "✅ Switched to a new conversation: {cid}."),
    "reset": ("✅ 对话已重置。", "✅ The conversation has been reset."),
    "ls": ("对话列表（第 {page}/{pages} 页）：\n{lines}", "Conversations (page {page} of {pages}):\n{lines}"),
    "ls.line": ("{number}. {title} ({cid}){current}", "{number}. {title} ({cid}){current}"),
    "ls.untitled": ("新对话", "New conversation"),
    "ls.current": (" ← 当前", " ← current"),
    "ls.hint": (
        "\n使用 /switch 序号 切换，/new 新建，/del 序号 删除。",
        "\n/switch <number> changes, /new starts, /del <number> deletes one.",
    ),
    "unknown": ("没有找到: {what}", "Not found: {what}"),
    "switch": ("✅ 已切换到对话: {title} ({cid})。", "✅ Switched to: {title} ({cid})."),
    "rename": ("✅ 对话已重命名为: {title}", "✅ The conversation is now called: {title}"),
    "del": ("✅ 已删除对话: {title} ({cid})。", "✅ Deleted: {title} ({cid})."),
    "history": ("历史记录（第 {page}/{pages} 页）：\n{lines}", "History (page {page} of {pages}):\n{lines}"),
    "history.empty": ("当前对话还没有内容。", "The conversation is empty."),
    "stop": ("✅ 已请求停止 {count} 个正在运行的任务。", "✅ Asked {count} running tasks to stop."),
    "stop.none": ("✅ 当前会话没有正在运行的任务。", "✅ Nothing is running in this session."),
    "stats": ("📊 对话 {cid} 的 Token 用量: {tokens}", "📊 Tokens used by conversation {cid}: {tokens}"),
    "persona": (
        "当前人格: {current}\n可用人格:\n{lines}\n使用 /persona 名称 切换，/persona unset 取消。",
        "Persona: {current}\nPersonas:\n{lines}\n/persona <name> chooses one, /persona unset takes it back.",
    ),
    "persona.set": ("✅ 人格已设置为 {name}。", "✅ The persona is now {name}."),
    "persona.unset": ("✅ 已取消人格，使用默认人格。", "✅ The default persona is in force again."),
    "provider": ("{sections}\n使用 /provider 序号或 ID 切换。", "{sections}\n/provider <number or id> chooses one."),
    "provider.none": ("没有可用的提供商。", "There are no providers."),
    "provider.set": ("✅ 本会话的{kind}已切换为 {id}。", "✅ This session's {kind} is now {id}."),
    "kind.chat_completion": ("对话模型", "chat model"),
    "kind.text_to_speech": ("语音合成", "speech synthesis"),
    "kind.speech_to_text": ("语音识别", "speech recognition"),
    "using": (" ← 使用中", " ← in use"),
    "model": (
        "{provider} 的模型（当前: {current}）：\n{lines}\n使用 /model 序号或名称 切换。",
        "Models of {provider} (in use: {current}):\n{lines}\n/model <number or name> chooses one.",
    ),
    "model.set": ("✅ 模型已切换为 {model}。", "✅ The model is now {model}."),
    "model.no_provider": ("没有正在使用的对话模型提供商。", "No chat provider is in use."),
    "model.failed": ("获取模型列表失败: {error}", "The models could not be listed: {error}"),
    "plugin": (
        "已加载的插件：\n{lines}\n使用 /plugin 名称 查看，/plugin on|off|reload 名称 操作。",
        "Plugins:\n{lines}\n/plugin <name> shows one, /plugin on|off|reload <name> switches.",
    ),
    "plugin.off": (" (已禁用)", " (off)"),
    "plugin.detail": (
        "{name} {version}，作者 {author}\n{desc}\n{commands}",
        "{name} {version} by {author}\n{desc}\n{commands}",
    ),
    "plugin.done": ("✅ 插件 {name}: {action} 完成。", "✅ Plugin {name}: {action} done."),
    "plugin.failed": ("插件 {name}: {action} 失败: {error}", "Plugin {name}: {action} failed: {error}"),
    "plugin.usage": ("用法: /plugin on|off|reload 名称", "Usage: /plugin on|off|reload <name>"),
    "llm.on": ("✅ 本会话的模型回复已开启。", "✅ The model answers in this session."),
    "llm.off": ("✅ 本会话的模型回复已关闭。", "✅ The model no longer answers in this session."),
    "set": ("✅ 会话变量 {key} 已设置。", "✅ The session's variable {key} is set."),
    "unset": ("✅ 会话变量 {key} 已删除。", "✅ The session's variable {key} is gone."),
    "name": ("✅ 本会话的名称已设置为 {name}。", "✅ This session is now called {name}."),
    "op": ("✅ {id} 已成为管理员。", "✅ {id} is an administrator now."),
    "deop": ("✅ {id} 不再是管理员。", "✅ {id} is no longer an administrator."),
    "wl": ("✅ {id} 已加入白名单。", "✅ {id} is on the whitelist."),
    "dwl": ("✅ {id} 已移出白名单。", "✅ {id} is no longer on the whitelist."),
}

IN_ENGLISH = {
    "help": "lists the commands",
    "sid": "shows the ids of the session and of yourself",
    "language": "chooses the language of commands and notices",
    "new": "starts a new conversation",
    "reset": "empties the conversation",
    "ls": "lists the conversations",
    "switch": "goes to another conversation",
    "rename": "renames the conversation",
    "del": "deletes a conversation",
    "history": "shows the conversation",
    "stop": "stops what is running",
    "stats": "shows the tokens the conversation has used",
    "persona": "shows or chooses the persona",
    "provider": "shows or chooses providers",
    "model": "shows or chooses the model",
    "llm": "switches the model's answers in this session on or off",
    "plugin": "shows plugins, switches and reloads them",
    "set": "sets a variable of the session",
    "unset": "deletes a variable of the session",
    "name": "names the session",
    "op": "makes somebody an administrator",
    "deop": "makes somebody an administrator no longer",
    "wl": "puts an id on the whitelist",
    "dwl": "takes an id off the whitelist",
}
"""What each command does; their docstrings say it in Chinese."""


def described(command: str, description: str) -> str:
    """What a command does, in the running context's language; ``description`` is the docstring's."""
    return IN_ENGLISH.get(command, description) if language.get() == "en" else description


def say(key: str, /, **values: object) -> str:
    """A text in the running context's language."""
    chinese, english = TEXTS[key]
    return (english if language.get() == "en" else chinese).format(**values)

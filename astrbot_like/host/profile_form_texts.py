"""What settings of a profile are called: of the voice in Chinese, of the host configuration in both languages."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Described(msgspec.Struct, frozen=True):
    """A setting of the host configuration.

    Attributes:
        hints: What to know about it, in English and Chinese; empty: nothing.
        options: Values to choose from, with their names in English and Chinese.
        least: The least number that makes sense.
        items: The settings of a group.
    """

    english: str
    chinese: str
    hints: tuple[str, str] | tuple[()] = ()
    options: Mapping[str, tuple[str, str]] = {}
    least: int | None = None
    items: Mapping[str, Described] = {}


VOICE: Mapping[str, str] = {
    "speech_lead": "比实际播放提前发送的语音时长（秒），越小客户端积压越少。",
    "look_ahead": "在播放当前句时提前合成的句数。",
    "piece_seconds": "单帧语音的最长时长（秒）。",
    "sentence_deadline": "合成一句话最长可用的时间（秒）。",
    "sentence_seconds": "单句语音的最长时长（秒），超出部分视为服务出错而截断。",
    "first_chunk_words": "首个分句达到多少个词即开始朗读；0 表示等整句。",
    "longest_chunk": "没有句末标点时，超过多少个字符就分段朗读。",
    "read_aloud": "指令回复超过多少个字符就只显示并简短提示；0 表示全部朗读。",
    "recognition_deadline": "说完后识别最长可用的时间（秒）。",
    "utterance_seconds": "单次说话的最长时长（秒）。",
    "vad_threshold": "判定为语音的概率下限。",
    "min_speech": "判定为开始说话所需的语音时长（秒），更短的视为噪声。",
    "silence": "静音多久视为说完（秒）。",
    "pre_roll": "保留检测到说话之前的音频（秒），避免丢失首音。",
    "adaptive_silence": "句子完整时提前结束，未说完时多等一会，并学习说话者的停顿习惯。",
    "shortest_silence": "自适应静音的下限（秒）。",
    "longest_silence": "自适应静音的上限（秒）。",
    "voice_without_words": "有声音却识别不出词语，多久后仍结束本段（秒）。",
    "min_interruption": "在回复期间说话多久算打断（秒）；尚未识别出词语时加倍。",
    "resume_after": "判断是否打断期间，播放最多暂停多久（秒）。",
    "backchannels": "除内置中英文词语外，不视为打断的附和词。",
    "reply_guard": "回复开头多久内不会被声音打断（秒）；0 表示不保护。",
    "echo_similarity": "识别结果与机器人刚说的话相似到什么程度视为回声而丢弃；1.01 表示不判断回声。",
    "echo_seconds": "播放结束后多久内仍可能听到机器人自己的回声（秒）。",
}

_RATE_LIMIT = Described(
    "Messages of a session",
    "会话消息频率",
    hints=(
        "In the web chat it counts only once something is changed here.",
        "对网页聊天，仅在此处有改动后才生效。",
    ),
    items={
        "count": Described("How many; 0: no limit", "条数上限，0 表示不限", least=0),
        "time": Described("Within so many seconds", "时间窗口（秒）", least=1),
        "strategy": Described(
            "One message too many",
            "超出时",
            options={"stall": ("waits", "等待"), "discard": ("is dropped", "丢弃")},
        ),
    },
)

HOST: Mapping[str, Described] = {
    "language": Described(
        "Language of the bot's own texts",
        "内置文本的语言",
        hints=(
            "Where neither the user nor the web UI has chosen one.",
            "用户和网页界面都未指定语言时使用。",
        ),
        options={"": ("Default", "默认"), "en": ("English", "English"), "zh-CN": ("简体中文", "简体中文")},
    ),
    "timezone": Described("Time zone", "时区"),
    "wake_prefix": Described("Prefixes of commands", "指令前缀"),
    "admins_id": Described(
        "IDs of administrators", "管理员 ID", hints=("A user's ID is shown by /sid.", "用户可用 /sid 查看自己的 ID。")
    ),
    "disable_builtin_commands": Described("Switch the built-in commands off", "停用内置指令"),
    "platform_settings": Described(
        "Messages",
        "消息",
        items={
            "rate_limit": _RATE_LIMIT,
            "reply_prefix": Described("Text in front of each reply", "回复前缀"),
            "reply_with_mention": Described("Mention the sender in groups", "群聊回复时 @ 发送者"),
            "reply_with_quote": Described("Quote the message in groups", "群聊回复时引用原消息"),
            "friend_message_needs_wake_prefix": Described(
                "Private messages need the prefix, too", "私聊也需要指令前缀"
            ),
            "ignore_bot_self_message": Described("Ignore the bot's own messages", "忽略机器人自己的消息"),
            "ignore_at_all": Described("Ignore mentions of everybody", "忽略 @全体成员"),
            "enable_id_white_list": Described("Use the whitelist", "启用白名单"),
            "id_whitelist": Described(
                "Whitelist",
                "白名单",
                hints=("Empty: everybody is heard.", "为空时不限制。"),
            ),
            "wl_ignore_admin_on_group": Described(
                "Administrators in groups need not be on it", "群聊中管理员不受白名单限制"
            ),
            "wl_ignore_admin_on_friend": Described(
                "Administrators in private chats need not be on it", "私聊中管理员不受白名单限制"
            ),
        },
    ),
    "provider_settings": Described(
        "Language model",
        "语言模型",
        items={
            "enable": Described("Messages that are no command go to the model", "非指令消息交给模型回复"),
            "wake_prefix": Described("Only messages with this prefix", "仅限带此前缀的消息"),
            "prompt_prefix": Described(
                "Frame of each message",
                "提示词模板",
                hints=("{{prompt}} stands for the message.", "{{prompt}} 表示用户消息。"),
            ),
            "identifier": Described("Tell the model the user's name", "告知模型用户名称"),
            "datetime_system_prompt": Described("Tell the model the date and time", "告知模型当前日期与时间"),
        },
    ),
    "provider_tts_settings": Described(
        "Replies as recordings, on bots",
        "以语音条回复（机器人平台）",
        items={
            "enable": Described("Switched on", "启用"),
            "dual_output": Described("Send the text, too", "同时发送文本"),
            "trigger_probability": Described("Share of the replies (0 to 1)", "触发概率（0 至 1）", least=0),
        },
    ),
    "content_safety": Described(
        "Words that are refused",
        "屏蔽词",
        items={
            "internal_keywords": Described(
                "In messages and replies",
                "消息与回复",
                items={
                    "enable": Described("Switched on", "启用"),
                    "extra_keywords": Described("Words", "词语"),
                },
            ),
        },
    ),
    "t2i": Described("Draw long texts as pictures", "长文本转为图片"),
    "t2i_word_threshold": Described("From so many characters on", "触发字符数", least=0),
}

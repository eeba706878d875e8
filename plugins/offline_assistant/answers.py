"""What the offline assistant says to each intent, in English and Chinese."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from .documents import Document, describe
from .numerals import number_text, parse_number
from .sums import NotASum, evaluate
from .understanding import Meaning
from .units import Units, spoken

_MOST_COUNTED = 1000
_WEEKDAYS_ZH = "一二三四五六日"
_OPERATORS_EN = {"+": "plus", "-": "minus", "*": "times", "/": "divided by", "^": "to the power of", "sqrt": "the square root of", "mod": "modulo"}  # fmt: skip
_OPERATORS_ZH = {"+": "加", "-": "减", "*": "乘", "/": "除以", "^": "的次方", "sqrt": "根号", "mod": "模"}

CONNECT = {
    "en": "To connect a language model, open the dashboard, go to Providers, add one, for example OpenAI, Anthropic, "
    "Gemini or a local Ollama, and put it first in the profile's chain of chat models.",
    "zh": "要接入大语言模型，请打开管理面板的“提供商”页，添加一个，例如 OpenAI、Anthropic、Gemini 或本机的 Ollama，再把它放到配置方案的聊天模型链的第一位。",
}
_WHO = {
    "en": "I am the offline assistant. I work without any language model: I know a set of sentences, not the world.",
    "zh": "我是离线助手。我不用任何语言模型：我只认得一组句子，不懂天下事。",
}
_SKILLS = {
    "en": "I can tell the time and the date, do sums, convert units, count, tell a story or a joke, and say how an attached file begins.",
    "zh": "我可以报时间和日期、做算术、换算单位、数数、讲故事或笑话，还能说出附件文件的开头。",
}
_UNKNOWN = {
    "en": "I am the offline assistant and did not understand that. ",
    "zh": "我是离线助手，没听懂这句话。",
}
_JOKES = {
    "en": (
        "I asked the clock for a joke. It said: give me a second.",
        "There are ten kinds of people: those who count in binary, and those who don't.",
        "I would tell a joke about the network, but I am offline.",
    ),
    "zh": (
        "我问时钟会不会讲笑话，它说：等一下。",
        "世上有十种人：懂二进制的，和不懂的。",
        "本来想讲个网络笑话，可惜我没联网。",
    ),
}
_STORY = {
    "en": "Once upon a time a small bell hung in the tower of a town by the sea. Every morning it rang the hour, and every "
    "morning the fishermen set out when they heard it. One winter a storm took the ladder of the tower, and nobody "
    "could climb up to wind the clock. The bell fell silent, and the town forgot what time it was. Bread was baked at "
    "midnight, the school began after lunch, and the lighthouse keeper slept through the dusk. Then a girl who lived "
    "beside the harbour took her brother's kite, tied a long thread to its tail, and waited for the wind. The kite rose "
    "past the roofs and past the gulls, and on the third evening its thread went around the clapper of the bell. She "
    "pulled, and the bell rang out over the roofs. The fishermen looked up, the baker put down his flour, and the "
    "lighthouse keeper ran to his lamp. Far out, a ship that had lost its way turned towards the light. In spring they "
    "built a new ladder, and the girl was given the key of the tower. And if you come to that town, and the wind is "
    "right, you can still see a kite beside the bell.",
    "zh": "从前，海边小镇的塔楼上挂着一口小钟。每天早晨它报时，渔夫们听见钟声就出海。有一年冬天，暴风雨卷走了塔楼的梯子，再没有人能爬上去给钟上发条。"
    "钟不响了，小镇忘记了时间。面包在半夜出炉，学校在午饭后才上课，看守灯塔的人睡过了黄昏。港口边有个女孩，她拿来哥哥的风筝，在尾巴上系了一根长线，等着起风。"
    "风筝越过屋顶，越过海鸥，第三天傍晚，线绕住了钟舌。她轻轻一拉，钟声传遍了小镇。渔夫抬起了头，面包师放下了面粉，看守灯塔的人跑去点灯。"
    "远处，一艘迷路的船朝着灯光转了过来。春天，大家造了一架新梯子，女孩得到了塔楼的钥匙。如果你来到那个小镇，又正好有风，还能看见钟旁边的那只风筝。",
}


@dataclass(frozen=True)
class Situation:
    """What an answer may depend on.

    Attributes:
        chinese: Whether to answer in Chinese.
        now: Local time.
        documents: Files of this message or an earlier one, the latest last.
        tools: Names of the tools on offer.
    """

    chinese: bool
    now: datetime
    documents: Sequence[Document] = ()
    tools: Sequence[str] = ()

    @property
    def language(self) -> str:
        return "zh" if self.chinese else "en"


@dataclass
class Answers:
    """Words for meanings.

    Attributes:
        chance: The source of chance, for jokes, coins and dice.
    """

    chance: random.Random = field(default_factory=random.Random)
    units: Units = field(default_factory=Units)

    def answer(self, meaning: Meaning, at: Situation) -> str | None:
        """The reply, or None when the slots make no sense and another reading is to be tried."""
        makers: dict[str, Callable[[Meaning, Situation], str | None]] = {
            "time": _time,
            "date": _date,
            "date_shifted": _date_shifted,
            "sum": _sum,
            "convert": self._convert,
            "help": lambda _, at: self.help(at),
            "connect": lambda _, at: CONNECT[at.language],
            "who": lambda _, at: f"{_WHO[at.language]}{'' if at.chinese else ' '}{CONNECT[at.language]}",
            "count": _count,
            "repeat": _repeat,
            "file": _file,
            "joke": lambda _, at: self.chance.choice(_JOKES[at.language]),
            "story": lambda _, at: _STORY[at.language],
            "coin": lambda _, at: self.chance.choice(("正面。", "反面。") if at.chinese else ("Heads.", "Tails.")),
            "dice": self._dice,
        }
        maker = makers.get(meaning.intent)
        return maker(meaning, at) if maker else _small_talk(meaning, at)

    def help(self, at: Situation) -> str:
        """What can be asked here."""
        told = f"{_WHO[at.language]}{'' if at.chinese else ' '}{_SKILLS[at.language]}"
        if at.tools:
            names = ("、" if at.chinese else ", ").join(name.replace("_", " ") for name in list(at.tools)[:12])
            told += f"我还能使用这些工具：{names}。" if at.chinese else f" I can also use these tools: {names}."
        return f"{told}{'' if at.chinese else ' '}{CONNECT[at.language]}"

    def unknown(self, at: Situation) -> str:
        """The reply to anything else."""
        return f"{_UNKNOWN[at.language]}{_SKILLS[at.language]}{'' if at.chinese else ' '}{CONNECT[at.language]}"

    def nothing_said(self, at: Situation) -> str:
        """The reply to a message without text."""
        return (
            "这条消息里没有我能读的文字。"
            if at.chinese
            else "I am the offline assistant, and there was no text for me in that message."
        )

    def _dice(self, meaning: Meaning, at: Situation) -> str:
        thrown = self.chance.randint(1, 6)
        return f"掷出了{thrown}。" if at.chinese else f"You rolled a {thrown}."

    def _convert(self, meaning: Meaning, at: Situation) -> str | None:
        try:
            done = self.units.convert(meaning.slots.get("quantity", ""), meaning.slots.get("unit", ""))
        except ValueError as error:
            return (
                f"这两种单位不能互相换算：{error}。"
                if at.chinese
                else f"I can't convert between {error}: they measure different things."
            )
        if done is None:
            return None
        short = float(f"{done.result:.4g}") if abs(done.result) < 1000 else round(done.result, 1)
        about = ("大约" if at.chinese else "about ") if abs(short - done.result) > abs(done.result) * 1e-9 else ""
        source, target = (
            spoken(done.value, done.source, chinese=at.chinese),
            spoken(short, done.target, chinese=at.chinese),
        )
        return (
            f"{source}{about or '等于'}{'是' if about else ''}{target}。"
            if at.chinese
            else f"{source} {'is' if done.value == 1 else 'are'} {about}{target}."
        )


def _time(meaning: Meaning, at: Situation) -> str:
    if at.chinese:
        part = ["凌晨", "早上", "上午", "中午", "下午", "晚上"][
            (0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 4, 4, 4, 4, 5, 5, 5, 5, 5, 5)[at.now.hour]
        ]
        hour = at.now.hour if at.now.hour <= 12 else at.now.hour - 12
        return f"现在是{part}{hour}点{at.now.minute:02d}分。" if at.now.minute else f"现在是{part}{hour}点整。"
    return f"It is {at.now.hour % 12 or 12}:{at.now.minute:02d} {'AM' if at.now.hour < 12 else 'PM'}."


def _date(meaning: Meaning, at: Situation) -> str:
    return (
        f"今天是{_date_words(at.now, at.chinese)}。" if at.chinese else f"Today is {_date_words(at.now, at.chinese)}."
    )


def _date_shifted(meaning: Meaning, at: Situation) -> str:
    tomorrow = meaning.slots.get("shift") == "tomorrow"
    words = _date_words(at.now + timedelta(days=1 if tomorrow else -1), at.chinese)
    if at.chinese:
        return f"{'明天' if tomorrow else '昨天'}是{words}。"
    return f"{'Tomorrow is' if tomorrow else 'Yesterday was'} {words}."


def _date_words(day: datetime, chinese: bool) -> str:
    if chinese:
        return f"{day.year}年{day.month}月{day.day}日，星期{_WEEKDAYS_ZH[day.weekday()]}"
    # Names are spelled out here because strftime follows the process's locale.
    weekday = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"][day.weekday()]
    month = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ][day.month - 1]
    return f"{weekday}, {month} {day.day}, {day.year}"


def _sum(meaning: Meaning, at: Situation) -> str | None:
    try:
        done = evaluate(meaning.slots.get("expression", ""))
    except NotASum:
        return None
    except ZeroDivisionError:
        return "不能除以零。" if at.chinese else "Nothing can be divided by zero."
    except OverflowError:
        return "这个结果太大了，我算不了。" if at.chinese else "That is too large for me."
    if not done.operators:
        return None
    names = _OPERATORS_ZH if at.chinese else _OPERATORS_EN
    words = ("" if at.chinese else " ").join(names.get(part, part) for part in done.text.split())
    words = words.replace("divided by 100 times", "percent of")
    if "(" in done.text or (at.chinese and "^" in done.text):
        words = done.text
    return (
        f"{words}等于{number_text(done.value)}。"
        if at.chinese
        else f"{words[0].upper()}{words[1:]} is {number_text(done.value)}."
    )


def _count(meaning: Meaning, at: Situation) -> str | None:
    last = parse_number(meaning.slots.get("number", ""))
    first = parse_number(meaning.slots["words"]) if "words" in meaning.slots else 1
    if last is None or first is None:
        return None
    low, high = int(first), int(last)
    step = 1 if high >= low else -1
    if abs(high - low) >= _MOST_COUNTED:
        return (
            f"太多了，我最多数{_MOST_COUNTED}个。"
            if at.chinese
            else f"That is too far for me. I count {_MOST_COUNTED} numbers at the most."
        )
    numbers = [str(number) for number in range(low, high + step, step)]
    return "、".join(numbers) + "。" if at.chinese else ", ".join(numbers) + "."


def _repeat(meaning: Meaning, at: Situation) -> str | None:
    words = meaning.slots.get("words", "").strip()
    return words[0].upper() + words[1:] if words else None


def _file(meaning: Meaning, at: Situation) -> str:
    if at.documents:
        return describe(list(at.documents), chinese=at.chinese)
    return (
        "我没有看到附件，请把文件一起发来。"
        if at.chinese
        else "I see no attached file. Please send it along with your message."
    )


_SMALL_TALK = {
    "hello": ("Hello! I am the offline assistant. Ask me for the time, a sum, or what I can do.", "你好！我是离线助手。可以问我时间、算术，或者问我会做什么。"),
    "how_are_you": ("I am well, thank you. What can I do for you?", "我很好，谢谢。有什么可以帮你的？"),
    "thanks": ("You are welcome.", "不客气。"),
    "bye": ("Goodbye!", "再见！"),
    "sorry": ("No problem.", "没关系。"),
}  # fmt: skip


def _small_talk(meaning: Meaning, at: Situation) -> str | None:
    if meaning.intent == "yes_no":
        return "好的。" if at.chinese else "All right."
    words = _SMALL_TALK.get(meaning.intent)
    return words[at.chinese] if words else None

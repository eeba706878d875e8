"""Which registered tool a sentence asks for, and with which arguments.

No model is at work: a tool fits when words of its name or description are in the sentence, and it is called when every
argument it requires can be read from the sentence.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .moments import TIME_OF_DAY, moment_in
from .numerals import digits_for_words
from .understanding import is_chinese

_GENERIC = frozenset(
    """
    get set query search find fetch show tell give make do run call use tool function the a an of for to in on at
    by and or with from is are be this that it its as if any all you your user users me my i what which when where
    who how return returns given about into can will should current now please plugin via using used some new one
    value result data information info text string number list name would could need want like has have there was
    were
    """.split()  # noqa: SIM905 - a list of words reads better as one
)
_ZH_GENERIC = "获取查询查看查一下告诉我请帮我一个一下用户工具使用调用什么怎么多少怎样如何的了吗呢是在和或返回指定给定当前信息结果参数进行可以用于这个那个"
_EXPLICIT = re.compile(r"^(?:please\s+)?(?:call|use|run|invoke|execute|调用|使用|执行)\s*(?:the\s+)?(?:tool\s+|function\s+|工具\s*)?[`\"']?(?P<name>[\w.-]+)[`\"']?(?:\s+tool)?(?P<rest>.*)$", re.IGNORECASE | re.DOTALL)  # fmt: skip
_PAIR = re.compile(r"([\w-]+)\s*(?:=|:|：)\s*(\"[^\"]*\"|'[^']*'|[^\s,，;]+)")
_URL = re.compile(r"https?://[^\s\"'<>，。]+", re.IGNORECASE)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")
_QUOTED = re.compile(r"\"([^\"]+)\"|“([^”]+)”|「([^」]+)」|'([^']{2,})'")
# A number of more digits is none that a tool takes, and as a float it may be infinite.
_NUMBER = re.compile(r"-?(?<!\d)\d{1,15}(?!\d)(?:\.\d{1,15})?")
_DURATION = re.compile(r"(?<!\d)(\d{1,15}(?:\.\d{1,15})?)\s*(seconds?|secs?|秒钟?|minutes?|mins?|分钟?|hours?|hrs?|个?小时|个?钟头|days?|天)", re.IGNORECASE)  # fmt: skip
_REMIND = re.compile(r"\b(?:remind me|reminder|alarm|timer|wake me)\b|提醒|闹钟|定时", re.IGNORECASE)
_PREPOSITION = re.compile(r"\b(?:in|for|at|of|about|to|on|from|named|called|with|near|into|that says|saying)\s+", re.IGNORECASE)  # fmt: skip
_TRAILING = re.compile(
    r"\s*\b(?:please|right now|now|today|tomorrow|tonight|for me|thanks|thank you)\s*$", re.IGNORECASE
)
_ENOUGH = 3.0
_LONGEST = 1000  # characters; who asks for a tool says it in fewer, and the patterns take the square of the length


@dataclass(frozen=True)
class ToolCall:
    """A tool to call.

    Attributes:
        missing: Required arguments the sentence does not give; a call with any is not made but asked about.
    """

    name: str
    arguments: dict[str, Any]
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class ToolView:
    """What is known of a registered tool."""

    name: str
    description: str
    parameters: dict[str, Any]

    @property
    def properties(self) -> dict[str, dict[str, Any]]:
        found = self.parameters.get("properties")
        return found if isinstance(found, dict) else {}

    @property
    def required(self) -> tuple[str, ...]:
        """The schema's required list; docstring tools have none, then every argument that is not optional by its words."""
        if isinstance(self.parameters.get("required"), list):
            return tuple(self.parameters["required"])
        return tuple(
            name
            for name, schema in self.properties.items()
            if "default" not in schema
            and not re.search(r"optional|可选|默认|default", str(schema.get("description", "")), re.I)
        )


def choose(sentence: str, tools: list[ToolView], *, named_only: bool = False) -> ToolCall | None:
    """The call that fits a sentence, or None.

    Args:
        sentence: What the user said.
        tools: Every tool on offer.
        named_only: Only where the sentence names the tool outright ("use the tool roll_dice").
    """
    if len(sentence) > _LONGEST:
        return None
    explicit = _EXPLICIT.match(sentence.strip())
    if explicit:
        wanted = explicit.group("name").lower().replace("-", "_")
        for tool in tools:
            if tool.name.lower().replace("-", "_") == wanted:
                return _with_arguments(tool, explicit.group("rest").strip(" ,:"), explicit=True)
    if named_only:
        return None
    scored = sorted(((_score(sentence, tool), tool) for tool in tools), key=lambda pair: -pair[0])
    for score, tool in scored:
        if score < _ENOUGH:
            return None
        call = _with_arguments(tool, sentence, explicit=False)
        if not call.missing or score >= 2 * _ENOUGH:
            return call
    return None


def _score(sentence: str, tool: ToolView) -> float:
    if _REMIND.search(sentence) and "remind" in tool.name and not re.search(r"list|cancel|delete|remove", tool.name):
        return 10.0 if not re.search(r"\b(list|cancel|which|what)\b|取消|哪些", sentence) else 1.0
    said = _stems(sentence)
    name = _stems(re.sub(r"(?<=[a-z])(?=[A-Z])|[_.-]", " ", tool.name))
    description = _stems(tool.description)
    score = 3.0 * len(said & name) + 1.0 * len((said & description) - name)
    if name and name <= said:
        score += 2.0
    if is_chinese(sentence):
        score += 3.0 * len(_pairs(sentence) & _pairs(tool.description + tool.name))
    return score


def _stems(text: str) -> set[str]:
    words = re.findall(r"[a-z]+", text.lower())
    return {_stem(word) for word in words if word not in _GENERIC and len(word) > 1}


def _stem(word: str) -> str:
    for ending in ("ing", "ies", "es", "ed", "er", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word.removesuffix(ending)
    return word


def _pairs(text: str) -> set[str]:
    """Pairs of neighbouring Chinese characters that carry meaning."""
    generic = {_ZH_GENERIC[index : index + 2] for index in range(len(_ZH_GENERIC) - 1)}
    runs = re.findall(r"[\u3400-\u9fff]+", text)
    found = {run[index : index + 2] for run in runs for index in range(len(run) - 1)}
    return {pair for pair in found - generic if pair[0] not in "的了吗呢" and pair[1] not in "的了吗呢"}


def _with_arguments(tool: ToolView, text: str, *, explicit: bool) -> ToolCall:
    arguments = _given(tool, text) if explicit else {}
    converted = digits_for_words(text) if not is_chinese(text) else text
    numbers = [float(found) for found in _NUMBER.findall(digits_for_words(text))]
    for name, schema in tool.properties.items():
        if name in arguments or (explicit and name not in tool.required):
            continue
        value = _argument(name, schema, text, converted, numbers, tool, explicit)
        if value is not None:
            arguments[name] = value
    missing = tuple(name for name in tool.required if name not in arguments)
    return ToolCall(tool.name, arguments, missing)


def _given(tool: ToolView, text: str) -> dict[str, Any]:
    """Arguments written out: ``{"a": 1}`` or ``a=1 b="two words"``."""
    start = text.find("{")
    if start >= 0:
        try:
            decoded = json.loads(text[start : text.rindex("}") + 1])
        except ValueError:
            decoded = None
        if isinstance(decoded, dict):
            return {str(name): value for name, value in decoded.items() if name in tool.properties}
    return {
        name: _typed(value.strip("\"'"), tool.properties[name])
        for name, value in _PAIR.findall(text)
        if name in tool.properties
    }


def _typed(value: str, schema: dict[str, Any]) -> Any:
    kind = schema.get("type")
    if kind in {"number", "integer"} and _NUMBER.fullmatch(value):
        return int(float(value)) if kind == "integer" or "." not in value else float(value)
    if kind == "boolean":
        return value.lower() in {"true", "yes", "1", "on", "是", "开"}
    if kind == "array":
        return [part.strip() for part in value.split(",")]
    return value


def _argument(
    name: str, schema: dict[str, Any], text: str, converted: str, numbers: list[float], tool: ToolView, explicit: bool
) -> Any:
    """One argument read from the sentence by its type and name, or None."""
    kind = schema.get("type", "string")
    about = f"{name} {schema.get('description', '')}".lower()
    if isinstance(schema.get("enum"), list):
        return next((value for value in schema["enum"] if str(value).lower() in text.lower()), None)
    if kind in {"number", "integer"}:
        if TIME_OF_DAY.search(text) and "second" in about:
            return None  # "at 6 pm" is no number of seconds
        seconds = _seconds(converted if not is_chinese(text) else digits_for_words(text))
        if seconds is not None and re.search(r"second|minute|hour|delay|duration|秒|分钟", about):
            size = 60 if "minute" in name.lower() else 3600 if "hour" in name.lower() else 1
            return _number(seconds / size, kind)
        return _number(numbers.pop(0), kind) if numbers else None
    if kind == "boolean":
        return False if re.search(r"\b(off|disable|no|without)\b|关|不", text, re.I) else True if re.search(r"\b(on|enable|yes|with)\b|开", text, re.I) else None  # fmt: skip
    if kind == "array":
        quoted = ["".join(groups) for groups in _QUOTED.findall(text)]
        return quoted or None
    if kind == "object":
        return None
    return _string(name, about, text, tool, explicit)


def _string(name: str, about: str, text: str, tool: ToolView, explicit: bool) -> str | None:
    if re.search(r"\burl\b|\blink\b|address of the page|网址|链接", about) and (found := _URL.search(text)):
        return found.group().rstrip(".,!?")
    if "mail" in about and (found := _EMAIL.search(text)):
        return found.group()
    if re.search(r"\burl\b", name.lower()):
        return None
    if "iso 8601" in about:
        return moment_in(text, datetime.now())
    if "expression" in about or "算式" in about:
        return _expression(text)
    if quoted := _QUOTED.search(text):
        return next(group for group in quoted.groups() if group)
    if explicit:
        return text or None
    if re.search(r"remind|提醒", tool.name + tool.description, re.I) and (reminded := _reminder(text)):
        return reminded
    if is_chinese(text):
        return _chinese_remainder(text, tool)
    parts = _PREPOSITION.split(text.strip(" .?!"))
    candidates = [_TRAILING.sub("", part).strip(" .?!,") for part in parts[1:]] or [_after_keyword(text, tool)]
    known = _stems(tool.name.replace("_", " "))
    for candidate in candidates:
        bare = re.sub(r"^(?:the|a|an|my)\s+", "", candidate, flags=re.I)
        if bare and not _stems(bare) <= known:
            return bare
    return _after_keyword(text, tool) or None


def _expression(text: str) -> str | None:
    from .sums import NotASum, evaluate

    words = re.sub(r"^.*?(?=\d|\()", "", digits_for_words(text))
    for candidate in (text, words):
        try:
            return evaluate(candidate).text
        except (NotASum, ZeroDivisionError, OverflowError):
            continue
    return None


def _reminder(text: str) -> str | None:
    bare = re.sub(
        r"\b(?:in|after)\s+(?:\w+[\s-]){0,4}?(?:seconds?|minutes?|hours?|days?)\b(?:\s+from now)?",
        " ",
        text,
        flags=re.I,
    )
    bare = re.sub(r"[\d一二两三四五六七八九十百半]+\s*(?:秒钟?|分钟?|个?小时|个?钟头|天)(?:之?后|以后)?", "", bare)
    bare = TIME_OF_DAY.sub(" ", bare)
    found = re.search(r"remind me\s*(?:to|that|of|about)?\s+(.+)", bare, re.I) or re.search(r"提醒我?(.+)", bare)
    return re.sub(r"\s+", " ", found.group(1)).strip(" .?!。！？,，") or None if found else None


def _chinese_remainder(text: str, tool: ToolView) -> str | None:
    """What is left of the sentence when the words of the tool and the polite ones are taken out."""
    rest = re.sub(r"[，。？！,.?!\s]", "", text)
    for pair in _pairs(tool.description + tool.name):
        rest = rest.replace(pair, "")
    rest = re.sub(
        r"请问|请|帮我|告诉我|查询|查看|查一下|查|一下|怎么样|怎样|如何|什么|多少|今天|现在|的|吗|呢|了|是|在|我想知道|给我|说",
        "",
        rest,
    )
    return rest or None


def _after_keyword(text: str, tool: ToolView) -> str:
    """The words after the last word that made the tool fit."""
    words = re.findall(r"[\w'-]+", text)
    known = _stems(tool.name.replace("_", " ") + " " + tool.description)
    last = max((index for index, word in enumerate(words) if _stems(word) & known), default=-1)
    rest = [word for word in words[last + 1 :] if last >= 0]
    return _TRAILING.sub("", " ".join(rest))


def _seconds(text: str) -> float | None:
    total, found = 0.0, False
    for amount, unit in _DURATION.findall(text):
        unit = unit.lower()
        size = 1 if unit.startswith(("s", "秒")) else 60 if unit.startswith(("m", "分")) else 86400 if unit.startswith(("d", "天")) else 3600  # fmt: skip
        total, found = total + float(amount) * size, True
    return total if found else None


def _number(value: float, kind: str) -> int | float:
    return int(value) if kind == "integer" or value == int(value) else value

"""Numbers as people say them, in English and Chinese."""

from __future__ import annotations

import re

_ONES = {
    "zero": 0, "oh": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19,
}  # fmt: skip
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fourty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}  # fmt: skip
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_FRACTIONS = {"half": 0.5, "quarter": 0.25}

_ZH_DIGITS = {
    "零": 0, "〇": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9,
}  # fmt: skip
_ZH_UNITS = {"十": 10, "百": 100, "千": 1000}
_ZH_RUN = re.compile(r"[零〇一二两三四五六七八九十百千万亿]+(?:点[零〇一二两三四五六七八九]+)?")
_WORD = re.compile(r"\d[\d,]*(?:\.\d+)?|[^\W\d_]+(?:'[a-z]+)?|\S")


def number_text(value: float) -> str:
    """A number for people: whole numbers plain, others with at most ten significant digits."""
    if isinstance(value, int) or (abs(value) < 1e15 and value == int(value)):
        return str(int(value))
    text = f"{value:.10g}"
    return text if "e" in text else text.rstrip("0").rstrip(".") if "." in text else text


def parse_number(text: str) -> float | None:
    """The number that the whole text says (``"a hundred and five"``, ``"12.5"``, ``"三十二"``), or None."""
    converted = digits_for_words(text).strip()
    match = re.fullmatch(r"(?:(?:a|an|the|just|about)\s+)?(-?\d+(?:\.\d+)?)", converted)
    if match:
        return _plain(float(match.group(1)))
    return 1 if converted in {"a", "an"} else None


def digits_for_words(text: str) -> str:
    """The text with every spoken number written in digits.

    ``"two hundred and five plus one point five"`` gives ``"205 plus 1.5"``.
    """
    text = _ZH_RUN.sub(lambda match: number_text(_chinese(match.group())), text)
    words = _WORD.findall(text.lower().replace("-", " - ") if not re.search(r"\d\s*-", text) else text.lower())
    words = _join_hyphenated(words)
    out: list[str] = []
    index = 0
    while index < len(words):
        value, used = _english(words, index)
        if used:
            out.append(number_text(value))
            index += used
        else:
            out.append(words[index].replace(",", "") if words[index][0].isdigit() else words[index])
            index += 1
    return " ".join(out)


def _join_hyphenated(words: list[str]) -> list[str]:
    """``twenty - five`` was written with a hyphen: it is one number, not a subtraction."""
    return [
        word
        for index, word in enumerate(words)
        if not (word == "-" and 0 < index < len(words) - 1 and words[index - 1] in _TENS and words[index + 1] in _ONES)
    ]


def _english(words: list[str], start: int) -> tuple[float, int]:
    """The number that starts at a word, and how many words it takes (0: none starts here)."""
    total, current, index, seen = 0.0, 0.0, start, False
    room = "any"  # what may follow: "any" size, only "ones" (after tens), "none" but a scale
    while index < len(words):
        word = words[index]
        following = words[index + 1] if index + 1 < len(words) else ""
        if word in _ONES and room in {"any", "ones"} and (word != "oh" or seen):
            if room == "ones" and _ONES[word] > 9:
                break
            current, room, seen = current + _ONES[word], "none", True
        elif word in _TENS and room == "any":
            current, room, seen = current + _TENS[word], "ones", True
        elif word == "hundred" and (seen or _article(words, index)):
            current, room, seen = (current or 1) * 100, "any", True
        elif word in _SCALES and (seen or _article(words, index)):
            total, current, room, seen = total + (current or 1) * _SCALES[word], 0.0, "any", True
        elif word == "dozen" and (seen or _article(words, index)):
            current, room, seen = (current or 1) * 12, "none", True
        elif word == "and" and seen and room == "any" and (following in _ONES or following in _TENS):
            pass
        elif word == "and" and seen and following in {"a", "half"} and "half" in words[index + 1 : index + 3]:
            return _plain(total + current + 0.5), words.index("half", index) + 1 - start
        elif word in {"a", "an"} and not seen and following in {"hundred", "dozen", *_SCALES}:
            pass
        elif word in _FRACTIONS and not seen and following not in {"past", "to"}:
            return _FRACTIONS[word], 1
        elif word == "point" and seen and following in _ONES:
            return _decimals(words, index + 1, total + current, start)
        else:
            break
        index += 1
    return (_plain(total + current), index - start) if seen else (0.0, 0)


def _article(words: list[str], index: int) -> bool:
    return index > 0 and words[index - 1] in {"a", "an"}


def _decimals(words: list[str], index: int, whole: float, start: int) -> tuple[float, int]:
    digits = ""
    while index < len(words) and words[index] in _ONES and _ONES[words[index]] < 10:
        digits += str(_ONES[words[index]])
        index += 1
    return float(f"{int(whole)}.{digits or 0}"), index - start


def _chinese(run: str) -> float:
    whole, _, fraction = run.partition("点")
    if not any(char in "十百千万亿" for char in whole):
        value = float("".join(str(_ZH_DIGITS[char]) for char in whole) or 0)
    else:
        value = float(_chinese_whole(whole))
    if fraction:
        value = float(f"{int(value)}." + "".join(str(_ZH_DIGITS[char]) for char in fraction))
    return _plain(value)


def _chinese_whole(text: str) -> int:
    for sign, size in (("亿", 10**8), ("万", 10**4)):
        if sign in text:
            high, _, low = text.partition(sign)
            return (_chinese_whole(high) or 1) * size + (_chinese_whole(low) if low else 0)
    total, digit = 0, 0
    for char in text:
        if char in _ZH_UNITS:
            total += (digit or 1) * _ZH_UNITS[char]
            digit = 0
        else:
            digit = _ZH_DIGITS[char]
    return total + digit


def _plain(value: float) -> float:
    return int(value) if abs(value) < 1e15 and value == int(value) else value

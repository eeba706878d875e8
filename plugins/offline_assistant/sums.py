"""Sums as people say them: from words to a value, by a small parser that evaluates nothing but arithmetic."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from .numerals import digits_for_words

_MAX_DIGITS = 300
_REWRITES: tuple[tuple[str, str], ...] = (
    (r"(?:the )?sum of (.+?) and (.+)", r"\1 + \2"),
    (r"(?:the )?product of (.+?) and (.+)", r"\1 * \2"),
    (r"(?:the )?difference (?:of|between) (.+?) and (.+)", r"\1 - \2"),
    (r"add (.+?) (?:and|to|with) (.+)", r"\1 + \2"),
    (r"subtract (.+?) from (.+)", r"\2 - \1"),
    (r"multiply (.+?) (?:by|with|and) (.+)", r"\1 * \2"),
    (r"divide (.+?) by (.+)", r"\1 / \2"),
    (r"(.+) 减去 (.+)", r"\1 - \2"),
)
_WORDS: tuple[tuple[str, str], ...] = (
    (r"\b(?:the )?(?:square )?root of\b|的?平方根|根号", " sqrt "),
    (r"\b(?:multiplied by|times|multiplied with)\b|[x×✕·](?=\s*[\d(])|乘以|乘上|乘", " * "),
    (r"\b(?:divided by|over|divide by)\b|÷|除以", " / "),
    (r"\b(?:plus|and|add|added to)\b|加上|加|和", " + "),
    (r"\b(?:minus|less|take away|subtract)\b|−|–|减去|减掉|减", " - "),
    (r"\b(?:to the power of|raised to|to the power)\b|\*\*|的(?=\d+ 次方)", " ^ "),
    (r"次方", " "),
    (r"\bsquared\b|的?平方", " ^ 2 "),
    (r"\bcubed\b|的?立方", " ^ 3 "),
    (r"\b(?:percent|per cent) of\b|% ?(?:of|的)", " / 100 * "),
    (r"\b(?:percent|per cent)\b|%", " / 100 "),
    (r"\bhalf of\b", " 0.5 * "),
    (r"\b(?:modulo|mod)\b", " mod "),
    (r"\b(?:open|left) (?:bracket|parenthesis)\b|（", " ( "),
    (r"\b(?:close|right) (?:bracket|parenthesis)\b|）", " ) "),
    (r"\b(?:is|equals|equal|make|makes|the|of|what)\b|[=?]|等于多少|等于|多少|是", " "),
)
_TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?)|(sqrt|mod|[-+*/^()]))")


class NotASum(ValueError):
    """The text is no sum."""


@dataclass(frozen=True)
class Sum:
    """A sum that was understood.

    Attributes:
        text: The sum in symbols.
        value: Its value.
        operators: How many operators it has; a bare number has none.
    """

    text: str
    value: float
    operators: int


def evaluate(text: str) -> Sum:
    """The value of a spoken or written sum.

    Raises:
        NotASum: Words remain that are no part of a sum.
        ZeroDivisionError: It divides by zero.
        OverflowError: The value is beyond any use.
    """
    symbols = _symbols(text)
    tokens = _tokens(symbols)
    parser = _Parser(tokens)
    value = parser.expression()
    if parser.peek() is not None:
        raise NotASum(text)
    operators = sum(1 for token in tokens if isinstance(token, str) and token not in "()")
    return Sum(" ".join(_shown(token) for token in tokens), value, operators)


def _symbols(text: str) -> str:
    # "百" is a numeral too, so the words for per cent go before numerals become digits.
    line = digits_for_words(text.replace("百分之", " % ")).strip(" .?!。？！")
    line = re.sub(r"% (\d+(?:\.\d+)?)", r"( \1 / 100 )", line)
    line = re.sub(r"(?<=\d) of (?=[\d(])", " * ", line)
    for pattern, replacement in _REWRITES:
        line = re.sub(f"^{pattern}$", replacement, line)
    for pattern, replacement in _WORDS:
        line = re.sub(pattern, replacement, line)
    return re.sub(r"\)\s*的", ") *", line)


def _tokens(symbols: str) -> list[float | str]:
    tokens: list[float | str] = []
    position = 0
    symbols = symbols.rstrip()
    while position < len(symbols):
        match = _TOKEN.match(symbols, position)
        if match is None or len(tokens) > 200:
            raise NotASum(symbols)
        number, operator = match.groups()
        tokens.append((float(number) if "." in number else int(number)) if number else operator)
        position = match.end()
    if not tokens:
        raise NotASum(symbols)
    return tokens


def _shown(token: float | str) -> str:
    return token if isinstance(token, str) else f"{token:g}" if isinstance(token, float) else str(token)


class _Parser:
    """Recursive descent over + - * / mod ^ sqrt and brackets."""

    def __init__(self, tokens: list[float | str]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def peek(self) -> float | str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _take(self) -> float | str:
        token = self.peek()
        if token is None:
            raise NotASum("it ends too early")
        self._at += 1
        return token

    def expression(self) -> float:
        value = self._term()
        while self.peek() in ("+", "-"):
            value = value + self._term() if self._take() == "+" else value - self._term()
        return _bounded(value)

    def _term(self) -> float:
        value = self._unary()
        while self.peek() in ("*", "/", "mod"):
            operator = self._take()
            right = self._unary()
            if operator == "*":
                value = _bounded(value * right)
            elif operator == "/":
                value = value // right if _whole(value, right) else value / right
            else:
                value = value % right
        return value

    def _unary(self) -> float:
        self._depth += 1
        if self._depth > 100:
            raise NotASum("nested too deeply")
        try:
            if self.peek() == "-":
                self._take()
                return -self._unary()
            if self.peek() == "sqrt":
                self._take()
                value = self._unary()
                if value < 0:
                    raise NotASum("a root of a negative number")
                return math.sqrt(value)
            return self._power()
        finally:
            self._depth -= 1

    def _power(self) -> float:
        base = self._atom()
        if self.peek() != "^":
            return base
        self._take()
        exponent = self._unary()
        if abs(base) > 1 and abs(exponent) * math.log10(abs(base)) > _MAX_DIGITS:
            raise OverflowError("too large")
        if base < 0 and exponent != int(exponent):
            raise NotASum("a root of a negative number")
        return _bounded(base**exponent)

    def _atom(self) -> float:
        token = self._take()
        if isinstance(token, (int, float)):
            return token
        if token == "(":
            value = self.expression()
            if self._take() != ")":
                raise NotASum("a bracket stays open")
            return value
        raise NotASum(str(token))


def _whole(left: float, right: float) -> bool:
    return isinstance(left, int) and isinstance(right, int) and right != 0 and left % right == 0


def _bounded(value: float) -> float:
    if isinstance(value, float) and not math.isfinite(value):
        raise OverflowError("too large")
    if isinstance(value, int) and value.bit_length() > _MAX_DIGITS * 4:
        raise OverflowError("too large")
    return value

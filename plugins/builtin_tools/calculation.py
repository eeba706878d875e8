"""A calculator for expressions from models: parsed by Python's own parser, evaluated by hand, bounded in every way."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from typing import Any

_LONGEST = 500
_DEEPEST = 60
_MOST_BITS = 4096
_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs, "round": round, "floor": math.floor, "ceil": math.ceil, "sqrt": math.sqrt, "exp": math.exp,
    "log": math.log, "ln": math.log, "log10": math.log10, "log2": math.log2, "sin": math.sin, "cos": math.cos,
    "tan": math.tan, "asin": math.asin, "acos": math.acos, "atan": math.atan, "degrees": math.degrees,
    "radians": math.radians, "hypot": math.hypot, "gcd": math.gcd, "lcm": math.lcm, "min": min, "max": max,
}  # fmt: skip
_CONSTANTS = {"pi": math.pi, "e": math.e, "tau": math.tau}


class NotAnExpression(ValueError):
    """The text can't be calculated; the message says why, for the model."""


def evaluate(expression: str) -> str:
    """The value of an arithmetic expression as text.

    Raises:
        NotAnExpression: It is none, is out of bounds, or has no value.
    """
    text = expression.strip().replace("^", "**").replace("×", "*").replace("÷", "/").replace("−", "-")
    if not text or len(text) > _LONGEST:
        raise NotAnExpression(f"an expression has 1 to {_LONGEST} characters")
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise NotAnExpression("it is not a correct expression") from error
    try:
        value = _value(tree.body, 0)
    except ZeroDivisionError as error:
        raise NotAnExpression("it divides by zero") from error
    except (OverflowError, TypeError, ValueError) as error:
        if isinstance(error, NotAnExpression):
            raise
        raise NotAnExpression(str(error) or "it has no value") from error
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    return str(value) if isinstance(value, int) else f"{value:.15g}"


def _value(node: ast.expr, depth: int) -> int | float:
    if depth > _DEEPEST:
        raise NotAnExpression("it is nested too deeply")
    match node:
        case ast.Constant(value=bool()):
            raise NotAnExpression("only numbers can be used")
        case ast.Constant(value=int() | float() as number):
            return _bounded(number)
        case ast.Name(id=name) if name in _CONSTANTS:
            return _CONSTANTS[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, depth + 1)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand, depth + 1)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _power(_value(left, depth + 1), _value(right, depth + 1))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _bounded(_OPERATORS[type(op)](_value(left, depth + 1), _value(right, depth + 1)))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if len(arguments) <= 20:
            return _call(name, [_value(one, depth + 1) for one in arguments])
        case _:
            raise NotAnExpression("it holds something other than numbers, operators and known functions")


def _call(name: str, arguments: list[int | float]) -> int | float:
    if name == "factorial":
        if len(arguments) != 1 or arguments[0] != int(arguments[0]) or not 0 <= arguments[0] <= 400:
            raise NotAnExpression("factorial takes one whole number from 0 to 400")
        return math.factorial(int(arguments[0]))
    if name not in _FUNCTIONS:
        raise NotAnExpression(f"the function {name} is not known")
    return _bounded(_FUNCTIONS[name](*arguments))


def _power(base: int | float, exponent: int | float) -> int | float:
    if abs(base) > 1 and abs(exponent) * math.log2(abs(base)) > _MOST_BITS:
        raise NotAnExpression("the result is too large")
    return _bounded(base**exponent)


def _bounded(value: Any) -> int | float:
    if isinstance(value, complex) or (isinstance(value, float) and math.isnan(value)):
        raise NotAnExpression("it has no real value")
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        raise NotAnExpression("the result is too large")
    return value

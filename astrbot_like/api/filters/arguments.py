"""Arguments of commands: what a handler's signature asks for and how words become values."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from astrbot_like.api.texts import text

EMPTY = inspect.Parameter.empty

_TRUE = frozenset(("true", "yes", "1"))
_FALSE = frozenset(("false", "no", "0"))


class GreedyStr(str):
    """Annotation of a last parameter that takes the rest of the line."""

    __slots__ = ()


class CommandArgumentError(ValueError):
    """Words that don't fit a command's parameters; the text is for the user."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a command.

    Attributes:
        annotation: As written; EMPTY when there is none.
        default: EMPTY when the parameter is required.
    """

    name: str
    annotation: Any
    default: Any

    @property
    def kind(self) -> Any:
        """The annotation without ``None``."""
        return _without_none(self.annotation)

    @property
    def required(self) -> bool:
        """Whether a word must be given."""
        return self.default is EMPTY

    @property
    def greedy(self) -> bool:
        """Whether it takes the rest of the line."""
        return self.required and self.kind is GreedyStr

    @property
    def shown(self) -> str:
        """``name(type)`` or ``name(type of default)=default``."""
        if not self.required:
            return f"{self.name}({type(self.default).__name__})={self.default}"
        if self.annotation is EMPTY:
            return f"{self.name}(str)"
        shown = self.annotation.__name__ if isinstance(self.annotation, type) else str(self.annotation)
        return f"{self.name}({shown})"

    @property
    def asks_for(self) -> Any:
        """The default when there is one, else the annotation; the form of ``CommandFilter.handler_params``."""
        return self.annotation if self.required else self.default


def parameters_of(handler: Callable[..., Any]) -> tuple[Parameter, ...]:
    """The command parameters of a handler: those after ``(self, event)``; ``*args`` and ``**kwargs`` take none."""
    try:
        signature = inspect.signature(handler, eval_str=True)
    except (NameError, TypeError, SyntaxError):  # an annotation that exists for type checkers only
        signature = inspect.signature(handler)
    found = []
    for parameter in list(signature.parameters.values())[2:]:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        found.append(Parameter(parameter.name, parameter.annotation, parameter.default))
    return tuple(found)


def _without_none(annotation: Any) -> Any:
    if typing.get_origin(annotation) not in (typing.Union, types.UnionType):
        return annotation
    kinds = [kind for kind in typing.get_args(annotation) if kind is not type(None)]
    return kinds[0] if len(kinds) == 1 else annotation


def shown_parameters(parameters: Sequence[Parameter]) -> str:
    """``a(int),b(str)=x``."""
    return ",".join(parameter.shown for parameter in parameters)


def parse_arguments(words: Sequence[str], parameters: Sequence[Parameter]) -> dict[str, Any]:
    """The values of ``parameters``; words left over are dropped.

    Raises:
        CommandArgumentError: A required word is missing or one has the wrong form.
    """
    values: dict[str, Any] = {}
    for index, parameter in enumerate(parameters):
        if parameter.greedy:
            if index != len(parameters) - 1:
                raise CommandArgumentError(text("command.greedy_last", name=parameter.name))
            values[parameter.name] = " ".join(words[index:])
        elif index < len(words):
            try:
                values[parameter.name] = convert(words[index], parameter)
            except (ValueError, TypeError) as error:
                raise CommandArgumentError(
                    text("command.wrong_type", name=parameter.name, params=shown_parameters(parameters))
                ) from error
        elif parameter.required:
            raise CommandArgumentError(text("command.missing", params=shown_parameters(parameters)))
        else:
            values[parameter.name] = parameter.default
    return values


def convert(word: str, parameter: Parameter) -> Any:
    """One word as the parameter wants it: by the type of the default when there is one, else by the annotation.

    Raises:
        ValueError: It has the wrong form.
    """
    default = parameter.default
    if default is None:
        return int(word) if word.isdigit() else word
    if isinstance(default, bool):
        return _boolean(word)
    if isinstance(default, int | float) and default is not EMPTY:
        return type(default)(word)
    if isinstance(default, str):
        return word
    kind = parameter.kind
    if default is not EMPTY or kind in (EMPTY, str, GreedyStr, Any) or isinstance(kind, str):
        return word
    if kind is bool:
        return _boolean(word)
    if typing.get_origin(kind) is not None or not callable(kind):
        return word
    return kind(word)


def _boolean(word: str) -> bool:
    lowered = word.lower()
    if lowered in _TRUE:
        return True
    if lowered in _FALSE:
        return False
    raise ValueError(word)

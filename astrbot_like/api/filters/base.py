"""What all filters share."""

from __future__ import annotations

import abc
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from astrbot_like.api.config import AstrBotConfig
    from astrbot_like.api.message_event import AstrMessageEvent

SPOKEN = "spoken"
"""Extra of an event whose text was heard, not typed."""

_SPACES = re.compile(r"\s+")


class HandlerFilter(abc.ABC):
    """Decides whether a handler takes an event."""

    @abc.abstractmethod
    def filter(self, event: AstrMessageEvent, cfg: AstrBotConfig) -> bool:
        """Whether the event passes.

        Raises:
            ValueError: It is meant for this handler but wrong; the text is sent to the user and the event stops.
        """


class _CombinableClass(abc.ABCMeta):
    """Lets classes, not only instances, combine with ``&`` and ``|``."""

    def __and__(cls, other: Any) -> CustomFilterAnd:
        return CustomFilterAnd(_instance(cls), _instance(other))

    def __or__(cls, other: Any) -> Any:
        return CustomFilterOr(_instance(cls), _instance(other))


def _instance(given: Any) -> Any:
    return given() if isinstance(given, type) else given


class CustomFilter(HandlerFilter, metaclass=_CombinableClass):
    """Base of plugins' own filters. Classes combine with ``&`` and ``|``, as instances do.

    Args:
        raise_error: Kept for the filter's own use.
    """

    def __init__(self, raise_error: bool = True, **_: Any) -> None:
        self.raise_error = raise_error

    def __or__(self, other: CustomFilter) -> CustomFilter:
        return CustomFilterOr(self, _instance(other))

    def __and__(self, other: CustomFilter) -> CustomFilter:
        return CustomFilterAnd(self, _instance(other))


class _Pair(CustomFilter):
    def __init__(self, first: CustomFilter, second: CustomFilter) -> None:
        super().__init__()
        for one in (first, second):
            if not isinstance(one, CustomFilter):
                raise TypeError("CustomFilter combines with CustomFilter only.")
        self.filter1 = first
        self.filter2 = second


class CustomFilterOr(_Pair):
    """Passes when either does."""

    def filter(self, event: AstrMessageEvent, cfg: AstrBotConfig) -> bool:
        """Whether one of the two passes."""
        return self.filter1.filter(event, cfg) or self.filter2.filter(event, cfg)


class CustomFilterAnd(_Pair):
    """Passes when both do."""

    def filter(self, event: AstrMessageEvent, cfg: AstrBotConfig) -> bool:
        """Whether both pass."""
        return self.filter1.filter(event, cfg) and self.filter2.filter(event, cfg)


def normalised(message: str) -> str:
    """Stripped text with every run of white space as one space, as commands are compared."""
    return _SPACES.sub(" ", message.strip())

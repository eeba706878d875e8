"""What decorators record.

A decorator registers nothing by itself. It attaches records to the function or class it decorates and hands them to
the ``Collector`` that the plugin loader has opened around the import; without one (in a test, say) the attached records
remain.
"""

from __future__ import annotations

import enum
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from astrbot_like.api.filters.base import HandlerFilter
    from astrbot_like.api.incoming import PlatformMetadata
    from astrbot_like.api.provider.entities import ProviderMetaData
    from astrbot_like.api.tools import FunctionTool

Handler: TypeAlias = Callable[..., Any]

HANDLERS_ATTRIBUTE = "__astrbot_handlers__"
"""Attribute of a decorated function: its ``HandlerRegistration`` records."""

TOOL_ATTRIBUTE = "__astrbot_tool__"
"""Attribute of a function decorated with ``llm_tool``: its ``FunctionTool``."""

STAR_ATTRIBUTE = "__astrbot_star__"
"""Attribute of a class decorated with ``register``: its ``StarInfo``."""


class EventType(enum.Enum):
    """When a handler runs."""

    __hash__ = object.__hash__  # each message looks things up by these, and an enum hashes its name in Python

    OnAstrBotLoadedEvent = enum.auto()
    OnPlatformLoadedEvent = enum.auto()
    AdapterMessageEvent = enum.auto()
    OnWaitingLLMRequestEvent = enum.auto()
    OnLLMRequestEvent = enum.auto()
    OnLLMResponseEvent = enum.auto()
    OnAgentBeginEvent = enum.auto()
    OnAgentDoneEvent = enum.auto()
    OnDecoratingResultEvent = enum.auto()
    OnCallingFuncToolEvent = enum.auto()
    OnUsingLLMToolEvent = enum.auto()
    OnLLMToolRespondEvent = enum.auto()
    OnAfterMessageSentEvent = enum.auto()
    OnPluginErrorEvent = enum.auto()
    OnPluginLoadedEvent = enum.auto()
    OnPluginUnloadedEvent = enum.auto()


@dataclass
class HandlerRegistration:
    """One handler of a plugin.

    Attributes:
        event_type: When it runs.
        handler: The function as written (``self`` first); the host replaces it with one bound to the plugin's instance.
        event_filters: All must pass; a message handler without any never runs.
        desc: What help shows: the docstring, else the keyword ``desc``.
        extras_configs: Keywords of the decorator; ``priority`` is one.
        enabled: Switched off by an administrator when False.
        handler_module_path: Module it is defined in.
        handler_name: Its function's name.
        handler_full_name: ``<module>_<function>``, by which AstrBot's tables name handlers.
    """

    event_type: EventType
    handler: Handler
    handler_name: str
    handler_module_path: str
    event_filters: list[HandlerFilter] = field(default_factory=list)
    desc: str = ""
    extras_configs: dict[str, Any] = field(default_factory=dict)
    enabled: bool = True
    handler_full_name: str = ""

    def __post_init__(self) -> None:
        self.handler_full_name = self.handler_full_name or f"{self.handler_module_path}_{self.handler_name}"

    @property
    def priority(self) -> int:
        """Higher runs earlier; 0 by default."""
        given = self.extras_configs.get("priority", 0)
        return given if isinstance(given, int) else 0

    def __lt__(self, other: HandlerRegistration) -> bool:
        return self.priority > other.priority


StarHandlerMetadata = HandlerRegistration
"""AstrBot's name of the record."""


@dataclass
class StarInfo:
    """What ``@register(name, author, desc, version, repo)`` says about a plugin; its metadata file overrides it."""

    name: str
    author: str
    desc: str
    version: str
    repo: str | None = None


@dataclass
class ProviderRegistration:
    """A provider class and its description."""

    meta: ProviderMetaData
    cls: type[Any]


@dataclass
class PlatformRegistration:
    """A platform adapter class and its description."""

    meta: PlatformMetadata
    cls: type[Any]


@dataclass
class Collector:
    """Everything the modules of one plugin declare while they are imported, in order of declaration.

    Attributes:
        stars: Plugin classes (subclasses of ``Star``, and classes decorated with ``register``).
    """

    handlers: list[HandlerRegistration] = field(default_factory=list)
    tools: list[FunctionTool[Any]] = field(default_factory=list)
    stars: list[type[Any]] = field(default_factory=list)
    providers: list[ProviderRegistration] = field(default_factory=list)
    platforms: list[PlatformRegistration] = field(default_factory=list)


_collector: ContextVar[Collector | None] = ContextVar("astrbot_like_collector", default=None)


@contextmanager
def collecting() -> Iterator[Collector]:
    """Collect what the modules imported in the block declare."""
    collector = Collector()
    token = _collector.set(collector)
    try:
        yield collector
    finally:
        _collector.reset(token)


def current_collector() -> Collector | None:
    """The collector opened around the running import, if any."""
    return _collector.get()


def completed_template(type_name: str, template: dict[str, Any] | None) -> dict[str, Any] | None:
    """The configuration that a new instance of a type starts with, completed in place: plugins keep the dict."""
    if template is not None:
        template.setdefault("type", type_name)
        template.setdefault("enable", False)
        template.setdefault("id", type_name)
    return template


def handlers_of(function: Any) -> list[HandlerRegistration]:
    """The records attached to a function."""
    return getattr(function, HANDLERS_ATTRIBUTE, [])


def registration_of(function: Handler, event_type: EventType, extras: dict[str, Any]) -> HandlerRegistration:
    """The function's record, made at the first decorator; further decorators add to it.

    A function decorated for messages and for a hook as well has one record for each.
    """
    records: list[HandlerRegistration] = handlers_of(function)
    record = next((one for one in records if one.event_type == event_type), None)
    if record is None:
        record = HandlerRegistration(
            event_type=event_type,
            handler=function,
            handler_name=function.__name__,
            handler_module_path=function.__module__,
        )
        records = [*records, record]
        setattr(function, HANDLERS_ATTRIBUTE, records)
        collector = _collector.get()
        if collector is not None:
            collector.handlers.append(record)
    record.extras_configs.update(extras)
    described = record.extras_configs.get("desc")
    record.desc = (inspect.getdoc(function) or "").strip() or (described if isinstance(described, str) else "")
    return record

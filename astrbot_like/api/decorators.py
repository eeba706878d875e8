"""The decorators of ``filter``. Keywords they don't know are kept in the record and have no effect."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

from astrbot_like.api.filters.base import CustomFilter
from astrbot_like.api.filters.command import CommandFilter, CommandGroupFilter
from astrbot_like.api.filters.kinds import (
    EventMessageType,
    EventMessageTypeFilter,
    PermissionType,
    PermissionTypeFilter,
    PlatformAdapterType,
    PlatformAdapterTypeFilter,
    RegexFilter,
)
from astrbot_like.api.registration import EventType, Handler, HandlerRegistration, registration_of

HandlerT = TypeVar("HandlerT", bound=Handler)

MESSAGE = EventType.AdapterMessageEvent


def _target(decorated: Any) -> Handler:
    """The function behind what is decorated; a group's object stands for its function."""
    return decorated.function if isinstance(decorated, RegisteringCommandable) else decorated


def _record(decorated: Any, extras: dict[str, Any]) -> HandlerRegistration:
    return registration_of(_target(decorated), MESSAGE, extras)


def command(
    command_name: str, sub_command: object = None, alias: set[str] | None = None, **kwargs: Any
) -> Callable[[HandlerT], HandlerT]:
    """A command: ``/name arguments…``.

    Args:
        command_name: The name; may hold spaces.
        sub_command: Ignored; some plugins give a description here.
        alias: Other names.
        **kwargs: ``priority``, ``desc``; others are kept and ignored.
    """

    def decorator(handler: HandlerT) -> HandlerT:
        record = _record(handler, kwargs)
        record.event_filters.append(CommandFilter(command_name, alias, record))
        return handler

    return decorator


class RegisteringCommandable:
    """What the name of a command group becomes: ``@group.command(…)``, ``@group.group(…)``.

    Attributes:
        parent_group: The group's filter.
        function: The decorated function, which is never called.
    """

    def __init__(self, parent_group: CommandGroupFilter, function: Handler) -> None:
        self.parent_group = parent_group
        self.function = function

    def command(
        self, command_name: str, alias: set[str] | None = None, **kwargs: Any
    ) -> Callable[[HandlerT], HandlerT]:
        """A command of the group."""

        def decorator(handler: HandlerT) -> HandlerT:
            record = _record(handler, kwargs)
            added = CommandFilter(command_name, alias, record, parent_group=self.parent_group)
            record.event_filters.append(added)
            self.parent_group.add_sub_command_filter(added)
            return handler

        return decorator

    def group(
        self, command_group_name: str, alias: set[str] | None = None, **kwargs: Any
    ) -> Callable[[Handler], RegisteringCommandable]:
        """A group within the group."""
        return _group(command_group_name, alias, self.parent_group, kwargs)

    def custom_filter(self, custom_type_filter: Any, *args: Any, **kwargs: Any) -> Callable[[Any], Any]:
        """A filter of one command of the group (or of a nested group); refused commands vanish from the list."""
        made = _custom(custom_type_filter, args, kwargs)

        def decorator(handler: Any) -> Any:
            if isinstance(handler, RegisteringCommandable):
                handler.parent_group.add_custom_filter(made)
                return handler
            record = _record(handler, kwargs)
            commands = [one for one in record.event_filters if isinstance(one, CommandFilter)]
            for one in commands:
                one.add_custom_filter(made)
            if not commands:
                record.event_filters.append(made)
            return handler

        return decorator


def command_group(
    command_group_name: str, sub_command: object = None, alias: set[str] | None = None, **kwargs: Any
) -> Callable[[Handler], RegisteringCommandable]:
    """A group of commands: ``/group name arguments…``. Sent alone, it answers with the list of its commands.

    Args:
        sub_command: Ignored.
        alias: Other names.
    """
    return _group(command_group_name, alias, None, kwargs)


def _group(
    name: str, alias: set[str] | None, parent: CommandGroupFilter | None, extras: dict[str, Any]
) -> Callable[[Handler], RegisteringCommandable]:
    def decorator(handler: Handler) -> RegisteringCommandable:
        record = _record(handler, extras)
        added = CommandGroupFilter(name, alias, parent, record)
        if parent is not None:
            parent.add_sub_command_filter(added)
        record.event_filters.append(added)
        return RegisteringCommandable(added, _target(handler))

    return decorator


def _custom(custom_type_filter: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> CustomFilter:
    if isinstance(custom_type_filter, CustomFilter):
        return custom_type_filter
    raise_error = args[0] if args else kwargs.pop("raise_error", True)
    made = custom_type_filter(raise_error) if isinstance(custom_type_filter, type) else None
    if not isinstance(made, CustomFilter):
        raise ValueError("custom_filter needs a subclass of CustomFilter.")
    return made


def custom_filter(custom_type_filter: Any, *args: Any, **kwargs: Any) -> Callable[[Any], Any]:
    """A filter of the plugin's own.

    Args:
        custom_type_filter: Subclass of ``CustomFilter``, or instances combined with ``&`` and ``|``.
        *args: ``raise_error`` for the class.
    """
    made = _custom(custom_type_filter, args, kwargs)

    def decorator(handler: Any) -> Any:
        if isinstance(handler, RegisteringCommandable):
            handler.parent_group.add_custom_filter(made)
        else:
            _record(handler, kwargs).event_filters.append(made)
        return handler

    return decorator


def event_message_type(event_message_type: EventMessageType, **kwargs: Any) -> Callable[[HandlerT], HandlerT]:
    """Every message of some kinds, whether the bot is addressed or not."""

    def decorator(handler: HandlerT) -> HandlerT:
        _record(handler, kwargs).event_filters.append(EventMessageTypeFilter(event_message_type))
        return handler

    return decorator


def platform_adapter_type(
    platform_adapter_type: PlatformAdapterType | str, **kwargs: Any
) -> Callable[[HandlerT], HandlerT]:
    """Messages of some platforms."""

    def decorator(handler: HandlerT) -> HandlerT:
        _record(handler, kwargs).event_filters.append(PlatformAdapterTypeFilter(platform_adapter_type))
        return handler

    return decorator


def regex(regex: str | re.Pattern[str], **kwargs: Any) -> Callable[[HandlerT], HandlerT]:
    """Messages in which a pattern is found, the bot addressed or not. Flags go into the pattern: ``(?i)…``."""

    def decorator(handler: HandlerT) -> HandlerT:
        _record(handler, kwargs).event_filters.append(RegexFilter(regex))
        return handler

    return decorator


def permission_type(
    permission_type: PermissionType, raise_error: bool = True, **kwargs: Any
) -> Callable[[HandlerT], HandlerT]:
    """Who may use the handler; on a command group, who may use its commands. The order of decorators does not matter.

    Args:
        raise_error: Tell those who may not; False: skip the handler silently.
    """

    def decorator(handler: HandlerT) -> HandlerT:
        _record(handler, kwargs).event_filters.append(PermissionTypeFilter(permission_type, raise_error))
        return handler

    return decorator


def _hook(event_type: EventType, kwargs: dict[str, Any]) -> Callable[[HandlerT], HandlerT]:
    def decorator(handler: HandlerT) -> HandlerT:
        registration_of(_target(handler), event_type, kwargs)
        return handler

    return decorator


def on_astrbot_loaded(**kwargs: Any) -> Callable[[HandlerT], HandlerT]:
    """``async def h(self)``: once, when everything has started."""
    return _hook(EventType.OnAstrBotLoadedEvent, kwargs)


def on_platform_loaded(**kwargs: Any) -> Callable[[HandlerT], HandlerT]:
    """``async def h(self)``: when a platform has been loaded."""
    return _hook(EventType.OnPlatformLoadedEvent, kwargs)


def on_plugin_error(**kwargs: Any) -> Callable[[HandlerT], HandlerT]:
    """``async def h(self, event, plugin_name, handler_name, error, traceback_text)``: a handler has failed.

    ``event.stop_event()`` here keeps the error from the user.
    """
    return _hook(EventType.OnPluginErrorEvent, kwargs)


def on_plugin_loaded(**kwargs: Any) -> Callable[[HandlerT], HandlerT]:
    """``async def h(self, metadata)``: a plugin has been loaded."""
    return _hook(EventType.OnPluginLoadedEvent, kwargs)


def on_plugin_unloaded(**kwargs: Any) -> Callable[[HandlerT], HandlerT]:
    """``async def h(self, metadata)``: a plugin has been unloaded."""
    return _hook(EventType.OnPluginUnloadedEvent, kwargs)


def on_waiting_llm_request(**kwargs: Any) -> Callable[[HandlerT], HandlerT]:
    """``async def h(self, event)``: the model is about to be asked, once the session's earlier request is done."""
    return _hook(EventType.OnWaitingLLMRequestEvent, kwargs)


def on_llm_request(**kwargs: Any) -> Callable[[HandlerT], HandlerT]:
    """``async def h(self, event, request)``: change the ``ProviderRequest``; ``event.stop_event()`` cancels it."""
    return _hook(EventType.OnLLMRequestEvent, kwargs)


def on_llm_response(**kwargs: Any) -> Callable[[HandlerT], HandlerT]:
    """``async def h(self, event, response)``: change the final ``LLMResponse``, after tools."""
    return _hook(EventType.OnLLMResponseEvent, kwargs)


def on_agent_begin(**kwargs: Any) -> Callable[[HandlerT], HandlerT]:
    """``async def h(self, event, run_context)``: the agent starts on a request."""
    return _hook(EventType.OnAgentBeginEvent, kwargs)


def on_agent_done(**kwargs: Any) -> Callable[[HandlerT], HandlerT]:
    """``async def h(self, event, run_context, response)``: the agent has finished."""
    return _hook(EventType.OnAgentDoneEvent, kwargs)


def on_using_llm_tool(**kwargs: Any) -> Callable[[HandlerT], HandlerT]:
    """``async def h(self, event, tool, arguments)``: a tool is about to be called."""
    return _hook(EventType.OnUsingLLMToolEvent, kwargs)


def on_llm_tool_respond(**kwargs: Any) -> Callable[[HandlerT], HandlerT]:
    """``async def h(self, event, tool, arguments, result)``: a tool has answered."""
    return _hook(EventType.OnLLMToolRespondEvent, kwargs)


def on_decorating_result(**kwargs: Any) -> Callable[[HandlerT], HandlerT]:
    """``async def h(self, event)``: change ``event.get_result()`` before it is sent; not a generator."""
    return _hook(EventType.OnDecoratingResultEvent, kwargs)


def after_message_sent(**kwargs: Any) -> Callable[[HandlerT], HandlerT]:
    """``async def h(self, event)``: a result has been sent."""
    return _hook(EventType.OnAfterMessageSentEvent, kwargs)

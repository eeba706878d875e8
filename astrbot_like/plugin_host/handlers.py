"""The index of handlers: which handlers an event concerns, without asking all of them."""

from __future__ import annotations

import logging
from bisect import insort
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from astrbot_like.api.filters.base import normalised
from astrbot_like.api.filters.command import CommandFilter, CommandGroupFilter, permissions_of
from astrbot_like.api.filters.kinds import (
    MESSAGE_TYPE_2_EVENT_MESSAGE_TYPE,
    EventMessageTypeFilter,
    PermissionTypeFilter,
)
from astrbot_like.api.registration import EventType, HandlerRegistration
from astrbot_like.plugin_host.records import Plugin

if TYPE_CHECKING:
    from astrbot_like.api.filters.base import HandlerFilter
    from astrbot_like.api.message_event import AstrMessageEvent

log = logging.getLogger(__name__)


SENTENCE_END = " .,!?;:…。，！？；："
"""What speech recognition puts after the last word."""


class FilterRefused(Exception):
    """A filter refused the message with words for the user."""


class Entry:
    """One active handler.

    Attributes:
        record: What its decorators said.
        plugin: The plugin it belongs to.
        call: The handler bound to the plugin's object.
        key: Sort key: higher priority first, then the plugins' loading order, then the order of declaration.
    """

    __slots__ = ("call", "commands", "groups", "key", "others", "permissions", "plugin", "record")

    def __init__(self, record: HandlerRegistration, plugin: Plugin, call: Callable[..., Any], number: int) -> None:
        self.record = record
        self.plugin = plugin
        self.call = call
        self.key = (-record.priority, plugin.order, number)
        self.commands = [one for one in record.event_filters if isinstance(one, CommandFilter)]
        self.groups = [one for one in record.event_filters if isinstance(one, CommandGroupFilter)]
        self.permissions = permissions_of(record)
        handled = (CommandFilter, CommandGroupFilter, PermissionTypeFilter)
        self.others: list[HandlerFilter] = [one for one in record.event_filters if not isinstance(one, handled)]

    @property
    def plugin_name(self) -> str:
        """Name of the plugin it belongs to."""
        return self.plugin.name

    @property
    def handler_name(self) -> str:
        """Name of its function."""
        return self.record.handler_name

    def meant(self, sentence: str) -> bool:
        """Whether somebody who says ``sentence`` wants this handler, if it is a command.

        The house's own commands are everyday words ("stop", "new", "help"), and most sentences that begin with one are
        meant for the model. So they must be all that is said. A plugin's commands are what its users installed it for.
        """
        return not (self.commands and self.plugin.source.bundled) or any(one.equals(sentence) for one in self.commands)

    @property
    def priority(self) -> int:
        """Higher runs first."""
        return self.record.priority

    def __lt__(self, other: Entry) -> bool:
        return self.key < other.key

    def judge(self, event: AstrMessageEvent, config: Any, message: str) -> Mapping[str, Any] | None:
        """The arguments for the handler when all its filters pass, else None.

        Args:
            event: After the waking check.
            config: The session's configuration.
            message: The event's text, normalised.

        Raises:
            FilterRefused: With words for the user.
            Exception: What a filter of the plugin's own raises.
        """
        rests: list[tuple[CommandFilter, str]] = []
        for command in self.commands:
            rest = command.rest_of(message)
            if rest is None or not command.custom_filter_ok(event, config):
                return None
            rests.append((command, rest))
        for group in self.groups:
            if not group.equals(message) or not group.custom_filter_ok(event, config):
                return None
        if not all(one.filter(event, config) for one in self.others):
            return None
        arguments: dict[str, Any] = {}
        for command, rest in rests:
            try:
                arguments = command.parse(rest)
            except ValueError as error:
                raise FilterRefused(self._says(str(error))) from error
        for permission in self.permissions:
            if not permission.filter(event, config):
                if permission.raise_error:
                    raise FilterRefused(permission.denial(event))
                return None
        for group in self.groups:
            raise FilterRefused(self._says(group.usage(event, config)))
        return arguments

    def _says(self, message: str) -> str:
        from astrbot_like.api.texts import text

        return text("plugin.says", plugin=self.plugin_name, message=message)


class HandlerIndex:
    """All active handlers of a host.

    An event is compared with the commands that begin with its first word, with the listeners of its kind of message and
    with the patterns and custom filters; nothing else is looked at.
    """

    def __init__(self) -> None:
        self._hooks: dict[EventType, list[Entry]] = {}
        self._commands: dict[str, list[Entry]] = {}
        self._groups: dict[str, list[Entry]] = {}
        self._listeners: dict[Any, list[Entry]] = {}
        self._general: list[Entry] = []
        self._by_plugin: dict[Plugin, list[Entry]] = {}

    def add(self, plugin: Plugin, bound: Iterable[tuple[HandlerRegistration, Callable[..., Any]]]) -> None:
        """Take in a plugin's handlers, in the order of their declaration."""
        entries = self._by_plugin.setdefault(plugin, [])
        for record, call in bound:
            entry = Entry(record, plugin, call, len(entries))
            entries.append(entry)
            for place in self._places(entry):
                insort(place, entry)

    def remove(self, plugin: Plugin) -> None:
        """Drop a plugin's handlers."""
        if not self._by_plugin.pop(plugin, None):
            return
        for table in (self._hooks, self._commands, self._groups, self._listeners):
            for key, entries in list(table.items()):
                kept = [entry for entry in entries if entry.plugin is not plugin]
                if kept:
                    table[key] = kept  # type: ignore[index]
                else:
                    del table[key]  # type: ignore[arg-type]
        self._general = [entry for entry in self._general if entry.plugin is not plugin]

    def of_plugin(self, plugin: Plugin) -> list[Entry]:
        """A plugin's handlers in the order of their declaration."""
        return list(self._by_plugin.get(plugin, ()))

    def all(self) -> list[Entry]:
        """Every handler, in the order in which they would run."""
        return sorted(entry for entries in self._by_plugin.values() for entry in entries)

    def hooks(self, event_type: EventType) -> list[Entry]:
        """Handlers of a hook, in order."""
        return self._hooks.get(event_type, [])

    def commands(self) -> dict[str, list[Entry]]:
        """Full command text (with group, aliases too) → the handlers that take it."""
        found: dict[str, list[Entry]] = {}
        for entry in self.all():
            for command in entry.commands:
                for name in command.get_complete_command_names():
                    found.setdefault(name, []).append(entry)
        return found

    def as_command(self, sentence: str) -> str:
        """A sentence as somebody who typed it as a command would have: recognisers write ``Weather Ulm.``

        Args:
            sentence: What was heard, normalised.
        """
        plain = sentence.rstrip(SENTENCE_END)
        first, space, rest = plain.partition(" ")
        small = first.lower()
        if first not in self._commands and (small in self._commands or plain.lower() in self._groups):
            return f"{small}{space}{rest}"
        return plain

    def candidates(self, event: AstrMessageEvent, message: str) -> list[Entry]:
        """Handlers that may want the event, in order.

        Args:
            event: After the waking check.
            message: Its text, normalised.
        """
        found: list[Entry] = []
        if event.is_at_or_wake_command and message:
            found += self._commands.get(message.split(" ", 1)[0], ())
            found += self._groups.get(message, ())
        found += self._listeners.get(MESSAGE_TYPE_2_EVENT_MESSAGE_TYPE.get(event.get_message_type()), ())
        found += self._general
        found.sort()
        return found

    def _places(self, entry: Entry) -> Iterable[list[Entry]]:
        record = entry.record
        if record.event_type is not EventType.AdapterMessageEvent:
            return [self._hooks.setdefault(record.event_type, [])]
        if not record.event_filters:
            return []  # AstrBot's rule: a message handler without any filter never runs
        if entry.groups:
            names = {normalised(name) for group in entry.groups for name in group.get_complete_command_names()}
            return [self._groups.setdefault(name, []) for name in names]
        if entry.commands:
            words = {name.split(" ", 1)[0] for name in map(normalised, entry.commands[0].get_complete_command_names())}
            return [self._commands.setdefault(word, []) for word in words]
        kinds = [one.event_message_type for one in entry.others if isinstance(one, EventMessageTypeFilter)]
        if kinds:
            return [
                self._listeners.setdefault(kind, [])
                for kind in MESSAGE_TYPE_2_EVENT_MESSAGE_TYPE.values()
                if kind & kinds[0]
            ]
        return [self._general]

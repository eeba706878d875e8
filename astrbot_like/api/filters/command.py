"""Commands and command groups."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from astrbot_like.api.filters.arguments import (
    CommandArgumentError,
    Parameter,
    parameters_of,
    parse_arguments,
    shown_parameters,
)
from astrbot_like.api.filters.base import CustomFilter, HandlerFilter, normalised
from astrbot_like.api.filters.kinds import PermissionType, PermissionTypeFilter
from astrbot_like.api.texts import text

if TYPE_CHECKING:
    from astrbot_like.api.config import AstrBotConfig
    from astrbot_like.api.message_event import AstrMessageEvent
    from astrbot_like.api.registration import HandlerRegistration


class _Named(HandlerFilter):
    """What commands and groups share: their handler, the group they belong to and custom filters of their own."""

    def __init__(self, parent_group: CommandGroupFilter | None, handler_md: HandlerRegistration | None) -> None:
        self.parent_group = parent_group
        self.handler_md = handler_md
        self.custom_filter_list: list[CustomFilter] = []

    def add_custom_filter(self, custom_filter: CustomFilter) -> None:
        """Require another filter."""
        self.custom_filter_list.append(custom_filter)

    def custom_filter_ok(self, event: AstrMessageEvent, cfg: AstrBotConfig) -> bool:
        """Whether all of the custom filters pass, those of the groups around it included."""
        parent = self.parent_group
        if parent is not None and not parent.custom_filter_ok(event, cfg):
            return False
        return all(one.filter(event, cfg) for one in self.custom_filter_list)


class CommandFilter(_Named):
    """A command: its names and its parameters.

    Attributes:
        command_name: Its name; may hold spaces.
        alias: Other names.
        parent_group: The group it belongs to, if any.
        handler_md: The handler's record.
    """

    def __init__(
        self,
        command_name: str,
        alias: set[str] | None = None,
        handler_md: HandlerRegistration | None = None,
        parent_command_names: list[str] | None = None,
        parent_group: CommandGroupFilter | None = None,
    ) -> None:
        super().__init__(parent_group, handler_md)
        self.command_name = command_name
        self.alias: set[str] = set(alias or ())
        self._parent_names = parent_command_names

    @property
    def parent_command_names(self) -> list[str]:
        """Full names of the group it belongs to; ``[""]`` outside groups."""
        if self.parent_group is not None:
            return self.parent_group.get_complete_command_names()
        return self._parent_names or [""]

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The handler's parameters after ``(self, event)``."""
        return parameters_of(self.handler_md.handler) if self.handler_md is not None else ()

    @property
    def handler_params(self) -> dict[str, Any]:
        """Parameter name → default, or annotation where there is no default."""
        return {parameter.name: parameter.asks_for for parameter in self.parameters}

    def init_handler_md(self, handle_md: HandlerRegistration) -> None:
        """Take the parameters of another handler."""
        self.handler_md = handle_md
        vars(self).pop("parameters", None)

    def get_handler_md(self) -> HandlerRegistration | None:
        """The handler's record."""
        return self.handler_md

    def print_types(self) -> str:
        """The parameters as help shows them: ``a(int),b(str)=x``."""
        return shown_parameters(self.parameters)

    def get_complete_command_names(self) -> list[str]:
        """Every text that calls the command: with all aliases, within all aliases of its groups."""
        own = [self.command_name, *sorted(self.alias)]
        return [f"{parent} {name}" if parent else name for name in own for parent in self.parent_command_names]

    def equals(self, message_str: str) -> bool:
        """Whether the text is the command without arguments."""
        return message_str in self.get_complete_command_names()

    def rest_of(self, message: str) -> str | None:
        """What follows the command in a normalised message; None when it is not this command."""
        for name in sorted(self.get_complete_command_names(), key=len, reverse=True):
            if message == name:
                return ""
            if message.startswith(f"{name} "):
                return message[len(name) + 1 :]
        return None

    def parse(self, rest: str) -> dict[str, Any]:
        """The handler's arguments from the words after the command.

        Raises:
            CommandArgumentError: A word is missing or has the wrong form; the text is for the user.
        """
        return parse_arguments(rest.split(), self.parameters)

    def validate_and_convert_params(self, params: list[Any], param_type: Any = None) -> dict[str, Any]:
        """The handler's arguments from a list of words (AstrBot's name of ``parse``)."""
        return parse_arguments(params, self.parameters)

    def filter(self, event: AstrMessageEvent, cfg: AstrBotConfig) -> bool:
        """Whether the event calls this command; the arguments are kept in the extra ``parsed_params``.

        Raises:
            CommandArgumentError: It does, with wrong arguments.
        """
        if not event.is_at_or_wake_command or not self.custom_filter_ok(event, cfg):
            return False
        rest = self.rest_of(normalised(event.get_message_str()))
        if rest is None:
            return False
        event.set_extra("parsed_params", self.parse(rest))
        return True


class CommandGroupFilter(_Named):
    """A group of commands.

    Attributes:
        group_name: Its name.
        alias: Other names.
        parent_group: The group it is nested in.
        handler_md: The record of the method that stands for it.
        sub_command_filters: Its commands and groups.
    """

    def __init__(
        self,
        group_name: str,
        alias: set[str] | None = None,
        parent_group: CommandGroupFilter | None = None,
        handler_md: HandlerRegistration | None = None,
    ) -> None:
        super().__init__(parent_group, handler_md)
        self.group_name = group_name
        self.alias: set[str] = set(alias or ())
        self.sub_command_filters: list[CommandFilter | CommandGroupFilter] = []

    def add_sub_command_filter(self, sub_command_filter: CommandFilter | CommandGroupFilter) -> None:
        """Add a command or a nested group."""
        self.sub_command_filters.append(sub_command_filter)

    def get_complete_command_names(self) -> list[str]:
        """Every text that names the group, within all names of its parents."""
        own = [self.group_name, *sorted(self.alias)]
        if self.parent_group is None:
            return own
        return [f"{parent} {name}" for parent in self.parent_group.get_complete_command_names() for name in own]

    def print_cmd_tree(
        self,
        sub_command_filters: list[CommandFilter | CommandGroupFilter],
        prefix: str = "",
        event: AstrMessageEvent | None = None,
        cfg: AstrBotConfig | None = None,
    ) -> str:
        """The commands as a tree, one line each; those whose custom filters refuse the event are left out."""
        lines = []
        for sub in sub_command_filters:
            if event is not None and cfg is not None and not sub.custom_filter_ok(event, cfg):
                continue
            if isinstance(sub, CommandGroupFilter):
                lines.append(f"{prefix}├── {sub.group_name}\n")
                lines.append(sub.print_cmd_tree(sub.sub_command_filters, f"{prefix}│   ", event, cfg))
                continue
            described = f": {sub.handler_md.desc}" if sub.handler_md and sub.handler_md.desc else ""
            shown = sub.print_types() or text("group.no_arguments")
            lines.append(f"{prefix}├── {sub.command_name} ({shown}){described}\n")
        return "".join(lines)

    def usage(self, event: AstrMessageEvent | None = None, cfg: AstrBotConfig | None = None) -> str:
        """What somebody who sends the group's name alone is told."""
        tree = self.print_cmd_tree(self.sub_command_filters, event=event, cfg=cfg)
        return text("group.usage", group=self.group_name, tree=tree)

    def startswith(self, message_str: str) -> bool:
        """Whether the text begins with the group's name."""
        return any(
            message_str == name or message_str.startswith(f"{name} ") for name in self.get_complete_command_names()
        )

    def equals(self, message_str: str) -> bool:
        """Whether the text is the group's name alone."""
        return message_str in self.get_complete_command_names()

    def filter(self, event: AstrMessageEvent, cfg: AstrBotConfig) -> bool:
        """Whether the event begins with the group's name.

        Raises:
            CommandArgumentError: It is the name alone; the text shows the commands.
        """
        if not event.is_at_or_wake_command or not self.custom_filter_ok(event, cfg):
            return False
        message = normalised(event.get_message_str())
        if self.equals(message):
            raise CommandArgumentError(self.usage(event, cfg))
        return self.startswith(message)


def permissions_of(record: HandlerRegistration) -> list[PermissionTypeFilter]:
    """The permissions that a handler asks for: those of the command groups around it first, then its own."""
    found: list[PermissionTypeFilter] = []
    for one in record.event_filters:
        if isinstance(one, _Named) and one.parent_group is not None and one.parent_group.handler_md is not None:
            found += permissions_of(one.parent_group.handler_md)
    return found + [one for one in record.event_filters if isinstance(one, PermissionTypeFilter)]


def for_admins_only(record: HandlerRegistration) -> bool:
    """Whether nobody but administrators may use a handler."""
    return any(PermissionType.ADMIN in one.permission_type for one in permissions_of(record))

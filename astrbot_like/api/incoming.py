"""Messages as platform adapters build them."""

from __future__ import annotations

import enum
import time
from dataclasses import dataclass, field
from typing import Any

from astrbot_like.api.components.base import BaseMessageComponent


class MessageType(enum.Enum):
    """Where a message was said."""

    __hash__ = object.__hash__  # each message looks things up by these, and an enum hashes its name in Python

    GROUP_MESSAGE = "GroupMessage"
    FRIEND_MESSAGE = "FriendMessage"
    OTHER_MESSAGE = "OtherMessage"


@dataclass
class MessageMember:
    """Who said it."""

    user_id: str
    nickname: str | None = None

    def __str__(self) -> str:
        return f"User ID: {self.user_id},Nickname: {self.nickname or 'N/A'}"


@dataclass
class Group:
    """A group chat, as far as its platform tells."""

    group_id: str
    group_name: str | None = None
    group_avatar: str | None = None
    group_owner: str | None = None
    group_admins: list[str] | None = None
    members: list[MessageMember] | None = None


class AstrBotMessage:
    """An incoming message in one form for all platforms. Adapters set the attributes after construction.

    Attributes:
        type: Where it was said.
        self_id: The bot's id on that platform.
        session_id: The group's id, or the user's in private.
        message_id: The platform's id of the message.
        group: The group, None in private.
        sender: Who said it.
        message: Its components.
        message_str: Its text.
        raw_message: The platform's own object.
        timestamp: Unix seconds.
    """

    type: MessageType
    self_id: str
    session_id: str
    message_id: str
    group: Group | None
    sender: MessageMember
    message: list[BaseMessageComponent]
    message_str: str
    raw_message: Any
    timestamp: int

    def __init__(self) -> None:
        self.timestamp = int(time.time())
        self.group = None

    def __repr__(self) -> str:
        return f"AstrBotMessage({', '.join(f'{name}={value!r}' for name, value in self.__dict__.items())})"

    @property
    def group_id(self) -> str:
        """The group's id; empty in private."""
        return self.group.group_id if self.group else ""

    @group_id.setter
    def group_id(self, value: str | None) -> None:
        if not value:
            self.group = None
        elif self.group:
            self.group.group_id = value
        else:
            self.group = Group(group_id=value)


@dataclass
class MessageSession:
    """Where messages go: platform instance, kind of chat, session. ``str()`` gives the unified message origin.

    Attributes:
        platform_name: Id of the platform instance (the name is historical).
        platform_id: The same.
    """

    platform_name: str
    message_type: MessageType
    session_id: str
    platform_id: str = field(init=False)

    def __post_init__(self) -> None:
        self.platform_id = self.platform_name

    def __str__(self) -> str:
        return f"{self.platform_id}:{self.message_type._value_}:{self.session_id}"

    @staticmethod
    def from_str(session_str: str) -> MessageSession:
        """The session that a unified message origin names.

        Raises:
            ValueError: It has not the form ``platform:type:session``.
        """
        platform_id, message_type, session_id = session_str.split(":", 2)
        return MessageSession(platform_id, MessageType(message_type), session_id)


MessageSesion = MessageSession
"""The same, as AstrBot first spelled it."""


@dataclass
class PlatformMetadata:
    """A platform adapter, and for running ones their instance.

    Attributes:
        name: Type of the adapter (``webchat``, ``telegram`` …).
        id: Id of the instance; the adapter's type where none is given.
        default_config_tmpl: Configuration a new instance starts with.
        logo_path: Picture file, relative to the plugin's folder.
        support_streaming_message: Replies can be shown while they are made.
        support_proactive_message: Messages can be sent without being asked.
        module_path: Module that registered it.
        config_metadata: Description of the configuration form.
    """

    name: str
    description: str
    id: str = ""
    default_config_tmpl: dict[str, Any] | None = None
    adapter_display_name: str | None = None
    logo_path: str | None = None
    support_streaming_message: bool = True
    support_proactive_message: bool = True
    module_path: str | None = None
    i18n_resources: dict[str, dict[str, Any]] | None = None
    config_metadata: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        self.id = self.id or self.name

"""Sessions and the messages stored in them."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from astrbot_like.domain.messages import MessagePart


class Session(msgspec.Struct, frozen=True):
    """A place where messages are exchanged: a web chat, or a chat of an instant-messaging platform.

    Attributes:
        session_id: For the web chat a random id; for other platforms the unified message origin.
        platform_id: Instance id of the platform adapter (``webchat`` for the web chat).
        creator: The user it belongs to.
        conversation_id: The conversation whose context the model sees now.
        profile_id: The profile bound to it, or ``default``.
        umo: Unified message origin, ``platform:MessageType:session``.
        created_at, updated_at: UTC ISO 8601 with ``Z``.
    """

    session_id: str
    platform_id: str
    creator: str
    display_name: str
    is_group: bool
    conversation_id: str
    profile_id: str
    umo: str
    created_at: str
    updated_at: str


class Conversation(msgspec.Struct, frozen=True):
    """A thread of context within a session.

    Attributes:
        summary: What stands for messages that were compressed away; empty when none were.
    """

    conversation_id: str
    session_id: str
    umo: str
    title: str
    persona_id: str | None
    summary: str
    created_at: str
    updated_at: str
    token_usage: int = 0


class StoredMessage(msgspec.Struct, frozen=True):
    """One message of a session.

    Attributes:
        id: History id, increasing within the installation.
        role: Who said it; ``context`` rows are seen by the model only.
        parts: What people see.
        context: OpenAI chat messages this row gives to the model, in order; empty when none.
        text: The parts for display and search.
        interrupted: The reply was cut off; ``parts`` and ``context`` hold what was heard.
        full_text: The whole text as generated, for the record; never shown to the model.
        meta: Tool calls, reasoning, figures of the reply, as shown in the web UI.
        message_id: The client's name for the request that the message belongs to; empty when it has none.
        created_at: UTC ISO 8601 with ``Z``.
    """

    id: int
    session_id: str
    conversation_id: str
    turn_id: str
    role: Literal["user", "bot", "context"]
    parts: tuple[MessagePart, ...]
    context: tuple[dict[str, Any], ...]
    text: str
    created_at: str
    interrupted: bool = False
    full_text: str = ""
    meta: dict[str, Any] = {}
    message_id: str = ""


class NewMessage(msgspec.Struct, frozen=True):
    """A message about to be stored; the store gives it ``id`` and ``created_at``."""

    session_id: str
    conversation_id: str
    turn_id: str
    role: Literal["user", "bot", "context"]
    parts: tuple[MessagePart, ...]
    context: tuple[dict[str, Any], ...]
    text: str
    interrupted: bool = False
    full_text: str = ""
    meta: dict[str, Any] = {}
    message_id: str = ""


class Attachment(msgspec.Struct, frozen=True):
    """A stored file.

    Attributes:
        kind: ``image``, ``record``, ``video`` or ``file``, from the real content.
        filename: The client's name, for display only.
        mime_type: From the real content.
        path: Absolute path of the stored bytes; never shown to anyone outside the house.
        owner: User or credential that stored it; empty for the bot itself.
        size: Bytes.
    """

    attachment_id: str
    kind: Literal["image", "record", "video", "file"]
    filename: str
    mime_type: str
    path: str
    owner: str
    size: int
    created_at: str

    def readable_by(self, username: str, credential: str = "") -> bool:
        """Whether a user may read it, or the API key ``credential`` acting for that user (or, with an empty name, for
        nobody).

        What the bot and platforms stored has no owner; its random id is the permission.
        """
        return self.owner in ("", username) or (bool(credential) and self.owner == owner_name("", credential))


def owner_name(username: str, credential: str = "") -> str:
    """Who owns a file: the user, or the API key that stored it (an upload names no user)."""
    return f"key:{credential}" if credential else username

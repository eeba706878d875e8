"""Conversations and personas as plugins see them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Conversation:
    """A thread of messages with the model.

    Attributes:
        platform_id: Platform instance it belongs to.
        user_id: Unified message origin it belongs to.
        cid: Its id.
        history: The messages, a JSON *text* of a list in OpenAI's form.
        created_at, updated_at: Unix seconds.
    """

    platform_id: str
    user_id: str
    cid: str
    history: str = "[]"
    title: str | None = ""
    persona_id: str | None = ""
    created_at: int = 0
    updated_at: int = 0
    token_usage: int = 0


@dataclass
class Persona:
    """A persona as it is stored.

    Attributes:
        persona_id: Its name and id.
        begin_dialogs: Messages a conversation starts with, user and bot in turn.
        tools: Names of the tools it may use; None: all.
    """

    persona_id: str
    system_prompt: str = ""
    begin_dialogs: list[str] = field(default_factory=list)
    tools: list[str] | None = None
    skills: list[str] | None = None
    custom_error_message: str | None = None
    folder_id: str | None = None
    sort_order: int = 0
    created_at: Any = None
    updated_at: Any = None

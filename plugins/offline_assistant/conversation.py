"""What was said so far, from the messages a chat model is given."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from astrbot_like.api.kit.chat import text_of

from .documents import Document, split_documents


@dataclass(frozen=True)
class ToolOutcome:
    """What a tool answered since the user spoke."""

    name: str
    text: str


@dataclass(frozen=True)
class Conversation:
    """The part of a request that the answer depends on.

    Attributes:
        said: The user's last words, without attached files.
        documents: Files of that message.
        earlier_documents: Files of earlier messages, oldest first.
        outcomes: Results of the tools called since.
    """

    said: str
    documents: tuple[Document, ...]
    earlier_documents: tuple[Document, ...]
    outcomes: tuple[ToolOutcome, ...]


def read(messages: Iterable[dict[str, Any]]) -> Conversation:
    """Read OpenAI chat messages."""
    said, documents, earlier, outcomes = "", (), (), []
    names: dict[str, str] = {}
    for message in messages:
        role = message.get("role")
        if role == "user":
            earlier += documents
            said, found = split_documents(text_of(message.get("content")))
            documents = tuple(found)
            outcomes = []
        elif role == "assistant":
            for call in message.get("tool_calls") or ():
                names[str(call.get("id"))] = str((call.get("function") or {}).get("name", ""))
        elif role == "tool":
            name = names.get(str(message.get("tool_call_id")), "") or str(message.get("name") or "")
            outcomes.append(ToolOutcome(name, text_of(message.get("content"))))
    return Conversation(said, documents, earlier, tuple(outcomes))

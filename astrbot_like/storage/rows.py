"""Rows of the database as the domain's structs, and back."""

from __future__ import annotations

import time
from typing import Any

import msgspec

from astrbot_like.domain.history import Attachment, Conversation, NewMessage, Session, StoredMessage
from astrbot_like.domain.messages import (
    FilePart,
    ImagePart,
    MessagePart,
    RecordPart,
    VideoPart,
)
from astrbot_like.runtime.clock import iso_utc

_encode = msgspec.json.Encoder().encode
_parts = msgspec.json.Decoder(tuple[MessagePart, ...])
_context = msgspec.json.Decoder(tuple[dict[str, Any], ...])
_meta = msgspec.json.Decoder(dict[str, Any])
_MEDIA = (ImagePart, RecordPart, FilePart, VideoPart)


def now_ms() -> int:
    """Milliseconds since the epoch."""
    return int(time.time() * 1000)


def iso(ms: int) -> str:
    """Milliseconds since the epoch as UTC ISO 8601 with ``Z``."""
    return iso_utc(ms / 1000)


def dumps(value: Any) -> str:
    """JSON text of structs and plain values."""
    return _encode(value).decode()


def loads(text: str) -> Any:
    """Plain values of JSON text."""
    return msgspec.json.decode(text)


def session_of(row: Any) -> Session:
    """A row of ``sessions`` in the table's order."""
    session_id, platform_id, creator, name, is_group, conversation_id, profile_id, umo, created, updated = row
    return Session(
        session_id=session_id,
        platform_id=platform_id,
        creator=creator,
        display_name=name,
        is_group=bool(is_group),
        conversation_id=conversation_id,
        profile_id=profile_id,
        umo=umo,
        created_at=iso(created),
        updated_at=iso(updated),
    )


def conversation_of(row: Any) -> Conversation:
    """A row of ``conversations`` in the table's order."""
    conversation_id, session_id, umo, title, persona_id, summary, _after, tokens, created, updated = row
    return Conversation(
        conversation_id=conversation_id,
        session_id=session_id,
        umo=umo,
        title=title,
        persona_id=persona_id,
        summary=summary,
        created_at=iso(created),
        updated_at=iso(updated),
        token_usage=tokens,
    )


def message_of(row: Any) -> StoredMessage:
    """A row of ``messages`` in the table's order."""
    (
        message_id,
        session_id,
        conversation_id,
        turn_id,
        role,
        parts,
        context,
        text,
        full_text,
        meta,
        interrupted,
        created,
        client_id,
    ) = row
    return StoredMessage(
        id=message_id,
        session_id=session_id,
        conversation_id=conversation_id,
        turn_id=turn_id,
        role=role,
        parts=_parts.decode(parts),
        context=_context.decode(context),
        text=text,
        created_at=iso(created),
        interrupted=bool(interrupted),
        full_text=full_text,
        meta=_meta.decode(meta) if meta != "{}" else {},
        message_id=client_id,
    )


def message_row(message: NewMessage, message_id: int, created_ms: int) -> tuple[Any, ...]:
    """A message as values of ``messages`` in the table's order."""
    return (
        message_id,
        message.session_id,
        message.conversation_id,
        message.turn_id,
        message.role,
        dumps(message.parts),
        dumps(message.context),
        message.text,
        message.full_text,
        dumps(message.meta) if message.meta else "{}",
        message.interrupted,
        created_ms,
        message.message_id,
    )


def stored(message: NewMessage, message_id: int, created_ms: int) -> StoredMessage:
    """A message with what the store gave it."""
    return StoredMessage(
        id=message_id,
        session_id=message.session_id,
        conversation_id=message.conversation_id,
        turn_id=message.turn_id,
        role=message.role,
        parts=message.parts,
        context=message.context,
        text=message.text,
        created_at=iso(created_ms),
        interrupted=message.interrupted,
        full_text=message.full_text,
        meta=message.meta,
        message_id=message.message_id,
    )


def attachment_ids(parts: tuple[MessagePart, ...]) -> list[str]:
    """Attachments that a message names, each once."""
    return list(dict.fromkeys(part.attachment_id for part in parts if isinstance(part, _MEDIA)))


def attachment_of(row: Any, root: str) -> Attachment:
    """A row of ``attachments`` in the table's order; ``root`` is the attachment directory."""
    attachment_id, kind, filename, mime_type, stored_name, owner, size, created = row
    return Attachment(
        attachment_id=attachment_id,
        kind=kind,
        filename=filename,
        mime_type=mime_type,
        path=f"{root}/{stored_name}",
        owner=owner,
        size=size,
        created_at=iso(created),
    )

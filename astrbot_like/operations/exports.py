"""A session as a file that people keep."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from astrbot_like.domain.history import Session, StoredMessage
from astrbot_like.domain.messages import PlainPart, ReplyPart, media_kind

FORMAT = "astrbot-like session 1"


def json_export(session: Session, rows: Sequence[StoredMessage]) -> bytes:
    """Everything that is stored of the messages."""
    document = {"format": FORMAT, "session": session, "messages": rows}
    return msgspec.json.format(msgspec.json.encode(document), indent=2)


def markdown_export(session: Session, rows: Sequence[StoredMessage]) -> bytes:
    """The conversation as it reads."""
    lines = [f"# {session.display_name or session.session_id}", ""]
    lines += [f"{session.platform_id}, begun {session.created_at}", ""]
    for row in rows:
        speaker = session.creator if row.role == "user" else "Bot"
        note = " (interrupted)" if row.interrupted else ""
        lines += [f"## {speaker}, {row.created_at}{note}", ""]
        for part in row.parts:
            if isinstance(part, PlainPart):
                lines += [part.text, ""]
            elif isinstance(part, ReplyPart):
                lines += [
                    *(f"> {line}" for line in (part.selected_text or f"message {part.message_id}").splitlines()),
                    "",
                ]
            else:
                lines += [f"[{media_kind(part)}: {part.filename or part.attachment_id}]", ""]
    return "\n".join(lines).encode()

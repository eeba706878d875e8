"""Databases as each earlier version left them, with data in every table.

``ADDED`` has an entry for each revision of the schema: what its version could store for the first time. The data of a
revision is that of all entries up to it. A migration that changes the form of what is stored keeps the old form here.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from astrbot_like.storage import schema
from astrbot_like.storage.database import FILE_NAME

Rows = dict[str, list[dict[str, Any]]]
"""Rows by table."""

DAY = 86_400_000
BEGIN = 1_760_000_000_000
TIMES = {"created_ms": BEGIN, "updated_ms": BEGIN + DAY}
UMO = "webchat:FriendMessage:webchat!ada!s1"


def record(name: str, /, **data: Any) -> dict[str, Any]:
    """A row of one of the tables that keep JSON."""
    return {"id": name, "data": json.dumps(data), **TIMES}


def message(number: int, role: str, text: str, **more: Any) -> dict[str, Any]:
    """A row of ``messages``."""
    return {
        "id": number,
        "session_id": "s1",
        "conversation_id": "c1",
        "turn_id": "t1",
        "role": role,
        "parts": json.dumps([{"type": "plain", "text": text}], ensure_ascii=False),
        "context": json.dumps([{"role": role, "content": text}], ensure_ascii=False),
        "text": text,
        "full_text": "",
        "meta": "{}",
        "interrupted": 0,
        "created_ms": BEGIN + number,
        **more,
    }


ADDED: dict[str, Rows] = {
    "0001": {
        "sessions": [
            {
                "session_id": "s1",
                "platform_id": "webchat",
                "creator": "ada",
                "display_name": "Weekend plans",
                "is_group": 0,
                "conversation_id": "c1",
                "profile_id": "default",
                "umo": UMO,
                **TIMES,
            }
        ],
        "conversations": [
            {
                "conversation_id": "c1",
                "session_id": "s1",
                "umo": UMO,
                "title": "Weekend",
                "persona_id": None,
                "summary": "They plan a trip.",
                "context_after": 0,
                "token_usage": 120,
                **TIMES,
            }
        ],
        "messages": [
            message(7, "user", "Where is the lighthouse? 灯塔"),
            message(9, "assistant", "On the", full_text="On the northern cape.", interrupted=1),
        ],
        "attachments": [
            {
                "attachment_id": "a1",
                "kind": "image",
                "filename": "map.png",
                "mime_type": "image/png",
                "stored_name": "ab/a1.png",
                "owner": "ada",
                "size": 4,
                "created_ms": BEGIN,
            }
        ],
        "message_attachments": [{"message_id": 7, "attachment_id": "a1"}],
        "accounts": [
            {
                "username": "ada",
                "password_hash": "$argon2id$",
                "must_change_password": 0,
                "token_generation": 3,
                **TIMES,
            }
        ],
        "login_failures": [{"subject": "account:ada", "failures": 2, "last_ms": BEGIN, "locked_until_ms": 0}],
        "revoked_tokens": [{"token_id": "j1", "expires_at": 9e9}],
        "api_keys": [
            {
                "key_id": "k1",
                "key_hash": "ff" * 32,
                "name": "script",
                "prefix": "abk_12345678",
                "scopes": "chat file",
                "creator": "ada",
                "created_ms": BEGIN,
                "expires_at": None,
                "last_used_at": 1.5,
                "revoked_at": None,
            }
        ],
        "installation": [{"key": "note", "value": "kept"}],
        "preferences": [
            {"scope": "umo", "scope_id": UMO, "key": "tts", "value": "true", "updated_ms": BEGIN},
        ],
        "personas": [record("pirate", id="pirate", prompt="Talk like a pirate.", tools=["clock"])],
        "profiles": [record("p1", id="p1", name="Second", llm=["gpt"], voice={"barge_in": True})],
        "providers": [record("gpt", id="gpt", type="openai", provider_type="chat_completion", config={"model": "m"})],
        "platforms": [record("bot", id="bot", type="aiocqhttp", config={"port": 1})],
        "mcp_servers": [record("files", name="files", transport="stdio", config={"command": "files"})],
        "plugin_states": [record("weather", name="weather", enabled=False, source="https://example.org/weather")],
        "turns": [
            {
                "id": 1,
                "turn_id": "t1",
                "session_id": "s1",
                "username": "ada",
                "credential": "key:k1",
                "platform_id": "webchat",
                "origin": "text",
                "outcome": "completed",
                "error_code": "",
                "provider_id": "gpt",
                "model": "m",
                "input_tokens": 10,
                "output_tokens": 20,
                "cached_tokens": 0,
                "stt_time": None,
                "llm_ttft": 0.2,
                "llm_total_time": 1.0,
                "tts_first_frame_time": None,
                "speak_to_first_frame": None,
                "total_time": 1.1,
                "created_ms": BEGIN,
            }
        ],
        "usage_limits": [{"kind": "user", "subject": "ada", "period": "day", "tokens": 5000}],
    },
    "0002": {
        "jobs": [record("j1", job_id="j1", name="wake", cron_expression="0 7 * * *", payload={"session": UMO})],
        "platform_messages": [
            {
                "id": 1,
                "platform_id": "webchat",
                "user_id": "ada",
                "sender_id": None,
                "sender_name": "Ada",
                "content": '{"kept": true}',
                "created_ms": BEGIN,
            }
        ],
    },
    "0003": {},  # A trigger; it stores nothing of its own.
    "0004": {"messages": [message(10, "user", "And now?", message_id="m10")]},
    "0005": {},  # Indexes and their keys, made of what is there.
    "0006": {},  # A trigger.
}

DERIVED = ("alembic_version", "search_state", "session_keys")
"""Tables whose content is made of others'."""


def tables_of(connection: sqlite3.Connection) -> list[str]:
    """Tables that hold data of their own."""
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return sorted(
        name for name in names if "_search" not in name and not name.startswith("sqlite_") and name not in DERIVED
    )


def contents(path: Path) -> Rows:
    """Every row of the tables that hold data of their own, in the order of their keys."""
    connection = sqlite3.connect(path)
    try:
        connection.row_factory = sqlite3.Row
        return {
            table: [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2")]
            for table in tables_of(connection)
        }
    finally:
        connection.close()


def old_database(directory: Path, revision: str) -> Path:
    """An empty database as an earlier version made it, through the migrations alone."""
    from sqlalchemy import create_engine

    path = directory / FILE_NAME
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        schema.upgrade(connection, revision)
    engine.dispose()
    return path


def filled_database(directory: Path, revision: str) -> Path:
    """The same with all the data that a version of that revision could have stored."""
    path = old_database(directory, revision)
    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        for version in schema.REVISIONS[: schema.REVISIONS.index(revision) + 1]:
            for table, rows in ADDED[version].items():
                for row in rows:
                    names, marks = ", ".join(f'"{name}"' for name in row), ", ".join("?" * len(row))
                    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(row.values()))
        connection.commit()
    finally:
        connection.close()
    return path

"""A database of every earlier version is upgraded with all its data, and the house can use it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from astrbot_like.domain.history import Attachment
from astrbot_like.host.stores import Stores, open_stores
from astrbot_like.runtime.clock import SystemClock
from astrbot_like.storage import schema
from astrbot_like.storage.database import FILE_NAME
from astrbot_like.storage.settings import StorageSettings
from tests.support.old_databases import ADDED, BEGIN, UMO, contents, filled_database
from tests.support.stores import user_message


def test_every_schema_has_its_data():
    """A new migration needs its entry; an empty one says that its version stores nothing new."""
    assert tuple(ADDED) == schema.REVISIONS, "tests/support/old_databases.py lacks what the new schema stores"


@pytest.mark.parametrize("revision", schema.REVISIONS)
def test_the_data_of_a_schema_fills_every_table(tmp_path: Path, revision: str):
    path = filled_database(tmp_path, revision)
    empty = [table for table, rows in contents(path).items() if not rows]
    assert not empty, "an upgrade of these would be tested without data"


@pytest.mark.parametrize("revision", schema.REVISIONS)
async def test_every_earlier_schema_is_upgraded_with_its_data(tmp_path: Path, revision: str):
    path = filled_database(tmp_path, revision)
    before = contents(path)
    stores = await open_stores(tmp_path, StorageSettings(), SystemClock(), exclusive=True)
    try:
        after = contents(path)
        for table, rows in before.items():
            kept = [{name: row[name] for name in old} for row, old in zip(after[table], rows, strict=True)]
            assert kept == rows, f"{table} changed"
        await everything_is_read(stores, revision)
        await everything_goes_on(stores)
    finally:
        await stores.aclose()
    connection = sqlite3.connect(path)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        connection.execute("INSERT INTO messages_search (messages_search) VALUES ('integrity-check')")
        connection.execute("INSERT INTO sessions_search (sessions_search) VALUES ('integrity-check')")
    finally:
        connection.close()
    copy = tmp_path / f"astrbot_like.before-{schema.HEAD}.db"
    assert copy.exists() == (revision != schema.HEAD), "the old state is kept beside an upgraded one"
    if copy.exists():
        assert contents(copy) == before


async def everything_is_read(stores: Stores, revision: str) -> None:
    """What people stored is there in the program's own words."""
    rows = await stores.history.after("s1", 0)
    assert [row.text for row in rows][:2] == ["Where is the lighthouse? 灯塔", "On the"]
    assert rows[1].interrupted
    assert [row.message_id for row in rows] == (["", "", "m10"] if revision >= "0004" else ["", ""])
    session = await stores.sessions.get("s1")
    assert (session.display_name, session.umo) == ("Weekend plans", UMO)
    attachment = await stores.attachments.get("a1")
    assert isinstance(attachment, Attachment)
    assert attachment.filename == "map.png"
    records = stores.records
    for store, name in (
        (records.personas, "pirate"),
        (records.profiles, "p1"),
        (records.providers, "gpt"),
        (records.platforms, "bot"),
        (records.mcp_servers, "files"),
        (records.plugin_states, "weather"),
    ):
        assert await store.get(name) is not None, name
    account = await stores.accounts.get("ada")
    assert account is not None
    assert account.token_generation == 3
    assert await stores.accounts.token_revoked("j1")
    [key] = await stores.api_keys.all()
    assert (key.name, key.scopes) == ("script", ("chat", "file"))
    assert await stores.preferences.get("umo", UMO, "tts") is True
    if revision >= "0002":
        assert await records.jobs.get("j1") is not None
        [kept] = await stores.platform_messages.get("webchat", "ada")
        assert kept.content == {"kept": True}


async def everything_goes_on(stores: Stores) -> None:
    """What later versions promise holds for the old data, too."""
    newest = (await stores.history.after("s1", 0))[-1].id
    session = await stores.sessions.get("s1")
    stored = await stores.history.append(user_message(session, "next"))
    assert stored.id == newest + 1
    connection = sqlite3.connect(stores.data / FILE_NAME)
    try:
        [(updated,)] = connection.execute("SELECT updated_ms FROM sessions WHERE session_id = 's1'").fetchall()
    finally:
        connection.close()
    assert updated > BEGIN + 1_000_000_000, "a stored message moves its session up"
    for wanted in ("lighthouse", "塔"):
        [hit] = (await stores.search.find(wanted)).hits
        assert hit.message.id == 7
    found = await stores.sessions.list(search="kend pl")
    assert [row.session_id for row in found.sessions] == ["s1"]

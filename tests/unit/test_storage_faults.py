"""The database when things go wrong: kills, full disks, damage, foreign and newer files; and upgrades."""

import asyncio
import resource
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import insert

from astrbot_like.domain.errors import StorageError
from astrbot_like.storage import schema, tables
from astrbot_like.storage.database import FILE_NAME, Database
from astrbot_like.storage.lock import DirectoryLock
from astrbot_like.storage.settings import StorageSettings
from tests.support.old_databases import contents, filled_database, old_database
from tests.support.stores import open_stores, user_message

ROOT = Path(__file__).parents[2]


def described(connection: sqlite3.Connection) -> dict[str, str]:
    """The schema by object, without differences of layout; tables by their columns and keys."""
    found = {}
    for kind, name, sql in connection.execute("SELECT type, name, sql FROM sqlite_master"):
        if kind == "table" and "VIRTUAL" not in sql and not name.startswith(("messages_search", "sqlite_")):
            columns = connection.execute(f"PRAGMA table_info({name})").fetchall()
            keys = sorted(row[2:] for row in connection.execute(f"PRAGMA foreign_key_list({name})"))
            found[name] = f"{columns} {keys} {'AUTOINCREMENT' in sql}"
        elif sql is not None:
            found[name] = " ".join(sql.split())
    return found


async def test_migrations_and_tables_give_the_same_schema(tmp_path):
    (tmp_path / "new").mkdir()
    (tmp_path / "old").mkdir()
    await (await Database.open(tmp_path / "new")).aclose()
    migrated = old_database(tmp_path / "old", schema.HEAD)
    with sqlite3.connect(tmp_path / "new" / FILE_NAME) as new, sqlite3.connect(migrated) as old:
        assert described(old) == described(new)
    new.close()
    old.close()


def test_the_list_of_revisions_is_that_of_the_migrations():
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    found = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(found)) == schema.REVISIONS


async def test_a_failed_upgrade_leaves_everything_as_it_was(tmp_path, monkeypatch):
    path = filled_database(tmp_path, schema.REVISIONS[0])
    before = contents(path)

    def fail(connection, revision=schema.HEAD):
        connection.exec_driver_sql("DROP TABLE turns")
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(schema, "upgrade", fail)
    with pytest.raises(StorageError):
        await Database.open(tmp_path)
    assert contents(path) == before


async def test_a_newer_schema_is_refused(tmp_path):
    await (await Database.open(tmp_path)).aclose()
    with sqlite3.connect(tmp_path / FILE_NAME) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    before = (tmp_path / FILE_NAME).read_bytes()
    with pytest.raises(StorageError, match="newer version"):
        await Database.open(tmp_path)
    assert (tmp_path / FILE_NAME).read_bytes() == before


async def test_a_foreign_database_is_refused(tmp_path):
    with sqlite3.connect(tmp_path / FILE_NAME) as raw:
        raw.execute("CREATE TABLE recipes (name TEXT)")
    raw.close()
    with pytest.raises(StorageError, match="not made by this program"):
        await Database.open(tmp_path)


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\x00" + b"\xff" * 8000])
async def test_a_damaged_database_is_refused_and_kept(tmp_path, content):
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(StorageError, match=r"(?i)damaged.*backup"):
        await Database.open(tmp_path)
    assert (tmp_path / FILE_NAME).read_bytes() == content


async def test_damage_met_later_is_named(tmp_path):
    async with open_stores(tmp_path) as stores:
        session = await stores.sessions.open("s", username="ada")
        for n in range(200):
            await stores.history.append(user_message(session, f"{n} " * 200))
    path = tmp_path / FILE_NAME
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2)
        file.write(b"\xaa" * (size // 2 - 4096))
    with pytest.raises(StorageError, match="damaged"):
        async with open_stores(tmp_path) as stores:
            await stores.history.after("s", 0)


async def test_a_directory_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError):
        await Database.open(tmp_path / "file" / "data")


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_a_read_only_directory_is_named(public_folder):
    """In a process of its own, without root's right to write anywhere."""
    data = public_folder / "data"
    data.mkdir()
    code = (
        "import asyncio, os, sys\n"
        "from pathlib import Path\n"
        "from astrbot_like.domain.errors import StorageError\n"
        "from astrbot_like.storage.database import Database\n"
        "from astrbot_like.storage.lock import DirectoryLock\n"
        "if os.getuid() == 0: os.setgid(65534); os.setuid(65534)\n"
        "data = Path(sys.argv[1])\n"
        "for attempt in (DirectoryLock(data).acquire, lambda: asyncio.run(Database.open(data))):\n"
        "    try: attempt()\n"
        "    except StorageError as error: print(error.message)\n"
    )
    data.chmod(0o555)
    done = subprocess.run([sys.executable, "-c", code, str(data)], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2
    assert all("data directory" in line for line in done.stdout.splitlines())


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
async def test_a_full_disk_is_named_and_harms_nothing_that_was_stored(tmp_path):
    async with open_stores(tmp_path) as stores:
        session = await stores.sessions.open("s", username="ada")
        first = await stores.history.append(user_message(session, "before"))
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
        try:
            with pytest.raises(StorageError, match="disk"):
                for _ in range(50):
                    await stores.history.append(user_message(session, "x" * 100_000))
            with pytest.raises(StorageError, match="disk of the data directory is full"):
                await stores.attachments.put_bytes(b"x" * 2_000_000, filename="big.bin")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        last = await stores.history.append(user_message(session, "after"))
        assert last.id > first.id
        assert not list((tmp_path / "attachments" / "incoming").iterdir())
    async with open_stores(tmp_path) as stores:
        texts = [row.text for row in await stores.history.after("s", 0)]
        assert (texts[0], texts[-1]) == ("before", "after")


async def test_a_store_that_does_not_keep_up_says_so(tmp_path):
    async with open_stores(tmp_path, StorageSettings(write_queue=1, write_timeout=0.2)) as stores:
        session = await stores.sessions.open("s", username="ada")
        go_on = threading.Event()
        blocking = asyncio.create_task(stores.database.write(lambda _: go_on.wait(60)))
        await asyncio.sleep(0)
        results = await asyncio.gather(
            *(stores.history.append(user_message(session, f"{n}")) for n in range(5)), return_exceptions=True
        )
        assert all(isinstance(result, StorageError) for result in results)
        go_on.set()
        await blocking
        assert (await stores.history.append(user_message(session, "later"))).text == "later"


async def test_a_closed_store_refuses_clearly(tmp_path):
    async with open_stores(tmp_path) as stores:
        session = await stores.sessions.open("s", username="ada")
    with pytest.raises(StorageError, match="closed"):
        await stores.history.append(user_message(session, "late"))
    with pytest.raises(StorageError, match="closed"):
        await stores.database.read(lambda c: None)


async def test_a_cancelled_caller_does_not_stop_the_writer(tmp_path):
    async with open_stores(tmp_path) as stores:
        session = await stores.sessions.open("s", username="ada")
        for n in range(20):
            task = asyncio.create_task(stores.history.append(user_message(session, f"{n}")))
            for _ in range(n % 4):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        last = await stores.history.append(user_message(session, "end"))
        rows = await stores.history.after("s", 0)
        assert rows[-1] == last
        assert [row.id for row in rows] == sorted({row.id for row in rows})
        assert [row.id for row in await stores.history.context(session.conversation_id)] == [row.id for row in rows]


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("seconds", [0.05, 0.2, 0.5])
def test_no_acknowledged_message_is_lost_by_a_kill(tmp_path, seconds):
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.storing_process", str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    first = process.stdout.readline()
    time.sleep(seconds)
    process.kill()
    rest = process.stdout.read()
    process.stdout.close()
    process.wait(30)
    lines = [line.split() for line in (first + rest).splitlines(keepends=True) if line.endswith("\n")]
    assert lines

    async def stored():
        async with open_stores(tmp_path) as stores:
            found = {}
            for session in (await stores.sessions.list(limit=100)).sessions:
                rows = []
                while page := await stores.history.after(session.session_id, rows[-1].id if rows else 0):
                    rows += page
                assert [row.text for row in rows] == [f"message {n}" for n in range(len(rows))]
                found |= {row.id: (row.session_id, row.text) for row in rows}
            assert await stores.database.read(lambda c: c.exec_driver_sql("PRAGMA integrity_check").scalar()) == "ok"
            return found

    found = asyncio.run(stored())
    for history_id, session_id, n in lines:
        assert found[int(history_id)] == (session_id, f"message {n}")


def test_one_server_a_directory(tmp_path):
    first, second = DirectoryLock(tmp_path), DirectoryLock(tmp_path)
    assert not second.is_held()
    first.acquire()
    assert second.is_held()
    with pytest.raises(StorageError, match="Another server"):
        second.acquire()
    first.release()
    assert not second.is_held()
    second.acquire()
    second.release()


async def test_a_new_database_takes_the_newest_schema_without_migrating(tmp_path, monkeypatch):
    monkeypatch.setattr(schema, "upgrade", None)
    database = await Database.open(tmp_path)
    await database.write(lambda c: c.execute(insert(tables.installation).values(key="a", value="b")))
    await database.aclose()

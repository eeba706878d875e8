"""Backups: consistent while messages are stored, verified, refused when foreign, and restored as a whole or not."""

import asyncio
import hashlib
import json
import shutil
import stat
import zipfile
from pathlib import Path

import pytest

from astrbot_like.domain.errors import BadRequest, BotError, Conflict, NotFound, TooLarge
from astrbot_like.domain.profiles import ProviderConfig
from astrbot_like.operations.backups import Backups, apply_restore
from astrbot_like.storage import backup_archive
from astrbot_like.storage.records import record_stores
from tests.support.stores import open_stores, user_message


async def filled(directory: Path) -> Path:
    """A data directory with something of everything, and a backup of it."""
    async with open_stores(directory) as stores:
        session = await stores.sessions.open("s", username="ada")
        await stores.history.append(user_message(session, "remember me"))
        await stores.attachments.put_bytes(b"a file", filename="f.txt")
        records = record_stores(stores.database, directory)
        await records.providers.add(ProviderConfig("p", "openai", "chat_completion", {"api_key": "sk-secret"}))
        (directory / "plugin_data" / "x").mkdir(parents=True)
        (directory / "plugin_data" / "x" / "state.json").write_text("{}")
        (directory / "plugins" / "mine" / "__pycache__").mkdir(parents=True)
        (directory / "plugins" / "mine" / "main.py").write_text("pass")
        (directory / "plugins" / "mine" / "__pycache__" / "x.pyc").write_text("x")
        path, info = await Backups(directory, stores.database).create()
        assert info.attachments == 1
    return path


async def test_a_backup_brings_everything_back_elsewhere(tmp_path):
    path = await filled(tmp_path / "old")
    new = tmp_path / "new"
    seen = []
    await Backups(new, None).restore(path, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1]
    assert apply_restore(new) is not None
    async with open_stores(new) as stores:
        assert [row.text for row in await stores.history.after("s", 0)] == ["remember me"]
        files = [path for path in (new / "attachments").rglob("*") if path.is_file()]
        assert [file.read_bytes() for file in files] == [b"a file"]
        provider = await record_stores(stores.database, new).providers.get("p")
        assert provider.config["api_key"] == "sk-secret"
    assert (new / "plugin_data" / "x" / "state.json").read_text() == "{}"
    assert (new / "plugins" / "mine" / "main.py").exists()
    assert not (new / "plugins" / "mine" / "__pycache__").exists()
    assert (new / "secret.key").stat().st_mode & 0o777 == 0o600
    assert apply_restore(new) is None


async def test_a_backup_is_consistent_while_messages_are_stored(tmp_path):
    async with open_stores(tmp_path) as stores:
        session = await stores.sessions.open("s", username="ada")

        async def talk():
            n = 0
            while True:
                await stores.history.append(user_message(session, f"{n}"))
                n += 1

        talking = asyncio.create_task(talk())
        await asyncio.sleep(0.1)
        path, _ = await Backups(tmp_path, stores.database).create(tmp_path / "b.zip")
        at_backup = len(await stores.history.after("s", 0, limit=100_000))
        await stores.history.append(user_message(session, "still alive"))
        talking.cancel()
        await asyncio.gather(talking, return_exceptions=True)
    await Backups(tmp_path / "new", None).restore(path)
    apply_restore(tmp_path / "new")
    async with open_stores(tmp_path / "new") as stores:
        texts = [row.text for row in await stores.history.after("s", 0, limit=100_000)]
    assert texts == [f"{n}" for n in range(len(texts))]
    assert 0 < len(texts) <= at_backup


async def test_what_was_there_before_is_kept(tmp_path):
    path = await filled(tmp_path / "old")
    async with open_stores(tmp_path / "new") as stores:
        session = await stores.sessions.open("other", username="bob")
        await stores.history.append(user_message(session, "newer"))
        await Backups(tmp_path / "new", stores.database).restore(path)
        assert (await stores.history.append(user_message(session, "still running"))).text == "still running"
    kept = apply_restore(tmp_path / "new")
    async with open_stores(tmp_path / "new") as stores:
        assert await stores.sessions.get("other") is None
        assert await stores.sessions.get("s") is not None
    async with open_stores(kept) as stores:
        assert len(await stores.history.after("other", 0)) == 2


@pytest.mark.parametrize("steps", range(9))
async def test_a_restore_that_is_cut_at_any_step_is_completed_by_the_next_start(tmp_path, monkeypatch, steps):
    path = await filled(tmp_path / "old")
    new = tmp_path / "new"
    async with open_stores(new) as stores:
        await stores.sessions.open("other", username="bob")
        await stores.attachments.put_bytes(b"other", filename="o.txt")
    shutil.copy(new / "astrbot_like.db", tmp_path / "stale-log")
    (new / "astrbot_like.db-wal").write_bytes(b"the log of a server that was killed")
    await Backups(new, None).restore(path)
    left = steps
    rename, replace = Path.rename, Path.replace

    def counted(original):
        def step(self, target):
            nonlocal left
            if left == 0:
                raise KeyboardInterrupt
            left -= 1
            return original(self, target)

        return step

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", counted(rename))
        patched.setattr(Path, "replace", counted(replace))
        with pytest.raises(KeyboardInterrupt):
            apply_restore(new)
    kept = apply_restore(new)
    async with open_stores(new) as stores:
        assert await stores.sessions.get("s") is not None
        assert await stores.sessions.get("other") is None
    assert (kept / "astrbot_like.db").exists()
    assert [p.read_bytes() for p in (new / "attachments").rglob("*") if p.is_file()] == [b"a file"]


def rewritten(source: Path, target: Path, change) -> Path:
    """A copy of a backup whose entries went through ``change(entries, manifest)``."""
    with zipfile.ZipFile(source) as archive:
        entries = {info.filename: archive.read(info) for info in archive.infolist()}
    manifest = json.loads(entries.pop("manifest.json"))
    change(entries, manifest)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
        archive.writestr("manifest.json", json.dumps(manifest))
    return target


def with_file(name: str, content: bytes):
    def change(entries, manifest):
        entries[name] = content
        manifest["files"][name] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}

    return change


def without_listing(entries, manifest):
    entries["attachments/x"] = b"x"


def missing(entries, manifest):
    manifest["files"]["attachments/x"] = {"size": 1, "sha256": ""}


def altered(entries, manifest):
    entries["plugin_data/x/state.json"] = b"[]"


def damaged(entries, manifest):
    content = bytearray(entries["astrbot_like.db"])
    content[4096:] = bytes(len(content) - 4096)
    with_file("astrbot_like.db", bytes(content))(entries, manifest)


def newer(entries, manifest):
    manifest["format"] = 99
    manifest["files"] = ["another shape"]


def newer_schema(entries, manifest):
    manifest["schema"] = "9999"


def foreign(entries, manifest):
    manifest["program"] = "other"


def no_database(entries, manifest):
    del entries["astrbot_like.db"]
    del manifest["files"]["astrbot_like.db"]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (with_file("../evil", b"x"), "path"),
        (with_file("/etc/evil", b"x"), "path"),
        (with_file("attachments/../../evil", b"x"), "path"),
        (with_file("attachments/./evil", b"x"), "path"),
        (with_file("attachments\\..\\evil", b"x"), "path"),
        (with_file("C:/evil", b"x"), "path"),
        (with_file("server.lock", b"x"), "path"),
        (with_file("attachments", b"x"), "path"),
        (with_file("attachments/bomb", bytes(20_000_000)), "compressed"),
        (without_listing, "damaged"),
        (missing, "damaged"),
        (altered, "damaged"),
        (damaged, "damaged"),
        (newer, "newer version"),
        (newer_schema, "newer version"),
        (foreign, "no backup"),
        (no_database, "damaged"),
    ],
)
async def test_hostile_damaged_and_newer_backups_are_refused_and_change_nothing(tmp_path, change, text):
    path = rewritten(await filled(tmp_path / "old"), tmp_path / "bad.zip", change)
    new = tmp_path / "new"
    with pytest.raises(BotError, match=f"(?i){text}"):
        await Backups(new, None).restore(path)
    assert apply_restore(new) is None
    assert not [found for found in new.rglob("*") if found.is_file()]
    assert not (tmp_path / "evil").exists()


async def test_links_and_what_is_no_archive_are_refused(tmp_path):
    path = await filled(tmp_path / "old")
    linked = tmp_path / "linked.zip"
    shutil.copy(path, linked)
    with zipfile.ZipFile(linked, "a") as archive:
        info = zipfile.ZipInfo("plugin_data/link")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    (tmp_path / "text.zip").write_text("no archive")
    for bad in (linked, tmp_path / "text.zip"):
        with pytest.raises(BadRequest):
            await Backups(tmp_path / "new", None).restore(bad)
    with pytest.raises(NotFound):
        await Backups(tmp_path / "new", None).restore(tmp_path / "absent.zip")


async def test_a_backup_that_does_not_fit_is_refused(tmp_path, monkeypatch):
    path = await filled(tmp_path / "old")
    monkeypatch.setattr(backup_archive, "SPARE", 1 << 60)
    with pytest.raises(TooLarge):
        await Backups(tmp_path / "new", None).restore(path)


async def test_one_backup_at_a_time_and_none_over_another(tmp_path):
    async with open_stores(tmp_path) as stores:
        backups = Backups(tmp_path, stores.database)
        first = asyncio.create_task(backups.create(tmp_path / "a.zip"))
        await asyncio.sleep(0)
        with pytest.raises(Conflict):
            await backups.create(tmp_path / "b.zip")
        await first
        with pytest.raises(Conflict):
            await backups.create(tmp_path / "a.zip")


async def test_a_cancelled_backup_leaves_nothing(tmp_path):
    async with open_stores(tmp_path) as stores:
        await stores.attachments.put_bytes(bytes(5_000_000), filename="x")
        started = asyncio.Event()
        loop = asyncio.get_running_loop()
        making = asyncio.create_task(
            Backups(tmp_path, stores.database).create(
                progress=lambda done, total: loop.call_soon_threadsafe(started.set)
            )
        )
        await started.wait()
        making.cancel()
        with pytest.raises(asyncio.CancelledError):
            await making
        assert list((tmp_path / "backups").iterdir()) == []
        assert list((tmp_path / "temp").iterdir()) == []


async def test_backups_are_listed(tmp_path):
    path = await filled(tmp_path)
    (path.parent / "other.zip").write_text("x")
    backups = Backups(tmp_path, None)
    [info] = await backups.all()
    assert info.name == path.name

"""Commands that work on the data directory: what they print, what they return, and that the doctor names each fault."""

import io
import json
import os
import sqlite3
import subprocess
import sys

import pytest

from astrbot_like.host.cli import main
from astrbot_like.storage import schema
from astrbot_like.storage.lock import DirectoryLock


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in list(__import__("os").environ):
        if name.startswith("ASTRBOT_LIKE_"):
            monkeypatch.delenv(name)


@pytest.fixture
def data(tmp_path):
    return str(tmp_path / "data")


@pytest.fixture
def typed(monkeypatch):
    def give(text):
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))

    return give


def test_a_key_is_the_last_line_and_can_be_listed_and_revoked(data, capsys):
    assert main(["api-key", "create", "--data-dir", data, "--name", "n", "--scope", "chat", "--scope", "file"]) == 0
    key = capsys.readouterr().out.splitlines()[-1]
    assert key.startswith("abk_")
    assert main(["api-key", "list", "--data-dir", data]) == 0
    listed = capsys.readouterr().out
    assert key[:12] in listed
    assert "chat,file" in listed
    assert key not in listed
    assert main(["api-key", "revoke", key[:12], "--data-dir", data]) == 0
    assert main(["api-key", "list", "--data-dir", data]) == 0
    assert "revoked" in capsys.readouterr().out
    assert main(["api-key", "delete", key[:12], "--data-dir", data]) == 0
    assert main(["api-key", "revoke", key[:12], "--data-dir", data]) == 1
    assert "There is no such API key" in capsys.readouterr().err


def test_accounts_are_made_changed_and_deleted(data, capsys, typed):
    typed("a good password\n")
    assert main(["user", "add", "ada", "--data-dir", data]) == 0
    typed("short\n")
    assert main(["user", "set-password", "ada", "--data-dir", data]) == 1
    assert "at least 8" in capsys.readouterr().err
    assert main(["user", "set-password", "ada", "--random", "--data-dir", data]) == 0
    assert "Password: " in capsys.readouterr().out
    assert main(["user", "set-password", "bob", "--random", "--data-dir", data]) == 1
    typed("another password\n")
    assert main(["user", "add", "bob", "--data-dir", data]) == 0
    assert main(["user", "delete", "bob", "--data-dir", data]) == 1, "nobody confirmed"
    assert main(["user", "delete", "bob", "--yes", "--data-dir", data]) == 0
    assert main(["user", "list", "--data-dir", data]) == 0
    assert "bob" not in capsys.readouterr().out.splitlines()[-1]


def test_commands_that_need_data_say_so(data, capsys):
    for command in (["user", "list"], ["api-key", "list"], ["backup", "create"]):
        assert main([*command, "--data-dir", data]) == 1
        assert "There is no data" in capsys.readouterr().err


def test_a_backup_is_made_checked_and_restored(data, tmp_path, capsys):
    main(["api-key", "create", "--data-dir", data, "--name", "first"])
    target = tmp_path / "b.zip"
    assert main(["backup", "create", "--output", str(target), "--data-dir", data]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(target)
    assert main(["backup", "verify", str(target)]) == 0
    main(["api-key", "create", "--data-dir", data, "--name", "second"])
    assert main(["backup", "restore", str(target), "--data-dir", data]) == 1, "nobody confirmed"
    assert main(["backup", "restore", str(target), "--yes", "--data-dir", data]) == 0
    capsys.readouterr()
    main(["api-key", "list", "--data-dir", data])
    listed = capsys.readouterr().out
    assert "first" in listed
    assert "second" not in listed
    (tmp_path / "bad.zip").write_text("no")
    assert main(["backup", "verify", str(tmp_path / "bad.zip")]) == 1
    assert "no backup of this program" in capsys.readouterr().err


def test_beside_a_running_server_a_restore_waits_for_its_restart(data, tmp_path, capsys):
    main(["api-key", "create", "--data-dir", data, "--name", "first"])
    target = tmp_path / "b.zip"
    main(["backup", "create", "--output", str(target), "--data-dir", data])
    main(["api-key", "create", "--data-dir", data, "--name", "second"])
    server = DirectoryLock(tmp_path / "data")
    server.acquire()
    try:
        assert main(["backup", "restore", str(target), "--yes", "--data-dir", data]) == 0
    finally:
        server.release()
    assert "Restart the server" in capsys.readouterr().out
    main(["api-key", "list", "--data-dir", data])
    assert "second" in capsys.readouterr().out


def examined(data, capsys):
    """The doctor's status, and its findings by subject."""
    capsys.readouterr()
    status = main(["doctor", "--no-providers", "--json", "--data-dir", data])
    return status, {found["subject"]: found for found in json.loads(capsys.readouterr().out)}


def test_the_doctor_finds_a_sound_installation_sound(data, capsys):
    assert main(["doctor", "--no-providers", "--data-dir", data]) == 0
    assert "Nothing stands in the way" in capsys.readouterr().out
    main(["api-key", "create", "--data-dir", data, "--name", "n"])
    main(["backup", "create", "--data-dir", data])
    status, found = examined(data, capsys)
    assert status == 0
    assert {found[subject]["state"] for subject in ("database", "data directory", "disk", "backup", "files")} == {"ok"}


def test_the_doctor_names_damage_and_the_newest_backup(data, tmp_path, capsys):
    main(["api-key", "create", "--data-dir", data, "--name", "n"])
    main(["backup", "create", "--data-dir", data])
    database = tmp_path / "data" / "astrbot_like.db"
    content = bytearray(database.read_bytes())
    content[4096 * 2 :] = b"\xaa" * (len(content) - 4096 * 2)
    database.write_bytes(content)
    status, found = examined(data, capsys)
    assert status == 1
    assert "damaged" in found["database"]["message"]
    assert "backup restore" in found["database"]["advice"]
    assert ".zip" in found["database"]["advice"]
    assert database.read_bytes() == content


def test_the_doctor_names_newer_and_older_data(data, tmp_path, capsys):
    main(["api-key", "create", "--data-dir", data, "--name", "n"])
    for revision, status, text in (("9999", 1, "newer version"), (schema.REVISIONS[0], 0, "upgrades it")):
        with sqlite3.connect(tmp_path / "data" / "astrbot_like.db") as raw:
            raw.execute("UPDATE alembic_version SET version_num = ?", (revision,))
        raw.close()
        found_status, found = examined(data, capsys)
        assert found_status == status
        assert text in found["database"]["message"]


def test_the_doctor_names_lost_secrets_files_and_open_doors(data, tmp_path, capsys):
    import asyncio

    from astrbot_like.domain.profiles import ProviderConfig
    from astrbot_like.storage.records import record_stores
    from tests.support.stores import open_stores

    async def fill():
        async with open_stores(tmp_path / "data") as stores:
            records = record_stores(stores.database, tmp_path / "data")
            await records.providers.add(ProviderConfig("p", "t", "chat_completion", {"api_key": "sk-secret"}))
            stored = await stores.attachments.put_bytes(b"x", filename="x")
        return stored.path

    path = asyncio.run(fill())
    key = tmp_path / "data" / "secret.key"
    assert examined(data, capsys)[1]["secrets"]["state"] == "ok"
    key.chmod(0o644)
    (tmp_path / "data" / path).unlink()
    status, found = examined(data, capsys)
    assert status == 0
    assert "1 of 1" in found["files"]["message"]
    for content, text in ((b"A" * 43 + b"=", "not the key"), (b"nonsense", "damaged")):
        key.write_bytes(content)
        status, found = examined(data, capsys)
        assert status == 1
        assert text in found["secrets"]["advice"]
    key.unlink()
    status, found = examined(data, capsys)
    assert (status, found["secrets"]["message"]) == (1, "secret.key is missing")


def test_the_doctor_names_wrong_settings_and_a_busy_port(data, tmp_path, capsys, monkeypatch):
    import socket

    settings = tmp_path / "settings.toml"
    with socket.create_server(("127.0.0.1", 0)) as busy:
        settings.write_text(f"[server]\nport = {busy.getsockname()[1]}\n")
        assert main(["doctor", "--no-providers", "--data-dir", data, "--config", str(settings)]) == 1
    assert "can't be listened on" in capsys.readouterr().out
    settings.write_text("[server]\nprot = 1\n")
    assert main(["doctor", "--data-dir", data, "--config", str(settings)]) == 1
    assert "FAIL  settings" in capsys.readouterr().out


def test_the_doctor_asks_the_providers(data, capsys):
    main(["doctor", "--data-dir", data])
    assert "provider offline: answered in" in capsys.readouterr().out


def test_a_reader_who_leaves_early_sees_no_trace_back():
    gone, ours = os.pipe()
    os.close(gone)
    command = [sys.executable, "-m", "astrbot_like", "run", "--help"]
    done = subprocess.run(command, stdout=ours, stderr=subprocess.PIPE, timeout=100)
    os.close(ours)
    assert (done.returncode, done.stderr) == (1, b"")

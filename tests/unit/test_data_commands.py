"""Commands that work on the data directory: what they print and what they return."""

import io
import os
import subprocess
import sys

import pytest

from astrbot_like.host.cli import main
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
    assert main(["user", "sign-out-all", "--data-dir", data]) == 0
    assert "Every sign-in" in capsys.readouterr().out


def test_commands_that_need_data_say_so(data, capsys):
    for command in (["user", "list"], ["user", "sign-out-all"], ["api-key", "list"], ["backup", "create"]):
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


def test_a_reader_who_leaves_early_sees_no_trace_back():
    gone, ours = os.pipe()
    os.close(gone)
    command = [sys.executable, "-m", "astrbot_like", "run", "--help"]
    done = subprocess.run(command, stdout=ours, stderr=subprocess.PIPE, timeout=100)
    os.close(ours)
    assert (done.returncode, done.stderr) == (1, b"")

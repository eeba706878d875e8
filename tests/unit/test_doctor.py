"""``astrbot-like doctor``: every fault is made, found, and explained with something to do about it."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from astrbot_like.host.cli import main
from astrbot_like.operations.doctor.data import check_data
from astrbot_like.operations.doctor.findings import Finding
from astrbot_like.operations.doctor.machine import check_clock, check_memory
from astrbot_like.storage import schema

ROOT = Path(__file__).parents[2]
posix = pytest.mark.skipif(sys.platform == "win32", reason="limits and permissions of POSIX")


class Patient:
    """A sound installation, to be spoilt by a test."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.data = folder / "data"
        self.database = self.data / "astrbot_like.db"
        self.settings = folder / "settings.toml"
        self.settings.write_text("")
        self.settings.chmod(0o600)
        self.patch = monkeypatch
        self.until_the_end = ExitStack()
        self._capsys = capsys
        assert self.run("api-key", "create", "--name", "n") == 0
        assert self.run("backup", "create") == 0

    def run(self, *command: str) -> int:
        """A command on this installation."""
        return main([*command, "--data-dir", str(self.data), "--config", str(self.settings)])

    def set(self, text: str) -> None:
        """Write the settings file."""
        self.settings.write_text(text)

    def examine(self, *, providers: bool = False) -> tuple[int, dict[str, Finding]]:
        """The doctor's status, and what it says by subject."""
        self._capsys.readouterr()
        status = self.run("doctor", "--json", *([] if providers else ["--no-providers"]))
        findings = [Finding(**found) for found in json.loads(self._capsys.readouterr().out)]
        assert len({found.subject for found in findings}) == len(findings), "two findings on one subject"
        return status, {found.subject: found for found in findings}


@pytest.fixture
def patient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Patient]:
    for name in list(os.environ):
        if name.startswith("ASTRBOT_LIKE_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("ASTRBOT_LIKE_PORT", "0")
    made = Patient(tmp_path, monkeypatch, capsys)
    with made.until_the_end:
        yield made


def no_programs(patient: Patient) -> None:
    patient.patch.setenv("PATH", str(patient.data))
    patient.patch.delenv("CHROME_PATH", raising=False)


def few_files(patient: Patient) -> None:
    # Said rather than set: a hard limit that was lowered could not be raised again.
    patient.patch.setattr(resource, "getrlimit", lambda _which: (512, 512))


def full_disk(patient: Patient) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    patient.until_the_end.callback(resource.setrlimit, resource.RLIMIT_FSIZE, (soft, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))


def damage(patient: Patient) -> None:
    content = bytearray(patient.database.read_bytes())
    content[4096 * 2 :] = b"\xaa" * (len(content) - 4096 * 2)
    patient.database.write_bytes(content)


def no_database(patient: Patient) -> None:
    patient.database.write_bytes(b"not a database at all" * 500)


def change(*statements: str) -> Callable[[Patient], None]:
    def spoil(patient: Patient) -> None:
        connection = sqlite3.connect(patient.database)
        for statement in statements:
            connection.execute(statement)
        connection.commit()
        connection.close()

    return spoil


def foreign(patient: Patient) -> None:
    for path in patient.data.glob("astrbot_like.db*"):
        path.unlink()
    change("CREATE TABLE recipes (name TEXT)")(patient)


def busy_port(patient: Patient) -> None:
    taken = patient.until_the_end.enter_context(socket.create_server(("127.0.0.1", 0)))
    patient.patch.setenv("ASTRBOT_LIKE_PORT", str(taken.getsockname()[1]))


def plugin(main_py: str, metadata: str = "") -> Callable[[Patient], None]:
    def spoil(patient: Patient) -> None:
        folder = patient.data / "plugins" / "weather"
        folder.mkdir(parents=True)
        (folder / "main.py").write_text(main_py)
        (folder / "metadata.yaml").write_text(metadata or "name: weather\nauthor: ada\ndesc: d\nversion: 1\n")

    return spoil


def future(patient: Patient) -> None:
    later = int((time.time() + 86_400) * 1000)
    row = f"'s', 'webchat', 'ada', '', 0, 'c', 'default', 'umo', 1, {later}"
    change(f"INSERT INTO sessions VALUES ({row})")(patient)


def environment(**variables: str) -> Callable[[Patient], None]:
    def spoil(patient: Patient) -> None:
        for name, value in variables.items():
            patient.patch.setenv(name, value)

    return spoil


def settings(text: str) -> Callable[[Patient], None]:
    return lambda patient: patient.set(text)


def readable(name: str) -> Callable[[Patient], None]:
    def spoil(patient: Patient) -> None:
        path = patient.settings if name == "settings" else patient.data / name
        path.chmod(path.stat().st_mode | 0o005)

    return spoil


def no_zones(patient: Patient) -> None:
    import zoneinfo

    zoneinfo.ZoneInfo.clear_cache()
    zoneinfo.reset_tzpath(to=[str(patient.data)])
    patient.until_the_end.callback(zoneinfo.reset_tzpath)
    patient.patch.setitem(sys.modules, "tzdata", None)


def no_certificates(patient: Patient) -> None:
    (patient.data / "temp").mkdir(exist_ok=True)
    environment(SSL_CERT_FILE=str(patient.data / "none.pem"), SSL_CERT_DIR=str(patient.data / "temp"))(patient)


def old_backup(patient: Patient) -> None:
    import zipfile

    (path,) = patient.data.glob("backups/*.zip")
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(parts["manifest.json"]) | {"created_at": "2020-01-01T00:00:00Z"}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (parts | {"manifest.json": json.dumps(manifest).encode()}).items():
            archive.writestr(name, content)


FAULTS: dict[str, tuple[Callable[[Patient], None], str, str, str, str]] = {
    "the disk takes nothing more": (full_disk, "data directory", "failure", "takes nothing more", "Free some space"),
    "damaged": (damage, "database", "failure", "damaged", "backup restore"),
    "no database": (no_database, "database", "failure", "damaged", ".zip"),
    "another program's": (foreign, "database", "failure", "not made by this program", "--data-dir"),
    "newer": (
        change("UPDATE alembic_version SET version_num = '9999'"),
        *("database", "failure", "newer version", "Install that version"),
    ),
    "port": (busy_port, "address", "failure", "can't be listened on", "--port"),
    "clock": (future, "clock", "failure", "yet to come", "timedatectl"),
    "FFmpeg": (no_programs, "FFmpeg", "warning", "not found", "Install it"),
    "Chromium": (no_programs, "Chromium", "warning", "not found", "Install it"),
    "open files": (few_files, "open files", "warning", "at most 512", "LimitNOFILE"),
    "time zones": (no_zones, "time zones", "warning", "missing", "tzdata"),
    "no such zone": (environment(TZ="Mars/Olympus"), "time zones", "warning", "Mars/Olympus", "TZ"),
    "certificates": (no_certificates, "certificates", "warning", "none of an authority", "ca-certificates"),
    "web UI": (settings("[dashboard]\nweb_root = '/nowhere'\n"), "web UI", "warning", "not built", "make web"),
    "open data": (readable("."), "rights", "warning", "open to every user", "chmod"),
    "open settings": (readable("settings"), "settings file", "warning", "can be read by every user", "chmod"),
    "settings": (settings("[server]\nprot = 1\n"), "settings", "failure", "prot", "Mend the settings file"),
    "proxies that are none": (
        settings("[dashboard]\ntrusted_proxies = ['nginx']\n"),
        *("settings", "failure", "nginx", "Mend the settings file"),
    ),
    "all are proxies": (
        settings("[dashboard]\ntrusted_proxies = ['0.0.0.0/0']\n"),
        *("proxies", "failure", "any address", "127.0.0.1"),
    ),
    "no proxy": (settings("[server]\nhost = '0.0.0.0'\n"), "proxies", "warning", "believes no proxy", "https://"),
    "origins": (
        settings("[dashboard]\nallowed_origins = ['https://a.example/']\n"),
        *("origins", "failure", "no browser sends", "without a path"),
    ),
    "way out": (
        environment(http_proxy="http://127.0.0.1:3128", no_proxy=""),
        *("way out", "warning", "this machine", "NO_PROXY"),
    ),
    "no way out": (environment(https_proxy="http://proxy:port"), "way out", "failure", "https_proxy", "HOST:PORT"),
    "a plugin's syntax": (plugin("x = (\n"), "plugin weather", "failure", "main.py, line 1", "plugin disable weather"),
    "a plugin's metadata": (plugin("", "name: weather\n"), "plugin weather", "failure", "author", "plugin disable"),
    "a plugin of another version": (
        plugin("", "name: weather\nauthor: a\ndesc: d\nversion: 1\nastrbot_version: '>=99'\n"),
        *("plugin weather", "failure", ">=99", "plugin disable"),
    ),
    "old backup": (old_backup, "backup", "warning", "days old", "backup create"),
}
"""Name → how it is made, and the subject, state, message and advice of what is found."""


def test_a_sound_installation_is_found_sound(patient: Patient, capsys: pytest.CaptureFixture[str]):
    status, found = patient.examine()
    assert status == 0
    sound = {"database", "data directory", "rights", "backup", "files", "clock", "address", "plugins"}
    assert {found[subject].state for subject in sound} == {"ok"}
    patient.run("doctor", "--no-providers")
    assert "Nothing stands in the way" in capsys.readouterr().out


@posix
@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_is_found_and_explained(patient: Patient, name: str):
    make, subject, state, message, advice = FAULTS[name]
    make(patient)
    status, found = patient.examine()
    finding = found[subject]
    assert (finding.state, status) == (state, 1 if state == "failure" else 0)
    assert message in finding.message
    assert advice in finding.advice


def test_the_documentation_names_what_is_looked_at():
    table = (ROOT / "docs" / "operations.md").read_text("utf-8").partition("## The doctor")[2].partition("\n## ")[0]
    named = {
        name for line in table.splitlines() if line.startswith("| ") for name in line.split("|")[1].strip().split(", ")
    }
    missing = {fault[1].replace(" weather", " …") for fault in FAULTS.values()} - named
    assert not missing, f"docs/operations.md, The doctor: {missing}"


def test_a_damaged_database_is_left_as_it_is(patient: Patient):
    damage(patient)
    content = patient.database.read_bytes()
    patient.examine()
    assert patient.database.read_bytes() == content


def test_older_data_is_no_fault(patient: Patient):
    change(f"UPDATE alembic_version SET version_num = '{schema.REVISIONS[0]}'")(patient)
    status, found = patient.examine()
    assert status == 0
    assert "upgrades it" in found["database"].message


def test_lost_files_and_secrets_are_named(patient: Patient):
    from astrbot_like.domain.profiles import ProviderConfig
    from astrbot_like.storage.records import record_stores
    from tests.support.stores import open_stores

    async def fill() -> str:
        async with open_stores(patient.data) as stores:
            records = record_stores(stores.database, patient.data)
            await records.providers.add(ProviderConfig("p", "t", "chat_completion", {"api_key": "sk-secret"}))
            stored = await stores.attachments.put_bytes(b"x", filename="x")
        return stored.path

    path = asyncio.run(fill())
    key = patient.data / "secret.key"
    assert patient.examine()[1]["secrets"].state == "ok"
    (patient.data / path).unlink()
    status, found = patient.examine()
    assert status == 0
    assert "1 of 1" in found["files"].message
    for content, text in ((b"A" * 43 + b"=", "not the key"), (b"nonsense", "damaged")):
        key.write_bytes(content)
        status, found = patient.examine()
        assert status == 1
        assert text in found["secrets"].advice
    key.unlink()
    status, found = patient.examine()
    assert (status, found["secrets"].message) == (1, "secret.key is missing")


@posix
def test_a_key_that_others_can_read_is_named(patient: Patient):
    from astrbot_like.storage.secrets import SecretBox

    key = patient.data / "secret.key"
    SecretBox(key).encrypt("x")
    key.chmod(0o644)
    status, found = patient.examine()
    assert status == 0
    assert found["key file"].state == "warning"
    assert f"chmod 600 {key}" in found["key file"].advice


def test_a_provider_that_is_not_reached_is_named(patient: Patient):
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    # Without the recogniser, which takes long on a busy machine.
    patient.set(
        "[plugins]\ndisabled = ['pocketsphinx_stt']\n"
        "[[providers]]\nid = 'mine'\ntype = 'openai_chat_completion'\nmodel = 'm'\nkey = ['k']\n"
        f"api_base = 'http://127.0.0.1:{port}/v1'\n"
    )
    status, found = patient.examine(providers=True)
    assert status == 1
    assert found["provider mine"].state == "failure"
    assert found["provider mine"].advice
    assert "answered in" in found["provider offline"].message


@posix
def test_what_cannot_be_written_or_entered_is_named(public_folder: Path):
    """In a process of its own, without root's right to go and write anywhere."""
    data = public_folder / "data"
    data.mkdir()
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from astrbot_like.operations.doctor.data import check_data\n"
        "if os.getuid() == 0: os.setgid(65534); os.setuid(65534)\n"
        "for finding in check_data(Path(sys.argv[1])):\n"
        "    if finding.state == 'failure': print(finding.subject, finding.message, finding.advice)\n"
    )
    for mode in (0o555, 0o000):
        data.chmod(mode)
        command = [sys.executable, "-c", code, str(data)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
        data.chmod(0o700)
        assert done.returncode == 0, done.stderr
        assert "data directory" in done.stdout
        assert "can't be written" in done.stdout
        assert "who owns it" in done.stdout


@pytest.mark.skipif(sys.platform == "win32" or os.getuid() != 0, reason="only root gives files away")
def test_files_of_another_owner_are_named(patient: Patient):
    os.chown(patient.database, 65534, 65534)
    finding = patient.examine()[1]["rights"]
    assert finding.state == "warning"
    assert "astrbot_like.db" in finding.message
    assert "chown" in finding.advice


@pytest.mark.parametrize(
    ("files", "state", "words"),
    [
        ({"proc/meminfo": "MemTotal: 9000000 kB\nMemAvailable: 4000000 kB\n"}, "ok", "3.8 GiB"),
        ({"proc/meminfo": "MemAvailable: 300000 kB\n"}, "warning", "293 MiB"),
        ({"proc/meminfo": "MemAvailable: 100000 kB\n"}, "failure", "98 MiB"),
        (
            {"proc/meminfo": "MemAvailable: 4000000 kB\n", "memory.max": "268435456", "memory.current": "200000000"},
            "failure",
            "65 MiB",
        ),
        ({"proc/meminfo": "MemAvailable: 4000000 kB\n", "memory.max": "max", "memory.current": "2"}, "ok", "3.8 GiB"),
        (
            {"memory/memory.limit_in_bytes": "536870912", "memory/memory.usage_in_bytes": "100000000"},
            "warning",
            "417 MiB",
        ),
        ({}, "ok", "not known"),
    ],
)
def test_memory_is_that_of_the_machine_and_of_its_container(
    tmp_path: Path, files: dict[str, str], state: str, words: str
):
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    finding = check_memory(tmp_path / "proc", tmp_path)
    assert (finding.state, words in finding.message) == (state, True), finding


def test_a_clock_behind_the_installation_is_named():
    finding = check_clock(0.0)
    assert finding.state == "failure"
    assert "1970" in finding.message


def test_a_folder_that_is_not_there_yet_is_no_fault(tmp_path: Path):
    assert {finding.state for finding in check_data(tmp_path / "new")} == {"ok"}

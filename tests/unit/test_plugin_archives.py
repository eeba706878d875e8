"""Plugin archives, folders and addresses."""

from __future__ import annotations

import asyncio
import stat
import subprocess
import zipfile
from pathlib import Path

import pytest

from astrbot_like.api.net import AddressRefused
from astrbot_like.domain.errors import BadRequest, PluginError, TooLarge
from astrbot_like.plugin_host import archives
from astrbot_like.plugin_host.settings import PluginSettings

SETTINGS = PluginSettings(archive_entries=50, unpacked_bytes=100_000, git_schemes=("https", "file"), install_timeout=20)


def make_zip(path: Path, files: dict[str, bytes], *, modes: dict[str, int] | None = None) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (modes or {}).get(name, stat.S_IFREG | 0o644) << 16
            archive.writestr(info, data)
    return path


def test_unpacks_the_folder_github_puts_around(tmp_path: Path) -> None:
    files = {"repo-main/main.py": b"x", "repo-main/metadata.yaml": b"y", "repo-main/.git/config": b"z"}
    root = archives.unpack(make_zip(tmp_path / "a.zip", files), tmp_path / "out", SETTINGS)
    assert root.name == "repo-main"
    assert sorted(path.name for path in root.iterdir()) == ["main.py", "metadata.yaml"]


@pytest.mark.parametrize("name", ["../evil.py", "/etc/evil.py", "a/../../evil.py", "..\\evil.py", "C:\\evil.py"])
def test_paths_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadRequest):
        archives.unpack(make_zip(tmp_path / "a.zip", {name: b"x"}), tmp_path / "deep" / "out", SETTINGS)
    assert not list(tmp_path.rglob("evil.py"))


def test_links_are_refused(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"link": b"/etc/passwd"}, modes={"link": stat.S_IFLNK | 0o777})
    with pytest.raises(BadRequest):
        archives.unpack(archive, tmp_path / "out", SETTINGS)


@pytest.mark.parametrize("kind", [stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFLNK])
def test_special_files_are_refused(tmp_path: Path, kind: int) -> None:
    archive = make_zip(tmp_path / "a.zip", {"main.py": b"x", "odd": b"x"}, modes={"odd": kind | 0o666})
    with pytest.raises(BadRequest, match="link or a special file"):
        archives.unpack(archive, tmp_path / "out", SETTINGS)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as target, pytest.warns(UserWarning):
        target.writestr("main.py", "first")
        target.writestr("main.py", "second")
    with pytest.raises(BadRequest, match="twice"):
        archives.unpack(archive, tmp_path / "out", SETTINGS)
    with pytest.raises(FileExistsError):
        archives.unpack(make_zip(tmp_path / "b.zip", {"main.py": b"x"}), tmp_path / "out", SETTINGS)


def test_names_that_differ_in_their_case_alone_are_refused(tmp_path: Path) -> None:
    """On disks that don't tell them apart one would take the other's place."""
    archive = make_zip(tmp_path / "a.zip", {"main.py": b"x", "Main.py": b"y"})
    with pytest.raises(BadRequest, match="twice"):
        archives.unpack(archive, tmp_path / "out", SETTINGS)


def test_a_file_in_the_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"a": b"x", "a/b": b"y"})
    with pytest.raises(BadRequest):
        archives.unpack(archive, tmp_path / "out", SETTINGS)


@pytest.mark.parametrize(
    "files",
    [
        {"bomb": b"\0" * 30_000_000},
        {f"f{number}": b"" for number in range(51)},
        {"a": bytes(range(256)) * 300, "b": bytes(range(255, -1, -1)) * 300},
    ],
)
def test_bombs_are_refused(tmp_path: Path, files: dict[str, bytes]) -> None:
    with pytest.raises(TooLarge):
        archives.unpack(make_zip(tmp_path / "a.zip", files), tmp_path / "out", SETTINGS)


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(b"no archive")
    with pytest.raises(BadRequest):
        archives.unpack(path, tmp_path / "out", SETTINGS)


def test_a_copied_folder_has_no_links(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / ".git").mkdir(parents=True)
    (source / "main.py").write_text("x")
    (source / "link").symlink_to("/etc/passwd")
    (source / "linked").symlink_to("/etc")
    root = archives.copy_folder(source, tmp_path / "target", SETTINGS)
    assert [path.name for path in root.iterdir()] == ["main.py"]


@pytest.mark.parametrize(
    ("address", "checked"),
    [
        ("owner/some.repo", "https://github.com/owner/some.repo"),
        (" https://host/a/b.git/ ", "https://host/a/b.git"),
        ("http://host/a", None),
        ("ext::sh -c id", None),
        ("--upload-pack=x", None),
        ("https://user:pw@host/a", None),
        ("https:///a", None),
        ("https://host/a b", None),
        ("git@github.com:a/b.git", None),
    ],
)
def test_addresses(address: str, checked: str | None) -> None:
    settings = PluginSettings()
    if checked is None:
        with pytest.raises(BadRequest):
            archives.checked_address(address, settings)
    else:
        assert archives.checked_address(address, settings) == checked


@pytest.mark.parametrize(
    "address",
    ["https://127.0.0.1:9/a", "https://2130706433/a", "https://[::1]/a", "https://localhost/a", "https://10.0.0.1/a"],
)
async def test_addresses_of_this_machine_are_not_fetched(tmp_path: Path, address: str) -> None:
    with pytest.raises(AddressRefused):
        await archives.clone(archives.checked_address(address, PluginSettings()), tmp_path / "t", PluginSettings())


async def test_git_connects_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("https_proxy", raising=False)
    options = await archives._pinned("https://8.8.8.8/a/b")
    assert options == ["-c", "http.curloptResolve=8.8.8.8:443:8.8.8.8", "-c", "http.followRedirects=false"]


def git(*arguments: str, cwd: Path) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b")
    subprocess.run(["git", *identity, *arguments], cwd=cwd, check=True, capture_output=True)


async def test_clone(tmp_path: Path) -> None:
    repo = tmp_path / "repo"
    repo.mkdir()
    await asyncio.to_thread(git, "init", "-q", cwd=repo)
    (repo / "main.py").write_text("x")
    (repo / "link").symlink_to("/etc/passwd")
    await asyncio.to_thread(git, "add", "-A", cwd=repo)
    await asyncio.to_thread(git, "commit", "-qm", "x", cwd=repo)
    root = await archives.clone(f"file://{repo}", tmp_path / "deep" / "target", SETTINGS)
    assert (root / "main.py").read_text() == "x"
    assert not (root / ".git").exists()
    assert not (root / "link").is_symlink()
    with pytest.raises(PluginError, match="could not fetch"):
        await archives.clone(f"file://{repo}-gone", tmp_path / "other", SETTINGS)

"""Plugin archives and addresses: getting a plugin's folder from a ZIP file, a Git address or a local folder, safely."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import socket
import stat
import zipfile
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from astrbot_like.api.net import AddressRefused, is_public
from astrbot_like.domain.errors import BadRequest, PluginError, TooLarge
from astrbot_like.plugin_host.settings import PluginSettings

MOST_COMPRESSED = 200
COPY_CHUNK = 256 * 1024
LOOKUP = 20.0
"""Seconds for finding the address of a host."""
SKIPPED = frozenset({".git", "__pycache__", ".venv", "node_modules"})
_NESTED_NAME = re.compile(r"[\w.-]+", re.ASCII)


def unpack(archive: Path, target: Path, settings: PluginSettings) -> Path:
    """Unpack a ZIP file into ``target`` (made, must be new) and return the folder that holds the plugin.

    Call it in a thread. Nothing is written outside ``target``, no link is made, and sizes are counted while unpacking,
    not taken from the archive's word.

    Raises:
        BadRequest: Not a ZIP file, or an entry that points out of the folder, is a link, or is encrypted.
        TooLarge: Too many entries, too much data, or compressed beyond belief.
    """
    if archive.stat().st_size > settings.archive_bytes:
        raise TooLarge(f"The plugin archive is larger than {settings.archive_bytes // 1024 // 1024} MiB.")
    target.mkdir(parents=True)
    try:
        with zipfile.ZipFile(archive) as source:
            entries = source.infolist()
            if len(entries) > settings.archive_entries:
                raise TooLarge(f"The plugin archive holds more than {settings.archive_entries} entries.")
            _check_names([entry.filename for entry in entries])
            left = settings.unpacked_bytes
            for entry in entries:
                left -= _unpack_entry(source, entry, target, left)
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise BadRequest("The file is not a ZIP archive, or it is damaged.") from error
    return plugin_root(target)


def _check_names(names: list[str]) -> None:
    """Names that are one on some disk, and files that others take for a folder, would overwrite one another."""
    folded = [name.replace("\\", "/").casefold() for name in names]
    files = {name for name in folded if not name.endswith("/")}
    if len(files) + len({name for name in folded if name.endswith("/")}) < len(folded):
        raise BadRequest("The plugin archive holds a file twice.")
    if any(str(parent) in files for name in folded for parent in PurePosixPath(name).parents):
        raise BadRequest("The plugin archive holds a file and a folder of one name.")


def _unpack_entry(source: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, left: int) -> int:
    name = entry.filename.replace("\\", "/")
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name or re.match(r"^[A-Za-z]:", name):
        raise BadRequest("The plugin archive holds a path that leads out of its folder.")
    mode = entry.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise BadRequest("The plugin archive holds a link or a special file.")
    if entry.flag_bits & 1:
        raise BadRequest("The plugin archive is encrypted.")
    destination = target.joinpath(*path.parts)
    if entry.is_dir() or not path.parts:
        destination.mkdir(parents=True, exist_ok=True)
        return 0
    if SKIPPED.intersection(path.parts):
        return 0
    if entry.file_size > MOST_COMPRESSED * max(entry.compress_size, 1024):
        raise TooLarge("The plugin archive is compressed beyond what plugins are.")
    if destination.exists():
        raise BadRequest("The plugin archive holds a file twice.")
    destination.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with source.open(entry) as reader, destination.open("xb") as writer:
        while chunk := reader.read(COPY_CHUNK):
            written += len(chunk)
            if written > left:
                raise TooLarge("The plugin is too large when unpacked.")
            writer.write(chunk)
    return written


def plugin_root(folder: Path) -> Path:
    """The plugin's folder: ``folder`` itself, or the only folder inside (GitHub's archives have one around)."""
    from astrbot_like.plugin_host.metadata import find_file

    for _ in range(2):
        inner = [path for path in folder.iterdir() if not path.name.startswith((".", "__MACOSX"))]
        if find_file(folder) or (folder / "main.py").is_file() or len(inner) != 1 or not inner[0].is_dir():
            break
        folder = inner[0]
    return folder


def copy_folder(source: Path, target: Path, settings: PluginSettings) -> Path:
    """Copy a plugin's folder to ``target`` (must be new), without links and version control. Call it in a thread.

    Raises:
        BadRequest: ``source`` is not a folder.
        TooLarge: Too many files or too much data.
    """
    if not source.is_dir():
        raise BadRequest(f"{source.name} is not a folder.")
    left, entries = settings.unpacked_bytes, settings.archive_entries
    for base, folders, files in os.walk(source, followlinks=False):
        folders[:] = [name for name in folders if name not in SKIPPED and not (Path(base) / name).is_symlink()]
        place = target / Path(base).relative_to(source)
        place.mkdir(parents=True)
        for name in files:
            file = Path(base) / name
            if not file.is_file() or file.is_symlink():
                continue
            entries -= 1
            left -= file.stat().st_size
            if left < 0 or entries < 0:
                raise TooLarge("The plugin's folder is too large.")
            shutil.copyfile(file, place / name)
    return plugin_root(target)


def checked_address(address: str, settings: PluginSettings) -> str:
    """A Git address that may be fetched.

    ``owner/name`` stands for a GitHub repository.

    Raises:
        BadRequest: A scheme that is not allowed, credentials in the address, or something that is no address at all.
    """
    address = address.strip()
    if re.fullmatch(r"[\w-]+/[\w.-]+", address, re.ASCII):
        address = f"https://github.com/{address}"
    parts = urlsplit(address)
    if parts.scheme not in settings.git_schemes:
        allowed = ", ".join(settings.git_schemes)
        raise BadRequest(f"Plugins are installed from addresses that begin with: {allowed}.")
    if parts.username or parts.password:
        raise BadRequest("The address holds a user name or password; use Git's credential helper instead.")
    if parts.scheme != "file" and not parts.hostname:
        raise BadRequest("The address names no host.")
    if any(character.isspace() or not character.isprintable() for character in address):
        raise BadRequest("The address holds blanks.")
    return address.split("#", 1)[0].rstrip("/")


def directory_from_address(address: str) -> str:
    """A name for the plugin until its metadata is read: the last part of the address."""
    name = urlsplit(address).path.rstrip("/").rsplit("/", 1)[-1].removesuffix(".git")
    match = _NESTED_NAME.fullmatch(name)
    return name if match else "plugin"


async def clone(address: str, target: Path, settings: PluginSettings) -> Path:
    """Fetch a repository's newest state into ``target`` (must be new).

    Raises:
        PluginError: Git is missing, failed, or took too long.
        TooLarge: The repository is larger than a plugin may be.
    """
    git = shutil.which("git")
    if git is None:
        raise PluginError("Git is not installed on this machine. Install it, or upload the plugin as a ZIP file.")
    target.parent.mkdir(parents=True, exist_ok=True)
    network = [] if settings.git_private_addresses else await _pinned(address)
    # No prompts, no hooks, no submodules, no other protocols than the one that was checked.
    environment = {
        **os.environ,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": ":".join(settings.git_schemes),
        "GIT_CONFIG_NOSYSTEM": "0",
    }
    arguments = ("-c", "core.hooksPath=/dev/null", "-c", "core.symlinks=false", "clone", "--depth", "1")
    process = await asyncio.create_subprocess_exec(
        git,
        *network,
        *arguments,
        "--single-branch",
        "--no-recurse-submodules",
        "--",
        address,
        str(target),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
    )
    try:
        async with asyncio.timeout(settings.install_timeout):
            _, errors = await process.communicate()
    except TimeoutError:
        raise PluginError(f"Fetching the plugin took longer than {settings.install_timeout:g} s.") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode:
        reason = errors.decode(errors="replace").strip().splitlines()
        raise PluginError(f"Git could not fetch the plugin: {reason[-1] if reason else process.returncode}")
    await asyncio.to_thread(_check_checkout, target, settings)
    return plugin_root(target)


async def _pinned(address: str) -> list[str]:
    """Options that make Git connect to the very address that was found to be public, and to no other.

    Raises:
        AddressRefused: The host is on this machine or in a private network.
        PluginError: The host is not known.
    """
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return []
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if any(os.environ.get(name) for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")):
        return ["-c", "http.followRedirects=false"]  # the proxy resolves names, and decides what it reaches
    try:
        async with asyncio.timeout(LOOKUP):
            found = await asyncio.get_running_loop().getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError) as error:
        raise PluginError(f"The host {parts.hostname} is not known. Check the address and the network.") from error
    public = [str(entry[4][0]) for entry in found if is_public(str(entry[4][0]))]
    if not public:
        raise AddressRefused
    where = f"[{public[0]}]" if ":" in public[0] else public[0]
    return [
        *("-c", f"http.curloptResolve={parts.hostname}:{port}:{where}"),
        *("-c", "http.followRedirects=false"),
    ]


def _check_checkout(target: Path, settings: PluginSettings) -> None:
    shutil.rmtree(target / ".git", ignore_errors=True)
    left = settings.unpacked_bytes
    for base, _, files in os.walk(target, followlinks=False):
        for name in files:
            file = Path(base) / name
            if file.is_symlink():
                file.unlink()
                continue
            left -= file.stat().st_size
            if left < 0:
                raise TooLarge("The plugin's repository is too large.")

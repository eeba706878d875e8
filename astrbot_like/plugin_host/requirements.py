"""Third-party packages of plugins: what is missing is installed into the data directory's own ``site-packages``.

The program's own packages are never touched: their versions are constraints, and what they already satisfy is not
installed a second time.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import importlib.metadata
import json
import logging
import os
import re
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import msgspec
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from astrbot_like.domain.errors import BotError, Conflict, PluginError
from astrbot_like.plugin_host.settings import PluginSettings

log = logging.getLogger(__name__)

FILE_NAME = "requirements.txt"
LARGEST_FILE = 256 * 1024
QUOTED_LINES = 12

SHIPPED_BY_ASTRBOT = {
    "aiocqhttp": "aiocqhttp",
    "anthropic": "anthropic",
    "botpy": "qq-botpy",
    "bs4": "beautifulsoup4",
    "certifi": "certifi",
    "chardet": "chardet",
    "dashscope": "dashscope",
    "deprecated": "deprecated",
    "dingtalk_stream": "dingtalk-stream",
    "discord": "py-cord",
    "docx": "python-docx",
    "faiss": "faiss-cpu",
    "fastapi": "fastapi",
    "filelock": "filelock",
    "google": "google-genai",
    "google.genai": "google-genai",
    "jieba": "jieba",
    "lark_oapi": "lark-oapi",
    "loguru": "loguru",
    "markitdown": "markitdown",
    "openai": "openai",
    "openpyxl": "openpyxl",
    "ormsgpack": "ormsgpack",
    "pandas": "pandas",
    "psutil": "psutil",
    "pyotp": "pyotp",
    "pypdf": "pypdf",
    "pysilk": "silk-python",
    "qrcode": "qrcode",
    "rank_bm25": "rank-bm25",
    "reportlab": "reportlab",
    "requests": "requests",
    "slack_sdk": "slack-sdk",
    "socks": "pysocks",
    "sqlmodel": "sqlmodel",
    "telegram": "python-telegram-bot",
    "telegramify_markdown": "telegramify-markdown",
    "tenacity": "tenacity",
    "watchfiles": "watchfiles",
    "websockets": "websockets",
    "wechatpy": "wechatpy",
    "xlrd": "xlrd",
}
"""Module → package that AstrBot brings and plugins therefore don't list: installed when a plugin asks for it."""


class Need(msgspec.Struct, frozen=True):
    """One line of a requirements file that is not satisfied.

    Attributes:
        line: As written.
        name: Canonical name of the package; empty for an address.
        found: The version that is installed but does not fit; empty: none is installed.
        core: Whether that version is the program's own.
    """

    line: str
    name: str
    found: str = ""
    core: bool = False


def requirement_lines(folder: Path) -> list[str]:
    """Requirement lines of the plugin, without comments and options; empty when there is no file.

    Raises:
        PluginError: The file can't be read.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        return []
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise PluginError(f"{FILE_NAME} of {folder.name} is too large.", folder.name)
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise PluginError(f"{FILE_NAME} of {folder.name} can't be read: {error}", folder.name) from error
    joined = text.replace("\\\n", " ")
    lines = (re.sub(r"(^|\s)#.*$", "", line).strip() for line in joined.splitlines())
    return [line for line in lines if line and not line.startswith("-")]


class Requirements:
    """Checks and installs what plugins need.

    One installation runs at a time: two pips in one folder would damage it.

    Args:
        target: The data directory's own package folder.
        settings: Deadline, pip's further arguments.
    """

    def __init__(self, target: Path, settings: PluginSettings) -> None:
        self._target = target
        self._settings = settings
        self._lock = asyncio.Lock()

    @property
    def target(self) -> Path:
        """Where packages are installed."""
        return self._target

    def activate(self) -> None:
        """Put the folder at the end of the import path: the program's own packages win."""
        place = str(self._target)
        if place not in sys.path:
            sys.path.append(place)

    def deactivate(self) -> None:
        """Take it off the import path again."""
        with contextlib.suppress(ValueError):
            sys.path.remove(str(self._target))

    def unmet(self, lines: Iterable[str], plugin: str) -> list[Need]:
        """Lines that no installed package satisfies. Reads the disk; call it in a thread.

        Raises:
            PluginError: A line that is no requirement.
        """
        core, own = _versions(_core_path(self._target)), _versions([str(self._target)])
        needs: list[Need] = []
        for line in lines:
            need = _unmet(line, core, own, plugin)
            if need is not None:
                needs.append(need)
        return needs

    async def ensure(self, folder: Path, *, plugin: str = "", module: str = "", tolerant: bool = False) -> list[str]:
        """Install what the plugin in ``folder`` needs and lacks.

        Args:
            folder: The plugin's.
            plugin: Its name; empty: the folder's.
            module: A module that it could not import, listed or not.
            tolerant: Pass over requirements that clash with the program's own packages or can't be installed: a plugin
                that is there already often works all the same.

        Returns:
            The requirement lines that were installed.

        Raises:
            Conflict: A requirement contradicts the version of a package that the program itself uses.
            PluginError: pip failed or took too long; the text says why.
        """
        plugin = plugin or folder.name
        lines = await asyncio.to_thread(requirement_lines, folder)
        if module in SHIPPED_BY_ASTRBOT:
            lines.append(SHIPPED_BY_ASTRBOT[module])
        needs = await asyncio.to_thread(self.unmet, lines, plugin) if lines else []
        if not needs:
            return []
        clashes = [need for need in needs if need.core]
        if clashes and tolerant:
            needs = [need for need in needs if not need.core]
            log.warning(
                "plugin asks for other versions of the program's packages",
                extra={"plugin": plugin, "requirements": [need.line for need in clashes]},
            )
        elif clashes:
            listed = "; ".join(f"{need.line} (the program uses {need.name} {need.found})" for need in clashes)
            raise Conflict(f"{plugin} asks for packages in versions that clash with the program's own: {listed}.")
        if not needs:
            return []
        if not self._settings.install_requirements:
            wanted = ", ".join(need.line for need in needs)
            raise PluginError(f"{plugin} needs packages, and installing them is switched off: {wanted}", plugin)
        lines = list(dict.fromkeys(need.line for need in needs))
        async with self._lock:
            try:
                await self._install(lines, plugin)
            except (PluginError, Conflict):
                if not tolerant or len(lines) == 1:
                    raise
                lines = await self._one_by_one(lines, plugin)
        importlib.invalidate_caches()
        return lines

    async def _one_by_one(self, lines: list[str], plugin: str) -> list[str]:
        """Install what can be: one wrong line (a module of the standard library, say) must not spoil the rest."""
        installed: list[str] = []
        problem: BotError | None = None
        for line in lines:
            try:
                await self._install([line], plugin)
                installed.append(line)
            except (PluginError, Conflict) as error:
                problem = problem or error
                log.warning("requirement not installed", extra={"plugin": plugin, "requirement": line})
        if problem is not None and not installed:
            raise problem
        return installed

    async def _install(self, lines: list[str], plugin: str) -> None:
        log.info("installing requirements of a plugin", extra={"plugin": plugin, "requirements": lines})
        with tempfile.TemporaryDirectory(prefix="plugin-requirements-") as scratch:
            wanted, constraints, report = (Path(scratch) / name for name in ("wanted.txt", "core.txt", "report.json"))
            wanted.write_text("\n".join(lines) + "\n", "utf-8")
            core = await asyncio.to_thread(_versions, _core_path(self._target))
            constraints.write_text("".join(f"{name}=={version}\n" for name, version in core.items()), "utf-8")
            # First find what has to be added to what is there, then add exactly that: --target alone would install all.
            await self._pip(plugin, "--dry-run", "--report", str(report), "-r", str(wanted), "-c", str(constraints))
            chosen = _chosen(report)
            if not chosen:
                return
            wanted.write_text("\n".join(chosen) + "\n", "utf-8")
            self._target.mkdir(parents=True, exist_ok=True)
            await self._pip(plugin, "--no-deps", "--upgrade", "--target", str(self._target), "-r", str(wanted))

    async def _pip(self, plugin: str, *arguments: str) -> None:
        command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--no-color"]
        command += ["--retries", "2", "--timeout", "15", "--progress-bar", "off"]
        environment = {**os.environ, "PYTHONPATH": str(self._target), "PYTHONIOENCODING": "utf-8"}
        process = await asyncio.create_subprocess_exec(
            *command,
            *self._settings.pip_arguments,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=environment,
        )
        try:
            async with asyncio.timeout(self._settings.install_timeout):
                output, _ = await process.communicate()
        except TimeoutError:
            limit = self._settings.install_timeout
            raise PluginError(
                f"Installing the requirements of {plugin} took longer than {limit:g} s.", plugin
            ) from None
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if process.returncode:
            clash = _clash(output)
            if clash:
                raise Conflict(f"What {plugin} requires clashes with the program's own packages: {clash}")
            raise PluginError(f"pip could not install the requirements of {plugin}: {_reason(output)}", plugin)


def _clash(output: bytes) -> str:
    """pip's words for why versions don't go together; empty when that was not the reason."""
    _, _, told = output.decode(errors="replace").partition("The conflict is caused by:")
    lines = (line.strip() for line in told.splitlines()[1:])
    reasons = [line for line in lines if " depends on " in line or line.startswith("The user requested")]
    return "; ".join(line.replace("The user requested (constraint)", "the program uses") for line in reasons[:6])


def _reason(output: bytes) -> str:
    lines = [line.strip() for line in output.decode(errors="replace").splitlines() if line.strip()]
    telling = [line.removeprefix("ERROR: ") for line in lines if not line.startswith(("WARNING", "[notice]"))]
    text = " / ".join((telling or lines)[-QUOTED_LINES:])
    return re.sub(r"(://)[^/@\s]+@", r"\1", text) or "no reason given"


def _chosen(report: Path) -> list[str]:
    data = json.loads(report.read_text("utf-8"))
    chosen: list[str] = []
    for item in data.get("install", ()):
        name, version = item["metadata"]["name"], item["metadata"]["version"]
        direct = item.get("is_direct", False)
        chosen.append(f"{name} @ {item['download_info']['url']}" if direct else f"{name}=={version}")
    return chosen


def _core_path(target: Path) -> list[str]:
    return [place for place in sys.path if place != str(target)]


def _versions(path: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for distribution in importlib.metadata.distributions(path=path):
        name = distribution.metadata["Name"]
        if name:
            found.setdefault(canonicalize_name(name), distribution.version)
    return found


def _unmet(line: str, core: dict[str, str], own: dict[str, str], plugin: str) -> Need | None:
    try:
        requirement = Requirement(line)
    except InvalidRequirement:
        if re.match(r"^(git\+|https?://|file:|\.{0,2}/)", line):
            return Need(line, "")
        raise PluginError(f"{FILE_NAME} of {plugin} holds a line that is no requirement: {line!r}", plugin) from None
    if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
        return None
    name = canonicalize_name(requirement.name)
    for versions, is_core in ((core, True), (own, False)):
        version = versions.get(name)
        if version is not None:
            fits = requirement.specifier.contains(version, prereleases=True)
            return None if fits and not requirement.url else Need(line, name, version, is_core and not fits)
    return Need(line, name)

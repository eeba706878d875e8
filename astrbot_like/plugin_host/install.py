"""Bringing plugins into ``data/plugins`` and taking them out, without ever leaving half of one there."""

from __future__ import annotations

import asyncio
import logging
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from astrbot_like.domain.errors import BadRequest, Conflict, NotFound, StorageError
from astrbot_like.plugin_host import archives
from astrbot_like.plugin_host.discovery import main_file
from astrbot_like.plugin_host.metadata import PluginMetadata, check_version, read_metadata
from astrbot_like.plugin_host.requirements import Requirements
from astrbot_like.plugin_host.settings import PluginSettings

log = logging.getLogger(__name__)

_STAGING_PREFIX = "plugin-"


class Fetched:
    """A plugin that was fetched and checked and waits beside ``data/plugins``.

    Attributes:
        folder: Where it waits.
        metadata: What it says about itself.
    """

    def __init__(self, folder: Path, metadata: PluginMetadata) -> None:
        self.folder = folder
        self.metadata = metadata


class PluginFolders:
    """The folder of installed plugins.

    Args:
        data_dir: The data directory.
        settings: Limits and schemes.
        requirements: Installs what plugins need.
        api_version: The AstrBot version whose API this host offers.
    """

    def __init__(
        self, data_dir: Path, settings: PluginSettings, requirements: Requirements, *, api_version: str
    ) -> None:
        self._plugins = data_dir / "plugins"
        self._staging = data_dir / "temp" / "plugin-staging"
        self._data_dir = data_dir
        self._settings = settings
        self._requirements = requirements
        self._api_version = api_version

    def config_file(self, directory: str) -> Path:
        """Where a plugin's saved configuration lies."""
        return self._data_dir / "config" / f"{directory}_config.json"

    def data_folder(self, name: str) -> Path:
        """Where a plugin keeps its files."""
        return self._data_dir / "plugin_data" / name

    @asynccontextmanager
    async def fetch(self, source: str | Path) -> AsyncIterator[Fetched]:
        """Fetch a plugin, check it, and install what it requires. What is not moved away is deleted at the end.

        Args:
            source: A ZIP file or folder (``Path``), or an address (Git, ``owner/name`` of GitHub).

        Raises:
            BadRequest: It is no plugin.
            PluginError: Fetching or installing its requirements failed.
        """
        scratch = Path(await asyncio.to_thread(self._scratch))
        try:
            folder = await self._bring(source, scratch / "new")
            yield Fetched(folder, await self._checked(folder))
        finally:
            await asyncio.to_thread(shutil.rmtree, scratch, True)

    async def place(self, fetched: Fetched) -> Path:
        """Move a fetched plugin into ``data/plugins``.

        Raises:
            Conflict: A plugin of that name is there.
        """
        target = self._plugins / fetched.metadata.name
        if await asyncio.to_thread(target.exists):
            raise Conflict(
                f"A plugin named {fetched.metadata.name} is already installed. Update it, or remove it first."
            )
        await asyncio.to_thread(_move, fetched.folder, target)
        return target

    @asynccontextmanager
    async def replace(self, fetched: Fetched, directory: str) -> AsyncIterator[Path]:
        """Put a fetched plugin in the place of an installed one; an error in the block brings the old one back."""
        target = self._plugins / directory
        aside = fetched.folder.parent / f"old-{directory}"
        await asyncio.to_thread(_move, target, aside)
        try:
            await asyncio.to_thread(_move, fetched.folder, target)
            yield target
        except BaseException:
            await asyncio.to_thread(_restore, aside, target)
            raise

    async def delete(self, directory: str, name: str, *, config: bool, data: bool) -> None:
        """Delete an installed plugin's folder, and on request its configuration and its files.

        Raises:
            NotFound: It is not in ``data/plugins``.
        """
        folder = self._plugins / directory
        if not await asyncio.to_thread(folder.is_dir):
            raise NotFound(f"{name} is not in data/plugins; it can be switched off, not removed.")
        await asyncio.to_thread(self._delete, folder, directory, name, config, data)

    def clean(self) -> None:
        """Remove what an interrupted installation left behind."""
        shutil.rmtree(self._staging, ignore_errors=True)

    def _delete(self, folder: Path, directory: str, name: str, config: bool, data: bool) -> None:
        scratch = Path(self._scratch())
        if folder.is_symlink():
            folder.unlink()
        else:
            _move(folder, scratch / "gone")  # at once, so that a half deleted plugin is never found
        shutil.rmtree(scratch, ignore_errors=True)
        if config:
            self.config_file(directory).unlink(missing_ok=True)
        if data:
            for place in {self.data_folder(name), self.data_folder(directory)}:
                shutil.rmtree(place, ignore_errors=True)

    def _scratch(self) -> str:
        try:
            self._staging.mkdir(parents=True, exist_ok=True)
            self._plugins.mkdir(parents=True, exist_ok=True)
            return tempfile.mkdtemp(prefix=_STAGING_PREFIX, dir=self._staging)
        except OSError as error:
            raise StorageError(f"The data directory can't be written: {error.strerror}") from error

    async def _bring(self, source: str | Path, target: Path) -> Path:
        if isinstance(source, Path):
            if await asyncio.to_thread(source.is_dir):
                return await asyncio.to_thread(archives.copy_folder, source, target, self._settings)
            if not await asyncio.to_thread(source.is_file):
                raise NotFound("There is no such plugin archive or folder.")
            return await asyncio.to_thread(archives.unpack, source, target, self._settings)
        address = archives.checked_address(source, self._settings)
        return await archives.clone(address, target / archives.directory_from_address(address), self._settings)

    async def _checked(self, folder: Path) -> PluginMetadata:
        metadata = await asyncio.to_thread(read_metadata, folder)
        if metadata is None:
            raise BadRequest("This is no plugin: it has no metadata.yaml.")
        if not metadata.name.isidentifier():
            raise BadRequest(f"The plugin's name must be usable as a Python name; {metadata.name!r} is not.")
        if not main_file(folder) and not (folder / f"{metadata.name}.py").is_file():
            raise BadRequest("This is no plugin: it has no main.py.")
        check_version(metadata, self._api_version)
        await self._requirements.ensure(folder, plugin=metadata.name)
        return metadata


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(source, target)


def _restore(aside: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    _move(aside, target)

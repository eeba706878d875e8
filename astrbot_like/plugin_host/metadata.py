"""What a plugin says about itself: ``metadata.yaml`` (or ``.yml``)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from astrbot_like.domain.errors import PluginError

FILE_NAMES = ("metadata.yaml", "metadata.yml")
LARGEST_FILE = 1024 * 1024


class PluginMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """A plugin's own description.

    Attributes:
        name: Unique name, by which people and programs call it.
        author: Who wrote it.
        desc: What it does, a sentence or more.
        version: Its version, free text.
        display_name: Name for people; empty: use ``name``.
        short_desc: What it does, in a few words.
        repo: Where its source is; updates come from there.
        support_platforms: Platform adapter types it is made for; empty: all.
        astrbot_version: PEP 440 range of AstrBot versions it works with; empty: any.
        pages: Titles or folders of its dashboard pages.
    """

    name: str
    author: str
    desc: str
    version: str
    display_name: str = ""
    short_desc: str = ""
    repo: str = ""
    support_platforms: tuple[str, ...] = ()
    astrbot_version: str = ""
    pages: tuple[Any, ...] = ()

    @property
    def plugin_id(self) -> str:
        """``author/name`` in lower case, slashes within either replaced: the scope of its stored data."""
        return f"{_id_part(self.author)}/{_id_part(self.name)}"


def find_file(folder: Path) -> Path | None:
    """The folder's metadata file, or None."""
    for name in FILE_NAMES:
        path = folder / name
        if path.is_file():
            return path
    return None


def read_metadata(folder: Path) -> PluginMetadata | None:
    """Read and check a folder's metadata.

    Returns:
        The metadata; None when the folder has no metadata file (old plugins describe themselves with ``@register``).

    Raises:
        PluginError: The file can't be read, or a required field is missing or not a text.
    """
    path = find_file(folder)
    if path is None:
        return None
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise PluginError(f"{path.name} of {folder.name} is too large.", folder.name)
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise PluginError(f"{path.name} of {folder.name} can't be read: {error}", folder.name) from error
    return parse_metadata(text, where=f"{folder.name}/{path.name}", plugin=folder.name)


def parse_metadata(text: str, *, where: str, plugin: str = "") -> PluginMetadata:
    """Check the text of a metadata file.

    Args:
        text: YAML.
        where: What to call the file in errors.
        plugin: The plugin to blame in errors.

    Raises:
        PluginError: Not YAML, or a required field is missing or not a non-empty text.
    """
    import yaml

    try:
        data = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise PluginError(f"{where} is not valid YAML: {' '.join(str(error).split())}", plugin) from error
    if not isinstance(data, dict):
        raise PluginError(f"{where} must hold fields such as name, author, desc and version.", plugin)
    if not data.get("desc") and "description" in data:
        data["desc"] = data["description"]
    return PluginMetadata(
        **{field: _required(data, field, where, plugin) for field in ("name", "author", "desc", "version")},
        **{field: _optional(data, field) for field in ("display_name", "short_desc", "repo", "astrbot_version")},
        support_platforms=tuple(str(item) for item in _list(data, "support_platforms")),
        pages=tuple(_list(data, "pages")),
    )


def check_version(metadata: PluginMetadata, running: str) -> None:
    """Refuse a plugin made for other versions.

    Args:
        metadata: The plugin's.
        running: The AstrBot version whose API this host offers.

    Raises:
        PluginError: The range is malformed or does not include ``running``.
    """
    if not metadata.astrbot_version:
        return
    try:
        wanted = SpecifierSet(metadata.astrbot_version, prereleases=True)
    except InvalidSpecifier as error:
        raise PluginError(
            f"astrbot_version of {metadata.name} is not a version range (PEP 440): {metadata.astrbot_version!r}",
            metadata.name,
        ) from error
    try:
        fits = Version(running) in wanted
    except InvalidVersion as error:
        raise PluginError(f"{running!r} is not a version", metadata.name) from error
    if not fits:
        raise PluginError(
            f"{metadata.name} needs AstrBot {metadata.astrbot_version}; this host offers the API of {running}.",
            metadata.name,
        )


def _required(data: dict[str, Any], field: str, where: str, plugin: str) -> str:
    value = data.get(field)
    if field == "version" and isinstance(value, (int, float)) and not isinstance(value, bool):
        value = str(value)  # an unquoted ``version: 1.0`` is a number in YAML
    if not isinstance(value, str) or not value.strip():
        raise PluginError(f"{where} lacks {field!r} (it must be a non-empty text).", plugin)
    return value.strip()


def _optional(data: dict[str, Any], field: str) -> str:
    value = data.get(field)
    return value.strip() if isinstance(value, str) else ""


def _list(data: dict[str, Any], field: str) -> list[Any]:
    value = data.get(field)
    if isinstance(value, str):
        return [value]
    return value if isinstance(value, list) else []


def _id_part(text: str) -> str:
    return text.lower().replace("/", "_")

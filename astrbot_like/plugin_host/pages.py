"""Dashboard pages and translations that a plugin brings: ``pages/<page>/index.html``, ``.astrbot-plugin/i18n/*.json``.

Layout and names are AstrBot's; see "Plugin Pages" and "Plugin Internationalization" in its documentation for authors.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any, TypeAlias

from astrbot_like.domain.errors import NotFound

log = logging.getLogger(__name__)

PAGES_FOLDER = "pages"
ENTRY_FILE = "index.html"
TRANSLATIONS_FOLDER = Path(".astrbot-plugin", "i18n")
NO_FILE = "This page of the plugin has no such file."
LARGEST_TRANSLATION = 1024 * 1024

Translations: TypeAlias = dict[str, dict[str, Any]]
"""Nested texts by locale, such as ``zh-CN``."""


def page_names(folder: Path) -> list[str]:
    """Names of a plugin's pages: the folders below ``pages/`` that have an ``index.html``. Reads the disk."""
    root = folder / PAGES_FOLDER
    if not root.is_dir():
        return []
    entries = [entry.name for entry in root.iterdir() if not entry.name.startswith(".")]
    return sorted(name for name in entries if (root / name / ENTRY_FILE).is_file())


def page_file(folder: Path, page: str, path: str) -> Path:
    """The file of a page that an address names. Reads the disk.

    Args:
        folder: The plugin's.
        page: Name of the page.
        path: Decoded, relative to the page, with forward slashes; a folder stands for its ``index.html``.

    Raises:
        NotFound: There is none, or the path leads elsewhere (``..``, hidden files, symbolic links to the outside).
    """
    root = folder / PAGES_FOLDER
    wanted = file_within(root, f"{page}/{path.strip('/')}".rstrip("/"), index=ENTRY_FILE)
    if not wanted.is_relative_to((root / page).resolve()):
        raise NotFound(NO_FILE)
    return wanted


def file_within(root: Path, path: str, *, index: str = "") -> Path:
    """The file below ``root`` that a stranger's relative path names. Reads the disk.

    Args:
        index: Name of the file that a folder stands for.

    Raises:
        NotFound: There is none, or the path leads elsewhere (``..``, hidden files, symbolic links to the outside).
    """
    parts = path.split("/")
    if any(not part or part.startswith(".") or "\\" in part or "\0" in part for part in parts):
        raise NotFound(NO_FILE)
    try:
        wanted = root.joinpath(*parts).resolve()
        if index and wanted.is_dir():
            wanted = (wanted / index).resolve()
        inside = wanted.is_relative_to(root.resolve()) and wanted.is_file()
    except (OSError, ValueError) as error:  # a name that no file can have
        raise NotFound(NO_FILE) from error
    if not inside:
        raise NotFound(NO_FILE)
    return wanted


def read_translations(folder: Path) -> Translations:
    """Texts of a plugin by locale; a damaged file is left out and logged. Reads the disk."""
    found: Translations = {}
    root = folder / TRANSLATIONS_FOLDER
    if not root.is_dir():
        return found
    for path in sorted(root.glob("*.json")):
        try:
            if path.stat().st_size > LARGEST_TRANSLATION:
                raise ValueError("larger than a MiB")
            texts = json.loads(path.read_text(encoding="utf-8-sig"))
            if not isinstance(texts, dict):
                raise ValueError("not a JSON object")
        except (OSError, ValueError) as error:
            log.warning(
                "translation of a plugin can't be read",
                extra={"plugin": folder.name, "file": path.name, "reason": str(error)},
            )
            continue
        found[path.stem] = texts
    return found


def translated(texts: Translations, locale: str, key: str) -> str:
    """A text by its dotted key in one locale; empty when there is none."""
    found: Any = texts.get(locale)
    for part in key.split("."):
        if not isinstance(found, dict):
            return ""
        found = found.get(part)
    return found if isinstance(found, str) else ""

"""Where plugins are found: bundled folders, ``data/plugins``, entry points of installed packages."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

log = logging.getLogger(__name__)

ENTRY_POINT_GROUP = "astrbot_like.plugins"
Origin: TypeAlias = Literal["user", "entry_point", "bundled"]


class PluginSource(msgspec.Struct, frozen=True):
    """A folder that holds a plugin.

    Attributes:
        directory: Name of the folder (for an entry point its name): the key by which the host knows the plugin.
        folder: Absolute path.
        main: The file to import.
        origin: How it was found.
    """

    directory: str
    folder: Path
    main: Path
    origin: Origin

    @property
    def bundled(self) -> bool:
        """Whether it comes with the program."""
        return self.origin == "bundled"


def bundled_folder() -> Path | None:
    """The folder of the plugins that come with the program: in the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "bundled_plugins", package.parent / "plugins"):
        if folder.is_dir():
            return folder
    return None


def main_file(folder: Path) -> Path | None:
    """``main.py``, or ``<folder>.py``, or None when there is neither."""
    for name in ("main.py", f"{folder.name}.py"):
        path = folder / name
        if path.is_file():
            return path
    return None


def in_folder(parent: Path, origin: Origin) -> list[PluginSource]:
    """All plugin folders directly below ``parent``, by name."""
    if not parent.is_dir():
        return []
    found: list[PluginSource] = []
    for folder in sorted(parent.iterdir(), key=lambda path: path.name):
        if folder.name.startswith((".", "_")) or not folder.is_dir():
            continue
        main = main_file(folder)
        if main is not None:
            found.append(PluginSource(folder.name, folder.resolve(), main.resolve(), origin))
    return found


def from_entry_points() -> list[PluginSource]:
    """Plugins of installed packages; the entry point names the main module, which stands in a folder of its own."""
    found: list[PluginSource] = []
    for entry in importlib.metadata.entry_points(group=ENTRY_POINT_GROUP):
        file = _module_file(entry.module)
        if file is None:
            log.warning("plugin entry point leads nowhere", extra={"entry_point": entry.name, "target": entry.module})
            continue
        main = main_file(file.parent) if file.name == "__init__.py" else file
        if main is None:
            log.warning("plugin entry point has no main.py", extra={"entry_point": entry.name, "target": entry.module})
            continue
        found.append(PluginSource(entry.name, file.parent, main, "entry_point"))
    return sorted(found, key=lambda source: source.directory)


def discover(user: Path | None, *, bundled: Path | None, entry_points: bool = True) -> list[PluginSource]:
    """All plugins in the order they are loaded: user's, installed packages', bundled.

    A folder in ``data/plugins`` replaces an installed or bundled plugin of the same folder name.
    """
    groups: list[Iterable[PluginSource]] = []
    if user is not None:
        groups.append(in_folder(user, "user"))
    if entry_points:
        groups.append(from_entry_points())
    if bundled is not None:
        groups.append(in_folder(bundled, "bundled"))
    found: dict[str, PluginSource] = {}
    for group in groups:
        for source in group:
            found.setdefault(source.directory, source)
    return list(found.values())


def _module_file(module: str) -> Path | None:
    # Parents are not imported: a plugin must not run before it is loaded, and not under its package's name.
    parts = module.split(".")
    try:
        spec = importlib.util.find_spec(parts[0])
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    roots = [Path(path) for path in spec.submodule_search_locations or ()]
    if not roots:
        return Path(spec.origin).resolve() if spec.origin and len(parts) == 1 else None
    for root in roots:
        base = root.joinpath(*parts[1:])
        for path in (base / "__init__.py", base.with_suffix(".py")):
            if path.is_file():
                return path.resolve()
        if len(parts) == 1 and main_file(base):
            return main_file(base)
    return None

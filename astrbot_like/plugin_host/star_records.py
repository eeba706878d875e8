"""AstrBot's record of a plugin (``StarMetadata``), kept in step with ours."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from astrbot_like.api.star.metadata import StarMetadata
from astrbot_like.plugin_host.records import Plugin

LOGO = "logo.png"


def new_star_metadata(plugin: Plugin) -> StarMetadata:
    """The record of a plugin that is about to be loaded; its modules know its name from their first line on."""
    return StarMetadata(
        name=plugin.name, root_dir_name=plugin.directory, reserved=plugin.source.bundled, activated=False
    )


def fill_star_metadata(plugin: Plugin, handlers: Sequence[str] = ()) -> None:
    """Bring the record up to date.

    Args:
        plugin: Whose.
        handlers: Full names of its handlers, once it is active.
    """
    record, metadata = plugin.star_metadata, plugin.metadata
    if record is None:
        return
    logo = plugin.source.folder / LOGO
    record.name, record.author, record.version = metadata.name, metadata.author, metadata.version
    record.desc, record.short_desc = metadata.desc, metadata.short_desc or None
    record.repo, record.display_name = metadata.repo or None, metadata.display_name or None
    record.support_platforms = list(metadata.support_platforms)
    record.astrbot_version = metadata.astrbot_version or None
    record.i18n = plugin.translations
    record.pages = [page for page in metadata.pages if isinstance(page, dict)]
    record.logo_path = str(logo) if logo.is_file() else None
    record.star_cls_type, record.star_cls = plugin.star_class, plugin.instance
    record.module_path, record.module = plugin.module or None, sys.modules.get(plugin.module)
    record.config = plugin.config
    record.activated = plugin.active
    record.star_handler_full_names = list(handlers)

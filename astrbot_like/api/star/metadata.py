"""What is known about a plugin, and AstrBot's tables of plugins as views of the current host's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from astrbot_like.api.registration import STAR_ATTRIBUTE, StarInfo, current_collector
from astrbot_like.api.views import HostList, HostMapping

if TYPE_CHECKING:
    from astrbot_like.api.config import AstrBotConfig

ClassT = TypeVar("ClassT", bound=type[Any])


@dataclass
class StarMetadata:
    """A plugin.

    Attributes:
        star_cls_type: Its class.
        star_cls: Its instance; None while it is disabled.
        module_path: Name of its main module.
        root_dir_name: Its folder.
        reserved: Part of the installation, not the user's.
        activated: Enabled.
        config: Its configuration, when it has a schema.
        star_handler_full_names: Its handlers.
        pages: Its dashboard pages.
    """

    name: str | None = None
    author: str | None = None
    desc: str | None = None
    short_desc: str | None = None
    version: str | None = None
    repo: str | None = None
    star_cls_type: type[Any] | None = None
    module_path: str | None = None
    star_cls: Any = None
    module: ModuleType | None = None
    root_dir_name: str | None = None
    reserved: bool = False
    activated: bool = True
    config: AstrBotConfig | None = None
    star_handler_full_names: list[str] = field(default_factory=list)
    display_name: str | None = None
    logo_path: str | None = None
    support_platforms: list[str] = field(default_factory=list)
    astrbot_version: str | None = None
    i18n: dict[str, dict[str, Any]] = field(default_factory=dict)
    pages: list[dict[str, Any]] = field(default_factory=list)

    @property
    def plugin_id(self) -> str:
        """``author/name``; owner of its stored values."""
        return plugin_id(self.author, self.name)

    def __str__(self) -> str:
        return f"Plugin {self.name} ({self.version}) by {self.author}: {self.desc}"


def plugin_id(author: str | None, name: str | None) -> str:
    """``author/name`` in lower case, ``/`` within them replaced by ``_``."""

    def part(text: str | None) -> str:
        return (text or "unknown").strip().lower().replace("/", "_")

    return f"{part(author)}/{part(name)}"


def register(
    name: str, author: str, desc: str, version: str, repo: str | None = None, **_: Any
) -> Callable[[ClassT], ClassT]:
    """Say what a plugin is; its metadata file overrides this. Not needed any more, kept for old plugins."""

    def decorator(cls: ClassT) -> ClassT:
        setattr(cls, STAR_ATTRIBUTE, StarInfo(name, author, desc, version, repo))
        collector = current_collector()
        if collector is not None and cls not in collector.stars:
            collector.stars.append(cls)
        return cls

    return decorator


star_map: HostMapping[str, StarMetadata] = HostMapping(lambda host: host.star_map)
"""Main module → plugin, of the current host."""

star_registry: HostList[StarMetadata] = HostList(lambda host: host.stars)
"""The plugins of the current host."""

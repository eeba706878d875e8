"""``register_platform_adapter``, and AstrBot's tables of platform types as views of the current host's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from astrbot_like.api.current import find_host
from astrbot_like.api.incoming import PlatformMetadata
from astrbot_like.api.registration import PlatformRegistration, completed_template, current_collector
from astrbot_like.api.texts import text
from astrbot_like.api.views import HostList, HostMapping

ClassT = TypeVar("ClassT", bound=type[Any])

PLATFORM_ATTRIBUTE = "__astrbot_platform__"
"""Attribute of a registered class: its ``PlatformRegistration``."""


def register_platform_adapter(
    adapter_name: str,
    desc: str,
    default_config_tmpl: dict[str, Any] | None = None,
    adapter_display_name: str | None = None,
    logo_path: str | None = None,
    support_streaming_message: bool = True,
    i18n_resources: dict[str, dict[str, Any]] | None = None,
    config_metadata: dict[str, Any] | None = None,
) -> Callable[[ClassT], ClassT]:
    """Offer a platform adapter class under a type name.

    Args:
        default_config_tmpl: Configuration a new instance starts with; ``type``, ``enable`` and ``id`` are added.
        logo_path: Picture file, relative to the plugin's folder.
        config_metadata: Description of the configuration form.

    Raises:
        ValueError: The type name is taken.
    """

    def decorator(cls: ClassT) -> ClassT:
        host = find_host(cls.__module__)
        if host is not None and adapter_name in host.platform_types:
            raise ValueError(text("platform.duplicate", name=adapter_name))
        meta = PlatformMetadata(
            name=adapter_name,
            description=desc,
            id=adapter_name,
            default_config_tmpl=completed_template(adapter_name, default_config_tmpl),
            adapter_display_name=adapter_display_name,
            logo_path=logo_path,
            support_streaming_message=support_streaming_message,
            module_path=cls.__module__,
            i18n_resources=i18n_resources,
            config_metadata=config_metadata,
        )
        registration = PlatformRegistration(meta, cls)
        setattr(cls, PLATFORM_ATTRIBUTE, registration)
        collector = current_collector()
        if collector is not None:
            collector.platforms.append(registration)
        if host is not None:
            host.platform_types[adapter_name] = registration
        return cls

    return decorator


def _without(host: Any, meta: PlatformMetadata) -> None:
    host.platform_types.pop(meta.name, None)


platform_cls_map: HostMapping[str, type[Any]] = HostMapping(
    lambda host: {name: one.cls for name, one in host.platform_types.items()},
    remove=lambda host, name: host.platform_types.pop(name),
)
"""Type name → adapter class, of the current host."""

platform_registry: HostList[PlatformMetadata] = HostList(
    lambda host: [one.meta for one in host.platform_types.values()], _without
)
"""The registered platform adapters of the current host."""


def unregister_platform_adapters_by_module(module_path_prefix: str) -> list[str]:
    """Drop the adapters that modules with this prefix registered; returns their names."""
    names = [meta.name for meta in platform_registry if (meta.module_path or "").startswith(module_path_prefix)]
    for name in names:
        del platform_cls_map[name]
    return names


__all__ = [
    "PLATFORM_ATTRIBUTE",
    "platform_cls_map",
    "platform_registry",
    "register_platform_adapter",
    "unregister_platform_adapters_by_module",
]

"""``register_provider_adapter``, and AstrBot's tables of provider types as views of the current host's."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from astrbot_like.api.current import find_host
from astrbot_like.api.provider.entities import ProviderMetaData, ProviderType
from astrbot_like.api.registration import ProviderRegistration, completed_template, current_collector
from astrbot_like.api.texts import text
from astrbot_like.api.views import HostList, HostMapping, HostObject

if TYPE_CHECKING:
    from astrbot_like.api.func_tools import FunctionToolManager

ClassT = TypeVar("ClassT", bound=type[Any])

PROVIDER_ATTRIBUTE = "__astrbot_provider__"
"""Attribute of a registered class: its ``ProviderRegistration``."""


def register_provider_adapter(
    provider_type_name: str,
    desc: str,
    provider_type: ProviderType = ProviderType.CHAT_COMPLETION,
    default_config_tmpl: dict[str, Any] | None = None,
    provider_display_name: str | None = None,
) -> Callable[[ClassT], ClassT]:
    """Offer a provider class under a type name.

    Args:
        provider_type_name: Value of ``type`` in the configurations of its instances.
        default_config_tmpl: Configuration a new instance starts with; ``type``, ``enable`` and ``id`` are added.
        provider_display_name: Name shown in the dashboard.

    Raises:
        ValueError: The type name is taken.
    """

    def decorator(cls: ClassT) -> ClassT:
        host = find_host(cls.__module__)
        if host is not None and provider_type_name in host.provider_types:
            raise ValueError(text("provider.duplicate", name=provider_type_name))
        meta = ProviderMetaData(
            id="default",
            model=None,
            type=provider_type_name,
            provider_type=provider_type,
            desc=desc,
            cls_type=cls,
            default_config_tmpl=completed_template(provider_type_name, default_config_tmpl),
            provider_display_name=provider_display_name,
        )
        registration = ProviderRegistration(meta, cls)
        setattr(cls, PROVIDER_ATTRIBUTE, registration)
        collector = current_collector()
        if collector is not None:
            collector.providers.append(registration)
        if host is not None:
            host.provider_types[provider_type_name] = meta
        return cls

    return decorator


provider_cls_map: HostMapping[str, ProviderMetaData] = HostMapping(lambda host: host.provider_types)
"""Type name → registered provider, of the current host."""

provider_registry: HostList[ProviderMetaData] = HostList(
    lambda host: list(host.provider_types.values()),
    lambda host, meta: host.provider_types.pop(meta.type, None),
    lambda host, meta: host.provider_types.__setitem__(meta.type, meta),
)
"""The registered providers of the current host."""

if TYPE_CHECKING:
    llm_tools: FunctionToolManager
else:
    llm_tools = HostObject(lambda host: host.tools)
    """The tool manager of the current host."""


__all__ = [
    "PROVIDER_ATTRIBUTE",
    "llm_tools",
    "provider_cls_map",
    "provider_registry",
    "register_provider_adapter",
]

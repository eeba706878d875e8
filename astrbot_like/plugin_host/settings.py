"""Settings of the plugin host."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta


class PluginSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How plugins are found, guarded and installed. Times are in seconds, sizes in bytes."""

    enabled: Annotated[bool, Meta(description="Load plugins from data/plugins and from installed packages.")] = True
    bundled: Annotated[bool, Meta(description="Load the plugins that come with the program.")] = True
    disabled: Annotated[
        tuple[str, ...], Meta(description="Names of plugins that stay off, whatever the dashboard says.")
    ] = ()
    handler_timeout: Annotated[
        float,
        Meta(gt=0, description="Longest time a message handler may run; waiting for session_waiter counts too."),
    ] = 3600.0
    hook_timeout: Annotated[float, Meta(gt=0, description="Longest time a hook may hold up its turn.")] = 60.0
    start_timeout: Annotated[
        float, Meta(gt=0, description="Longest time for importing a plugin, and again for its initialize().")
    ] = 120.0
    stop_timeout: Annotated[
        float, Meta(gt=0, description="Longest time for a plugin's terminate() and for its tasks to end.")
    ] = 10.0
    web_timeout: Annotated[float, Meta(gt=0, description="Longest time for a plugin's web API to answer.")] = 300.0
    start_patience: Annotated[
        float, Meta(ge=0, description="How long the start of the program waits for plugins that start slowly.")
    ] = 3.0
    loop_lag_limit: Annotated[
        float,
        Meta(ge=0, description="A plugin that blocks the event loop for longer is reported; 0: never."),
    ] = 0.5
    install_requirements: Annotated[
        bool, Meta(description="Install what a plugin's requirements.txt asks for when it is missing.")
    ] = True
    install_timeout: Annotated[
        float, Meta(gt=0, description="Longest time for installing requirements or fetching a plugin.")
    ] = 600.0
    pip_arguments: Annotated[
        tuple[str, ...], Meta(description="Further arguments for pip, such as --index-url and its value.")
    ] = ()
    archive_bytes: Annotated[int, Meta(gt=0, description="Largest plugin archive.")] = 64 * 1024 * 1024
    unpacked_bytes: Annotated[int, Meta(gt=0, description="Largest plugin, unpacked.")] = 512 * 1024 * 1024
    archive_entries: Annotated[int, Meta(gt=0, description="Most entries in a plugin archive.")] = 20_000
    git_schemes: Annotated[
        tuple[str, ...], Meta(description="Schemes of the addresses plugins may be installed from.")
    ] = ("https", "file")
    git_private_addresses: Annotated[
        bool,
        Meta(description="Install plugins from private and loopback addresses, and follow redirects of Git servers."),
    ] = False
    watch_files: Annotated[bool, Meta(description="Reload a plugin when its files change (for authors).")] = False

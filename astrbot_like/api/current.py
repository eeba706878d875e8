"""Which host a module-level name of the plugin API belongs to.

AstrBot offers some things as globals (``logger``, ``sp``, ``astrbot_config``, ``star_map`` …). Here they are proxies
that find the *current host* when used, so that two hosts can run in one process. The host is, in this order: the one
bound to the running context, the one that owns the calling plugin module, the only one that runs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    from astrbot_like.api.services import PluginHost

_current: ContextVar[PluginHost | None] = ContextVar("astrbot_like_current_host", default=None)

# The one piece of process-wide state of the API: which hosts run, so that code on a thread that inherited no context
# still finds its host. Weak: a host that is dropped without ``retire_host`` leaves nothing behind.
_running: WeakSet[PluginHost] = WeakSet()


class NoCurrentHost(RuntimeError):
    """A host-dependent name was used where no host can be found."""

    def __init__(self) -> None:
        super().__init__(
            "No plugin host is active here. Use this name inside a plugin that a host has loaded, "
            "or bind a host with astrbot_like.api.testing."
        )


def announce_host(host: PluginHost) -> None:
    """Make ``host`` findable from contexts that inherited none (threads of plugins)."""
    _running.add(host)


def retire_host(host: PluginHost) -> None:
    """Undo ``announce_host``; unknown hosts are ignored."""
    _running.discard(host)


@contextmanager
def bind_host(host: PluginHost) -> Iterator[None]:
    """Make ``host`` the current one for the block and for the tasks started in it."""
    token = _current.set(host)
    try:
        yield
    finally:
        _current.reset(token)


def find_host(module: str | None = None) -> PluginHost | None:
    """The current host, or None.

    Args:
        module: Name of the calling module, used when no host is bound to the context.
    """
    bound = _current.get()
    if bound is not None:
        return bound
    running = list(_running)
    if module:
        for host in running:
            if host.owns_module(module):
                return host
    return running[0] if len(running) == 1 else None


def current_host(module: str | None = None) -> PluginHost:
    """The current host.

    Raises:
        NoCurrentHost: None can be found.
    """
    host = find_host(module)
    if host is None:
        raise NoCurrentHost
    return host


def caller_module(depth: int = 2) -> str:
    """Name of the module that called, past the API itself and the library code between; empty when there is none.

    Args:
        depth: Frames above this call to begin with.
    """
    try:
        frame = sys._getframe(depth)
    except ValueError:
        return ""
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        if name != "collections.abc" and not name.startswith("astrbot_like.api."):
            return name
        frame = frame.f_back
    return ""


def set_host(host: PluginHost) -> None:
    """Make ``host`` the current one for the rest of the running context (one that was made for a plugin's code)."""
    _current.set(host)

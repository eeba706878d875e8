"""``logger``: goes to the calling plugin's own logger, ``astrbot.plugin.<name>``, else to ``astrbot``."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

from astrbot_like.api.current import find_host

FALLBACK = "astrbot"


def plugin_logger(plugin_name: str) -> logging.Logger:
    """The logger of one plugin."""
    return logging.getLogger(f"{FALLBACK}.plugin.{plugin_name}")


def logger_for_module(module: str) -> logging.Logger:
    """The logger of the plugin that ``module`` belongs to, else the general one."""
    host = find_host(module)
    plugin = host.plugin_of_module(module) if host is not None else None
    if plugin is not None and plugin.name:
        return plugin_logger(plugin.name)
    return logging.getLogger(FALLBACK)


class LogManager:
    """AstrBot's way to get loggers."""

    @classmethod
    def GetLogger(cls, log_name: str = "default") -> logging.Logger:
        """A logger by name; ``default`` is the general one."""
        return logging.getLogger(FALLBACK if log_name == "default" else log_name)

    @classmethod
    def get_plugin_logger(cls, plugin_name: str) -> logging.Logger:
        """The logger of one plugin."""
        return plugin_logger(plugin_name)


class PluginLogger:
    """Stands for the logger of whichever module uses it; every attribute of ``logging.Logger`` works."""

    def __getattr__(self, name: str) -> Any:
        module = str(sys._getframe(1).f_globals.get("__name__", ""))
        return getattr(logger_for_module(module), name)


if TYPE_CHECKING:
    logger: logging.Logger = logging.getLogger(FALLBACK)
else:
    logger = PluginLogger()

"""Settings of the whole installation; only the host reads them, every room is handed its own part."""

from astrbot_like.config.load import Option, load_settings, options
from astrbot_like.config.model import LoggingSettings, ServerSettings, Settings

__all__ = ["LoggingSettings", "Option", "ServerSettings", "Settings", "load_settings", "options"]

"""Where things lie, by AstrBot's function names.

The data directory is that of the current host, else ``data`` below the environment variable ``ASTRBOT_ROOT`` or the
working directory.
"""

from __future__ import annotations

import os
from pathlib import Path

from astrbot_like.api.current import caller_module, find_host


def _data() -> Path:
    host = find_host(caller_module(3))
    if host is not None:
        return host.data_dir
    return Path(os.environ.get("ASTRBOT_ROOT") or Path.cwd()).absolute() / "data"


def get_astrbot_root() -> str:
    """The root directory; it holds the data directory."""
    return str(_data().parent)


def get_astrbot_path() -> str:
    """The directory of the program itself."""
    return str(Path(__file__).parents[2])


def get_astrbot_data_path() -> str:
    """The data directory."""
    return str(_data())


def get_astrbot_config_path() -> str:
    """``<data>/config``."""
    return str(_data() / "config")


def get_astrbot_plugin_path() -> str:
    """``<data>/plugins``."""
    return str(_data() / "plugins")


def get_astrbot_plugin_data_path() -> str:
    """``<data>/plugin_data``."""
    return str(_data() / "plugin_data")


def get_astrbot_temp_path() -> str:
    """``<data>/temp``."""
    return str(_data() / "temp")


def get_astrbot_skills_path() -> str:
    """``<data>/skills``."""
    return str(_data() / "skills")


def get_astrbot_t2i_templates_path() -> str:
    """``<data>/t2i_templates``."""
    return str(_data() / "t2i_templates")


def get_astrbot_webchat_path() -> str:
    """``<data>/webchat``."""
    return str(_data() / "webchat")


def get_astrbot_workspaces_path() -> str:
    """``<data>/workspaces``."""
    return str(_data() / "workspaces")


def get_astrbot_knowledge_base_path() -> str:
    """``<data>/knowledge_base``."""
    return str(_data() / "knowledge_base")


def get_astrbot_backups_path() -> str:
    """``<data>/backups``."""
    return str(_data() / "backups")


def get_astrbot_site_packages_path() -> str:
    """``<data>/site-packages``: where plugins' requirements are installed."""
    return str(_data() / "site-packages")


__all__ = [
    "get_astrbot_backups_path",
    "get_astrbot_config_path",
    "get_astrbot_data_path",
    "get_astrbot_knowledge_base_path",
    "get_astrbot_path",
    "get_astrbot_plugin_data_path",
    "get_astrbot_plugin_path",
    "get_astrbot_root",
    "get_astrbot_site_packages_path",
    "get_astrbot_skills_path",
    "get_astrbot_t2i_templates_path",
    "get_astrbot_temp_path",
    "get_astrbot_webchat_path",
    "get_astrbot_workspaces_path",
]

"""Where things lie, by AstrBot's function names.

The root is that of the current host, else the environment variable ``ASTRBOT_ROOT``, else the working directory.
"""

from __future__ import annotations

import os
from pathlib import Path

from astrbot_like.api.current import caller_module, find_host


def _root() -> Path:
    host = find_host(caller_module(3))
    if host is not None:
        return host.root
    return Path(os.environ.get("ASTRBOT_ROOT") or Path.cwd()).absolute()


def get_astrbot_root() -> str:
    """The root directory; it holds ``data``."""
    return str(_root())


def get_astrbot_path() -> str:
    """The directory of the program itself."""
    return str(Path(__file__).parents[2])


def get_astrbot_data_path() -> str:
    """``<root>/data``."""
    return str(_root() / "data")


def get_astrbot_config_path() -> str:
    """``<root>/data/config``."""
    return str(_root() / "data" / "config")


def get_astrbot_plugin_path() -> str:
    """``<root>/data/plugins``."""
    return str(_root() / "data" / "plugins")


def get_astrbot_plugin_data_path() -> str:
    """``<root>/data/plugin_data``."""
    return str(_root() / "data" / "plugin_data")


def get_astrbot_temp_path() -> str:
    """``<root>/data/temp``."""
    return str(_root() / "data" / "temp")


def get_astrbot_skills_path() -> str:
    """``<root>/data/skills``."""
    return str(_root() / "data" / "skills")


def get_astrbot_t2i_templates_path() -> str:
    """``<root>/data/t2i_templates``."""
    return str(_root() / "data" / "t2i_templates")


def get_astrbot_webchat_path() -> str:
    """``<root>/data/webchat``."""
    return str(_root() / "data" / "webchat")


def get_astrbot_knowledge_base_path() -> str:
    """``<root>/data/knowledge_base``."""
    return str(_root() / "data" / "knowledge_base")


def get_astrbot_backups_path() -> str:
    """``<root>/data/backups``."""
    return str(_root() / "data" / "backups")


def get_astrbot_site_packages_path() -> str:
    """``<root>/data/site-packages``: where plugins' requirements are installed."""
    return str(_root() / "data" / "site-packages")

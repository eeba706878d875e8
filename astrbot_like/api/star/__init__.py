"""Plugins: their base class, the host's services, ``StarTools``."""

from __future__ import annotations

from astrbot_like.api.legacy_config import load_config, put_config, update_config
from astrbot_like.api.star.base import Star
from astrbot_like.api.star.context import Context
from astrbot_like.api.star.metadata import StarMetadata, register
from astrbot_like.api.star.star_tools import StarTools

__all__ = ["Context", "Star", "StarMetadata", "StarTools", "load_config", "put_config", "register", "update_config"]

"""Volcano Engine's speech services."""

from __future__ import annotations

from astrbot_like.api.star import Star

from .speech import VolcengineSpeech

__all__ = ["VolcenginePlugin", "VolcengineSpeech"]


class VolcenginePlugin(Star):
    """Supplies the provider type ``volcengine_tts``."""

"""Volcano Engine's speech services."""

from __future__ import annotations

from astrbot_like.api.star import Star

from .recognition import VolcengineRecogniser
from .speech import VolcengineSpeech

__all__ = ["VolcenginePlugin", "VolcengineRecogniser", "VolcengineSpeech"]


class VolcenginePlugin(Star):
    """Supplies the provider types ``volcengine_tts`` and ``volcengine_stt``."""

"""CosyVoice and Paraformer, Alibaba Cloud's speech services."""

from __future__ import annotations

from astrbot_like.api.star import Star

from .recognition import ParaformerRecogniser
from .speech import CosyVoiceSpeech

__all__ = ["CosyVoiceSpeech", "DashScopePlugin", "ParaformerRecogniser"]


class DashScopePlugin(Star):
    """Supplies the provider types ``dashscope_tts`` and ``dashscope_stt``."""

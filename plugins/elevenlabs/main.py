"""ElevenLabs' speech services."""

from __future__ import annotations

from astrbot_like.api.star import Star

from .recognition import ScribeRecogniser
from .speech import ElevenLabsSpeech

__all__ = ["ElevenLabsPlugin", "ElevenLabsSpeech", "ScribeRecogniser"]


class ElevenLabsPlugin(Star):
    """Supplies the provider types ``elevenlabs_tts_api`` and ``elevenlabs_stt_api``."""

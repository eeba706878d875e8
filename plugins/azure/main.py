"""Azure AI Speech."""

from __future__ import annotations

from astrbot_like.api.star import Star

from .recognition import AzureRecogniser
from .speech import AzureSpeech

__all__ = ["AzurePlugin", "AzureRecogniser", "AzureSpeech"]


class AzurePlugin(Star):
    """Supplies the provider types ``azure_tts`` and ``azure_stt``."""

"""Providers for OpenAI's API and the many servers that speak it."""

from __future__ import annotations

from astrbot_like.api.star import Star

from .chat import OpenAIChat
from .embedding import OpenAIEmbedding
from .responses import OpenAIResponses
from .speech import OpenAISpeech, OpenAIWhisper

__all__ = ["OpenAIChat", "OpenAIEmbedding", "OpenAIPlugin", "OpenAIResponses", "OpenAISpeech", "OpenAIWhisper"]


class OpenAIPlugin(Star):
    """Supplies chat (two APIs), speech recognition, speech and embeddings."""

"""Chat and embeddings by Google's Gemini models."""

from __future__ import annotations

from astrbot_like.api.star import Star

from .chat import GeminiChat
from .embedding import GeminiEmbedding

__all__ = ["GeminiChat", "GeminiEmbedding", "GeminiPlugin"]


class GeminiPlugin(Star):
    """Supplies the provider types ``googlegenai_chat_completion`` and ``gemini_embedding``."""

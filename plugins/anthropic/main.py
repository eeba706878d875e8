"""Chat with Anthropic's models."""

from __future__ import annotations

from astrbot_like.api.star import Star

from .chat import AnthropicChat

__all__ = ["AnthropicChat", "AnthropicPlugin"]


class AnthropicPlugin(Star):
    """Supplies the provider type ``anthropic_chat_completion``."""

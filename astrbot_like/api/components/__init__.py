"""Message components, by family; plugins import them from ``astrbot_like.api.message_components``."""

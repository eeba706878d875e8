"""Filters of handlers; plugins import them from ``astrbot_like.api.event.filter``."""

"""A self-hosted voice-and-chat bot platform."""

__version__ = "0.1.0"

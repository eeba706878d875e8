"""Errors under AstrBot's names."""

from __future__ import annotations


class AstrBotError(Exception):
    """Base of the errors below."""


class ProviderNotFoundError(AstrBotError):
    """No provider fits."""


class EmptyModelOutputError(AstrBotError):
    """The model answered with nothing."""


__all__ = [
    "AstrBotError",
    "EmptyModelOutputError",
    "ProviderNotFoundError",
]

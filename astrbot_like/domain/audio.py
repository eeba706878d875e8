"""Audio as it travels inside the house: raw signed 16-bit little-endian PCM with its format."""

from __future__ import annotations

import msgspec

SAMPLE_WIDTH = 2
"""Bytes of one sample; all audio inside the house is s16le."""

INPUT_RATE = 16_000
"""Sampling rate of audio from clients, in Hz (mono)."""

OUTPUT_RATE = 24_000
"""Default sampling rate of audio to clients, in Hz (mono)."""


class Pcm(msgspec.Struct, frozen=True):
    """A piece of mono s16le audio.

    Attributes:
        data: Whole samples, two bytes each.
        rate: Samples per second.
    """

    data: bytes
    rate: int

    @property
    def seconds(self) -> float:
        """Duration."""
        return len(self.data) / (SAMPLE_WIDTH * self.rate)

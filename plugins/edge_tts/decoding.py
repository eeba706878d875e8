"""MP3 that arrives in pieces, as PCM, without ffmpeg (library miniaudio)."""

from __future__ import annotations

from typing import Any

_STEP = 6 * 1024  # bytes between decodings: about a second of the service's 48 kbit/s
_HELD = 2 * 1152  # samples of two frames: the last ones of a piece may still change


class Mp3Stream:
    """Decodes what is there again with each second of sound and gives what is new: sentences are short.

    Args:
        rate: Hz of the samples wanted (mono, 16 bit).

    Raises:
        ImportError: The library is not there.
    """

    def __init__(self, rate: int) -> None:
        import miniaudio

        self._library: Any = miniaudio
        self._rate = rate
        self._gathered = bytearray()
        self._decoded_at = 0
        self._given = 0

    def feed(self, mp3: bytes) -> bytes:
        """Take in a piece; the samples that are final by now."""
        self._gathered += mp3
        if len(self._gathered) - self._decoded_at < _STEP:
            return b""
        self._decoded_at = len(self._gathered)
        return self._new(_HELD)

    def close(self) -> bytes:
        """The remaining samples."""
        return self._new(0) if self._gathered else b""

    def _new(self, held: int) -> bytes:
        signed16 = self._library.SampleFormat.SIGNED16
        decoded = self._library.decode(
            bytes(self._gathered), output_format=signed16, nchannels=1, sample_rate=self._rate
        )
        end = max(self._given, len(decoded.samples) - held)
        new = decoded.samples[self._given : end]
        self._given = end
        return new.tobytes()

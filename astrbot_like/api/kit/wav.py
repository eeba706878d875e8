"""WAV headers for PCM that services send bare, and PCM out of WAV."""

from __future__ import annotations

import struct

HEADER_BYTES = 44


def wav_header(sample_rate: int, data_bytes: int, *, channels: int = 1, width: int = 2) -> bytes:
    """The 44-byte header of PCM WAV (Microsoft's RIFF layout).

    Args:
        sample_rate: Hz.
        data_bytes: Length of the samples that follow.
        channels: Interleaved channels.
        width: Bytes a sample.
    """
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF", 36 + data_bytes, b"WAVE", b"fmt ", 16, 1, channels, sample_rate,
        sample_rate * channels * width, channels * width, width * 8, b"data", data_bytes,
    )  # fmt: skip


def wav_bytes(pcm: bytes, sample_rate: int, *, channels: int = 1, width: int = 2) -> bytes:
    """PCM samples as a WAV file."""
    return wav_header(sample_rate, len(pcm), channels=channels, width=width) + pcm


def read_wav(data: bytes) -> tuple[bytes, int, int, int]:
    """Samples, rate in Hz, channels and bytes a sample of a PCM WAV file.

    A data chunk of unknown length (0 or 0xFFFFFFFF, as streaming services write) reaches to the end.

    Raises:
        ValueError: It is no PCM WAV file.
    """
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise ValueError("no WAV file")
    position, rate, channels, width = 12, 0, 0, 0
    while position + 8 <= len(data):
        name, size = data[position : position + 4], int.from_bytes(data[position + 4 : position + 8], "little")
        start = position + 8
        if name == b"fmt ":
            kind, channels, rate = struct.unpack_from("<HHI", data, start)
            width = struct.unpack_from("<H", data, start + 14)[0] // 8
            if kind not in (1, 0xFFFE):
                raise ValueError("a WAV file that is not PCM")
        elif name == b"data":
            if not rate:
                raise ValueError("a WAV file without a format")
            end = len(data) if size in (0, 0xFFFFFFFF) or start + size > len(data) else start + size
            return data[start:end], rate, channels, width
        position = start + size + (size & 1)
    raise ValueError("a WAV file without samples")


class WavStream:
    """The samples of a 16-bit mono WAV file that arrives in pieces.

    Attributes:
        sample_rate: Hz, 0 until the header is there.
    """

    def __init__(self) -> None:
        self.sample_rate = 0
        self._head = b""

    def feed(self, chunk: bytes) -> bytes:
        """The samples in this piece; nothing until the header is complete.

        Raises:
            ValueError: It is no 16-bit mono WAV file.
        """
        if self.sample_rate:
            return chunk
        self._head += chunk
        start = self._head.find(b"data", 12)
        if len(self._head) < 12 or (start < 0 and len(self._head) < 4096) or len(self._head) < start + 8:
            return b""
        pcm, rate, channels, width = read_wav(self._head)
        if channels != 1 or width != 2:
            raise ValueError("not 16-bit mono")
        self.sample_rate, self._head = rate, b""
        return pcm

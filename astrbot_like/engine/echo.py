"""Whether sound at the microphone is the bot's own voice, by the sound itself.

Words are a poor witness: a recogniser mishears what comes back from a loudspeaker. But what was sent is known, so the
sound is compared with it: the loudness of a few bands of frequency over time, at every delay that is possible. The mean
of each band is taken away, and with it what loudspeaker, room and microphone do to the sound.
"""

# NumPy's own annotations are only partly known to a strict check.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

from astrbot_like.domain.audio import INPUT_RATE, SAMPLE_WIDTH

EchoVerdict: TypeAlias = Literal["yes", "maybe", "no"]

ECHO_EARLIEST = 0.4
"""Seconds of sound from which on the verdict means something."""
ECHO_SURE = 1.5
"""Seconds of sound from which on it is never ``maybe``."""
_LIMITS = ((ECHO_EARLIEST, 0.9), (0.8, 0.82), (1.0, 0.74), (ECHO_SURE, 0.62))
"""Likeness that is echo, by length: two voices may say a word alike, but hardly a sentence. Measured: echo through a
loudspeaker in a noisy room 0.64 to 0.78, other sentences of the same synthetic voice at most 0.8 / 0.7 / 0.55."""
_STILL = 0.5
"""Likeness that continues a known echo."""

_STEP = 0.016
_WINDOW = 0.032
_EDGES = (100, 250, 400, 550, 700, 900, 1100, 1400, 1700, 2100, 2600, 3200, 3900)
"""Borders of the bands in Hz; telephone speech has all of them."""
_SILENCE = 0.5
"""Seconds of silence before speech that may be part of what is compared."""
_FLOOR = 1e-7
"""Power under which sound is silence: rounding and gated noise look alike there."""


class EchoMemory:
    """The sound of what the bot said lately. Some 5 KiB for each second.

    Args:
        seconds: How far back it reaches.
    """

    __slots__ = ("_kept", "_left", "_rate", "_shapes")

    def __init__(self, seconds: float) -> None:
        self._kept = int(seconds / _STEP)
        self._shapes: Floats | None = None
        self._left = b""
        self._rate = 0

    def said(self, pcm: bytes, rate: int) -> None:
        """Speech was sent: mono s16le at ``rate``."""
        import numpy as np

        if rate != self._rate:
            self._left, self._rate = bytes(int(_SILENCE * rate) * SAMPLE_WIDTH), rate
        pcm = self._left + pcm
        new = _shape(pcm, rate)
        # The last window overlaps the next piece.
        self._left = pcm[len(new) * _hop(rate) * 2 :]
        shapes = new if self._shapes is None else np.concatenate([self._shapes, new])
        self._shapes = shapes[-self._kept :]

    def silence(self) -> None:
        """Nothing was to be heard before what is said next."""
        if self._rate:
            self.said(bytes(int(_SILENCE * self._rate) * SAMPLE_WIDTH), self._rate)

    def likeness(self, pcm: bytes) -> float:
        """How alike some heard sound is to the likeliest stretch of what was said, -1 to 1.

        Args:
            pcm: 16 kHz mono s16le; from 0.3 s on the answer means something.
        """
        import numpy as np

        if self._shapes is None:
            return 0.0
        heard = _shape(pcm, INPUT_RATE)
        length = len(heard)
        if length < 8 or len(self._shapes) < length:
            return 0.0
        heard = heard - heard.mean(axis=0)
        norm = float(np.sqrt((heard * heard).sum()))
        if norm < 1e-3:
            return 0.0
        windows = np.lib.stride_tricks.sliding_window_view(self._shapes, length, axis=0)
        found = np.einsum("wbt,tb->w", windows, heard, optimize=True)
        mean = windows.mean(axis=2)
        energy = np.einsum("wbt,wbt->w", windows, windows) - length * (mean * mean).sum(axis=1)
        return float((found / (np.sqrt(np.maximum(energy, 1e-6)) * norm)).max())

    def verdict(self, pcm: bytes, *, known: bool = False) -> EchoVerdict:
        """Whether some heard sound is what was said.

        Args:
            pcm: 16 kHz mono s16le, the last of it at least ``ECHO_EARLIEST`` long.
            known: The sound before it was echo.
        """
        seconds = len(pcm) / (SAMPLE_WIDTH * INPUT_RATE)
        if seconds < ECHO_EARLIEST:
            return "no"
        likeness = self.likeness(pcm)
        if likeness >= (_STILL if known else _limit(seconds)):
            return "yes"
        return "maybe" if likeness >= _LIMITS[-1][1] and seconds < ECHO_SURE else "no"


def _limit(seconds: float) -> float:
    for (start, high), (end, low) in pairwise(_LIMITS):
        if seconds < end:
            return high + (low - high) * (seconds - start) / (end - start)
    return _LIMITS[-1][1]


def _hop(rate: int) -> int:
    return int(rate * _STEP)


def _shape(pcm: bytes, rate: int) -> Floats:
    """Logarithms of the power in each band, one row for each step."""
    import numpy as np

    size, hop = int(rate * _WINDOW), _hop(rate)
    samples = np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32768.0)
    if len(samples) < size:
        return np.zeros((0, len(_EDGES) - 1), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[::hop]
    power = np.abs(np.fft.rfft(frames * np.hanning(size).astype(np.float32), axis=1)) ** 2 / (size * size)
    borders = [int(edge * size / rate) for edge in _EDGES]
    bands = np.add.reduceat(power, borders, axis=1)[:, :-1]
    return np.log10(bands + _FLOOR).astype(np.float32)

"""Where in the audio there is voice, by its energy; silence is kept from the decoders.

In silence the models hear words, and the cepstral mean drifts away from the speaker's. What is decoded is the voice
with a margin on either side, for its soft first and last sounds; a long pause within it becomes a short one.
"""

from __future__ import annotations

from collections import deque
from typing import Any

FRAME = 160
"""Samples, 10 ms."""
_FRAMES_BEFORE = 25
"""Kept before a voice."""
_FRAMES_AFTER = 35
"""Kept after it."""
_INAUDIBLE = 25.0
_FEWEST_VOICED_FRAMES = 6
_LEAST_DYNAMIC = 2.0
"""Loud over quiet frames; hum and steady noise have less, and no words."""
_SOFT = 0.1
"""Voice has at least this share of the loudest frames' level."""
_OVER_FLOOR = 2.5
"""Voice is so much louder than what is always there."""
_HALF = 0.5
"""But what is so loud is voice in any case."""


class Heard:
    """Audio that was looked at.

    Attributes:
        voiced: Its frames with voice, one after the other; None when there is next to none.
        begins: Where the first of them begins, in samples; the length of all when there is none.
        threshold: Level from which a frame is voice.
    """

    __slots__ = ("begins", "threshold", "voiced")

    def __init__(self, np: Any, samples: Any) -> None:
        frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
        self.voiced: Any = None
        self.begins = len(samples)
        self.threshold = _INAUDIBLE
        if len(frames) < _FEWEST_VOICED_FRAMES:
            return
        levels = levels_of(np, frames)
        # Clicks are shorter than the frames that are counted here, and however long a silence, it does not weigh in.
        loud = float(np.partition(levels, -_FEWEST_VOICED_FRAMES)[-_FEWEST_VOICED_FRAMES])
        floor = float(np.percentile(levels, 10))
        if loud < _INAUDIBLE or loud < _LEAST_DYNAMIC * floor:
            return
        self.threshold = min(max(_SOFT * loud, _OVER_FLOOR * floor), _HALF * loud)
        found = levels > self.threshold
        if int(found.sum()) >= _FEWEST_VOICED_FRAMES:
            self.voiced = frames[found].reshape(-1)
            self.begins = int(found.argmax()) * FRAME


class Gate:
    """Lets voice through and holds silence back.

    Args:
        threshold: Level from which a frame is voice.
    """

    def __init__(self, np: Any, threshold: float) -> None:
        self._np = np
        self._threshold = threshold
        self._rest = np.zeros(0, "<i2")
        self._held: deque[Any] = deque(maxlen=_FRAMES_BEFORE)
        self._quiet = _FRAMES_AFTER

    def push(self, samples: Any) -> Any:
        """What of the audio so far is to be decoded next."""
        np = self._np
        samples = np.concatenate([self._rest, samples])
        whole = len(samples) // FRAME * FRAME
        self._rest = samples[whole:]
        frames = samples[:whole].reshape(-1, FRAME)
        let_through: list[Any] = []
        for frame, voice in zip(frames, levels_of(np, frames) > self._threshold, strict=True):
            if voice:
                let_through += self._held
                self._held.clear()
                self._quiet = 0
            elif self._quiet >= _FRAMES_AFTER:
                self._held.append(frame)
                continue
            else:
                self._quiet += 1
            let_through.append(frame)
        return np.concatenate(let_through) if let_through else samples[:0]


def levels_of(np: Any, frames: Any) -> Any:
    """Root mean square of each frame."""
    return np.sqrt((frames.astype(np.float32) ** 2).mean(axis=1))

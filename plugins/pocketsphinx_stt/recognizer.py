"""Recognition of one utterance with two language models side by side.

What was measured to matter (``tests/unit/test_pocketsphinx_stt.py`` keeps the table):

- The acoustic model was trained on recordings of rooms. Synthetic or gated audio has digital silence and no floor,
  which ruins the cepstral mean; a little noise, 31 dB under speech, halves the word errors on synthetic speech.
- The cepstral mean is only learned over many seconds. An assistant hears one or two, so the mean is measured on the
  first moments of voice and given to the decoders, which start then and catch up faster than real time.
- The general English model hears "what i read it" for "what time is it". A second, small model of what people say to an
  assistant hears it right, but would hear assistant sentences in everything. Of the two the surer one is taken, by
  the posterior probabilities of their words and by how usual the word pairs are.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from phrases import Likeness, Phrases, write_language_model
from quiet import Gate, Heard, levels_of

RATE = 16_000
_STEP = 1600
_LEVEL = 1500.0
"""Root mean square that speech is brought to."""
_FLOOR = 40.0
"""Root mean square of the noise that is added."""
_VOICE_WANTED = 12_800
"""Samples of voice on which level and cepstral mean are measured."""
_LONGEST_WAIT = 3 * RATE
"""Samples after the first voice at which decoding begins in any case."""
_BEFORE_VOICE = RATE
"""Samples kept of the time before anybody speaks: the noise of the room is measured on them."""
_PAUSE = RATE // 5
"""Samples of quiet after a little voice at which decoding begins too: whether the turn is over hangs on the words."""
_VOICE_BEFORE_PAUSE = RATE // 4
_LOOK_FIRST = _VOICE_BEFORE_PAUSE + _PAUSE
_PAD = int(0.3 * RATE)
_LOUDEST_GAIN = 40.0
_FILLERS = ("<", "[", "+")
_LIKENESS_WEIGHT = 1.5
_LIKENESS_WANTED = 0.85
_CERTAIN = -0.35
_CERTAIN_WORDS = 3
"""From here on a usual sentence of the assistant's is taken without waiting for the general model."""
_UNSURE = -1.9
"""Mean logarithm of word posteriors under which nothing was understood."""


class Result(NamedTuple):
    """What one model heard: text, and the mean decimal logarithm of its words' posterior probabilities."""

    text: str
    sureness: float


class Recognizer:
    """Two decoders and what decides between them. Made once in a process; one utterance at a time.

    Args:
        folder: Where the assistant's language model is written to.
        phrases: Further sentences that are likely to be said.
        options: Decoder options of pocketsphinx, such as ``beam`` or ``lw``, or another ``hmm``, ``lm`` and ``dict``.
    """

    def __init__(self, folder: Path, phrases: Sequence[str] = (), options: dict[str, Any] | None = None) -> None:
        import numpy as np
        from pocketsphinx import Decoder

        options = dict(options or {})
        sentences = Phrases(Path(__file__).with_name("phrases.txt")).sentences()
        self._general: Any = Decoder(samprate=RATE, loglevel="FATAL", **options)
        known = [p for p in (_plain(phrase) for phrase in phrases) if p and self._knows(p)]
        self._likeness = Likeness([*sentences, *known])
        model = folder / "assistant.lm"
        write_language_model(sentences, known, model)
        self._assistant: Any = Decoder(samprate=RATE, loglevel="FATAL", **{**options, "lm": str(model)})
        self._start_mean: str = self._assistant.get_cmn(False)
        noise = np.random.default_rng(1).normal(0.0, _FLOOR, 4 * RATE)
        self._noise = np.clip(noise, -32768, 32767).astype(np.float32)
        self._np = np
        self._active = False
        self._general_open = False
        self._behind: deque[bytes] = deque()
        self._clear()

    def _knows(self, phrase: str) -> bool:
        return all(self._general.lookup_word(word) is not None for word in phrase.split())

    # --- one utterance -------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin an utterance; an open one is dropped."""
        self.abort()

    def push(self, pcm: bytes) -> None:
        """Add 16 kHz mono s16le audio."""
        samples = self._np.frombuffer(pcm, "<i2")
        self._waiting.append(samples)
        self._waiting_samples += len(samples)
        if self._active:
            self._decode_waiting()
        elif self._waiting_samples >= self._look_at:
            self._try_to_begin()

    def partial(self) -> str:
        """What was heard so far; empty before anything was."""
        if not self._active:
            return ""
        assistant, general = _heard(self._assistant), _heard(self._general)
        words = assistant.split()
        begun = self._likeness.of(assistant) * (len(words) + 1) / max(len(words), 1) if words else 0.0
        return assistant if begun >= _LIKENESS_WANTED else general

    def finish(self, dropped: Callable[[], bool] = lambda: False) -> str:
        """The text; empty when no speech was heard.

        Args:
            dropped: Asked now and then; once nobody wants the text any more an empty one is given, for ``abort``.
        """
        np = self._np
        if not self._active:
            heard = Heard(np, np.concatenate(self._waiting) if self._waiting else np.zeros(0, "<i2"))
            if heard.voiced is None:
                self._clear()
                return ""
            self._begin(heard)
        self._decode_waiting()
        self._decode(np.zeros(_PAD, np.float32))
        self._assistant.end_utt()
        self._active = False
        assistant = _result(self._assistant)
        if self._certain(assistant):
            # The general model is slower and may be behind; it would not change anything. It is ended afterwards.
            self._behind.clear()
            self._clear()
            return assistant.text
        while self.work():
            if dropped():
                return ""
        self.tidy()
        general = _result(self._general)
        self._clear()
        return self._choose(assistant, general).text

    def work(self) -> bool:
        """Let the general model catch up by one step; False when it has. Call it whenever there is time."""
        if not self._behind or not self._general_open:
            return False
        self._general.process_raw(self._behind.popleft(), False, False)
        return True

    def tidy(self) -> None:
        """End what the last utterance left open, once its text has been handed over."""
        if self._general_open:
            self._general_open = False
            self._general.end_utt()

    def abort(self) -> None:
        """Drop the utterance."""
        if self._active:
            self._assistant.end_utt()
        self._behind.clear()
        self.tidy()
        self._clear()

    def _clear(self) -> None:
        self._active = False
        self._waiting: list[Any] = []
        self._behind.clear()
        self._waiting_samples = 0
        self._look_at = _LOOK_FIRST
        self._gain = 1.0
        self._noise_at = 0

    # --- level and cepstral mean -----------------------------------------------------------------------

    def _try_to_begin(self) -> None:
        np = self._np
        samples = np.concatenate(self._waiting)
        heard = Heard(np, samples)
        spoken = len(samples) - heard.begins
        if heard.voiced is not None and (
            len(heard.voiced) >= _VOICE_WANTED
            or spoken >= _LONGEST_WAIT
            or (len(heard.voiced) >= _VOICE_BEFORE_PAUSE and _quiet(np, samples[-_PAUSE:], heard.voiced))
        ):
            self._begin(heard)
            self._decode_waiting()
        else:
            samples = samples[max(0, heard.begins - _BEFORE_VOICE) :]
            self._waiting, self._waiting_samples = [samples], len(samples)
            self._look_at = max(_LOOK_FIRST, len(samples) + RATE // 10)

    def _begin(self, heard: Heard) -> None:
        np = self._np
        self._gate = Gate(np, heard.threshold)
        voiced = heard.voiced[:_VOICE_WANTED].astype(np.float32)
        level = float(np.sqrt((voiced * voiced).mean()))
        self._gain = min(_LEVEL / max(level, 1.0), _LOUDEST_GAIN)
        # The mean is measured by a decoder itself, so that it is that of its own features.
        decoder = self._assistant
        decoder.set_cmn(self._start_mean)
        decoder.start_utt()
        decoder.process_raw(self._prepare(voiced), True, False)
        mean = decoder.get_cmn(True)
        decoder.end_utt()
        for decoder in (self._assistant, self._general):
            decoder.set_cmn(mean)
            decoder.start_utt()
        self._active = self._general_open = True
        self._decode(np.zeros(_PAD, np.float32))

    # --- decoding --------------------------------------------------------------------------------------

    def _decode_waiting(self) -> None:
        np = self._np
        waiting, self._waiting, self._waiting_samples = self._waiting, [], 0
        for samples in waiting:
            self._decode(self._gate.push(samples).astype(np.float32))

    def _decode(self, samples: Any) -> None:
        for at in range(0, len(samples), _STEP):
            raw = self._prepare(samples[at : at + _STEP])
            self._assistant.process_raw(raw, False, False)
            self._behind.append(raw)

    def _prepare(self, samples: Any) -> bytes:
        np = self._np
        at = self._noise_at
        if at + len(samples) > len(self._noise):
            at = 0
        self._noise_at = at + len(samples)
        mixed = samples * self._gain + self._noise[at : at + len(samples)]
        return np.clip(mixed, -32768, 32767).astype("<i2").tobytes()

    def _certain(self, assistant: Result) -> bool:
        words = assistant.text.count(" ") + 1
        return words >= _CERTAIN_WORDS and assistant.sureness > _CERTAIN and self._likeness.of(assistant.text) > 0.99

    def _choose(self, assistant: Result, general: Result) -> Result:
        if not assistant.text:
            best = general
        else:
            alike = self._likeness.of(assistant.text) - _LIKENESS_WANTED
            margin = assistant.sureness - general.sureness + _LIKENESS_WEIGHT * alike
            best = assistant if margin > 0.0 or not general.text else general
        return Result("", 0.0) if best.sureness < _UNSURE else best


def _quiet(np: Any, samples: Any, voiced: Any) -> bool:
    """Whether there is none of that voice in the samples."""
    now, voice = levels_of(np, samples.reshape(1, -1)), levels_of(np, voiced.reshape(1, -1))
    return bool(now[0] < 0.1 * voice[0])


def _heard(decoder: Any) -> str:
    found = decoder.hyp()
    return _plain(found.hypstr) if found is not None else ""


def _result(decoder: Any) -> Result:
    text = _heard(decoder)
    posteriors = [s.prob for s in (decoder.seg() or ()) if not s.word.startswith(_FILLERS)]
    if not text or not posteriors:
        return Result("", -math.inf)
    sureness = sum(math.log10(min(max(p, 1e-30), 1.0)) for p in posteriors) / len(posteriors)
    return Result(text, sureness)


def _plain(text: str) -> str:
    words = (word.split("(")[0].strip('.,!?;:"') for word in text.lower().split())
    return " ".join(word for word in words if word and not word.startswith(_FILLERS))

"""Real speech for rows that need a voice: made by the embedded synthesiser."""

from __future__ import annotations

import ctypes

SENTENCE = "What time is it now, please?"
RATE = 16_000


def spoken(text: str = SENTENCE) -> bytes:
    """``text`` as 16 kHz mono s16le, followed by a short pause."""
    import numpy
    import soxr

    samples, rate = _espeak(text)
    resampled = soxr.resample(numpy.frombuffer(samples, dtype=numpy.int16), rate, RATE)
    return resampled.astype(numpy.int16).tobytes() + bytes(RATE // 10 * 2)


def _espeak(text: str) -> tuple[bytes, int]:
    """eSpeak NG through its C interface (speak_lib.h), in synchronous mode."""
    import espeakng_loader

    library = ctypes.CDLL(espeakng_loader.get_library_path())
    synchronous, characters_utf8 = 2, 1
    rate = library.espeak_Initialize(synchronous, 0, espeakng_loader.get_data_path().encode(), 0)
    pieces: list[bytes] = []

    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
    def collect(wave: ctypes._Pointer[ctypes.c_short], count: int, _events: int) -> int:
        if count and wave:
            pieces.append(ctypes.string_at(wave, count * 2))
        return 0

    library.espeak_SetSynthCallback(collect)
    data = text.encode() + b"\0"
    library.espeak_Synth(data, len(data), 0, 0, 0, characters_utf8, None, None)
    library.espeak_Terminate()
    return b"".join(pieces), rate

"""The espeak-ng library through ctypes (its public header: ``speak_lib.h``).

The library keeps its state in globals and is not safe for threads, so each process that speaks has one ``Engine``.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, NamedTuple

_AUDIO_OUTPUT_SYNCHRONOUS = 2
_INITIALIZE_DONT_EXIT = 0x8000
_POS_CHARACTER = 1
_CHARS_UTF8 = 1
_ENDPAUSE = 0x1000
_RATE, _VOLUME, _PITCH, _RANGE, _WORDGAP = 1, 2, 3, 4, 7
_BUFFER_MILLISECONDS = 60

Sink = Callable[[bytes], bool]
"""Takes samples; False stops the speech."""


class Voice(NamedTuple):
    """A voice as the library lists it."""

    id: str
    name: str
    language: str
    gender: str


class _VoiceRecord(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_char_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class EngineError(Exception):
    """The library could not be loaded or refused a call."""


class Engine:
    """The library, initialised.

    Raises:
        EngineError: It could not be loaded.
    """

    def __init__(self) -> None:
        import espeakng_loader

        try:
            library: Any = ctypes.CDLL(espeakng_loader.get_library_path())
        except OSError as error:
            raise EngineError(f"the library could not be loaded: {error}") from error
        library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_VoiceRecord))
        library.espeak_Synth.argtypes = (
            ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint,
            ctypes.c_void_p, ctypes.c_void_p,
        )  # fmt: skip
        self._library = library
        data = espeakng_loader.get_data_path().encode()
        self.rate: int = library.espeak_Initialize(
            _AUDIO_OUTPUT_SYNCHRONOUS, _BUFFER_MILLISECONDS, data, _INITIALIZE_DONT_EXIT
        )
        if self.rate <= 0:
            raise EngineError("the library found no voices")
        self._sink: Sink | None = None
        self._stopped = False
        # Held here: the library keeps only a pointer to it.
        self._callback = _Callback(self._take)
        library.espeak_SetSynthCallback(self._callback)
        self._voice = ""

    def voices(self) -> list[Voice]:
        """All voices, best first for each language."""
        found: list[Voice] = []
        records = self._library.espeak_ListVoices(None)
        index = 0
        while records[index]:
            record = records[index].contents
            # A priority byte, then the language's tag.
            languages = record.languages or b""
            tag = languages[1:].decode("utf-8", "replace")
            gender = {1: "male", 2: "female"}.get(record.gender, "")
            found.append(Voice(tag, (record.name or b"").decode("utf-8", "replace"), tag, gender))
            index += 1
        return found

    def speak(
        self, text: str, sink: Sink, *, voice: str, words_per_minute: int, pitch: int, volume: int, word_gap: int
    ) -> None:
        """Speak ``text`` into ``sink``: s16le mono samples at ``rate``.

        Raises:
            EngineError: There is no such voice, or the library failed.
        """
        library = self._library
        if voice != self._voice:
            self._choose(voice)
        for parameter, value in (
            (_RATE, words_per_minute), (_PITCH, pitch), (_VOLUME, volume), (_WORDGAP, word_gap),
        ):  # fmt: skip
            library.espeak_SetParameter(parameter, value, 0)
        self._sink, self._stopped = sink, False
        data = text.encode("utf-8") + b"\0"
        try:
            result = library.espeak_Synth(data, len(data), 0, _POS_CHARACTER, 0, _CHARS_UTF8 | _ENDPAUSE, None, None)
        finally:
            self._sink = None
        if result != 0 and not self._stopped:
            raise EngineError(f"the library failed with code {result}")

    def _choose(self, voice: str) -> None:
        self._voice = ""
        # Most voices are files of their own name; some are only languages of a file ("en-gb" of "en").
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            language = voice.split("+")[0]
            wanted = _VoiceRecord(languages=language.encode())
            known = any(one.language == language for one in self.voices())
            if not known or self._library.espeak_SetVoiceByProperties(ctypes.byref(wanted)) != 0:
                raise EngineError(f"there is no voice {voice!r}")
        self._voice = voice

    def _take(self, samples: Any, count: int, _events: Any) -> int:
        if self._sink is None:
            return 1
        if samples and count > 0 and not self._sink(ctypes.string_at(samples, count * 2)):
            self._stopped = True
            return 1
        return 0

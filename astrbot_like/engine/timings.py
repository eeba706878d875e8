"""The figures of one turn, in the names that clients know (docs/live-protocol.md)."""

from __future__ import annotations

from astrbot_like.runtime.clock import Clock


class TurnTimings:
    """Moments of a turn on the clock's monotonic scale; the differences are what is reported.

    Args:
        started_at: End of the user's input.
        stt_time: Seconds that recognising the input took; None: it was no speech.
    """

    __slots__ = ("_clock", "first_audio", "last_audio", "started_at", "stt_time", "tts_started")

    def __init__(self, clock: Clock, started_at: float, stt_time: float | None = None) -> None:
        self._clock = clock
        self.started_at = started_at
        self.stt_time = stt_time
        self.tts_started: float | None = None
        self.first_audio: float | None = None
        self.last_audio: float | None = None

    def now(self) -> float:
        """The clock's monotonic seconds."""
        return self._clock.monotonic()

    def since_start(self) -> float:
        """Seconds since the end of the user's input."""
        return self._clock.monotonic() - self.started_at

    def audio_sent(self) -> bool:
        """Note that a chunk of speech went out.

        Returns:
            True for the first one.
        """
        self.last_audio = self._clock.monotonic()
        if self.first_audio is None:
            self.first_audio = self.last_audio
            return True
        return False

    def first_audio_metrics(self) -> dict[str, float | str]:
        """Figures known with the first chunk of speech."""
        first = self.first_audio or self.now()
        values: dict[str, float | str] = {"speak_to_first_frame": first - self.started_at}
        if self.tts_started is not None:
            values["tts_first_frame_time"] = first - self.tts_started
        return values

    def speech_metrics(self) -> dict[str, float | str]:
        """Figures known when all speech was sent."""
        if self.tts_started is None or self.last_audio is None:
            return {}
        return {"tts_total_time": self.last_audio - self.tts_started}

    def closing_metrics(self) -> dict[str, float | str]:
        """Figures sent after the end of the turn."""
        if self.last_audio is None:
            return {}
        return {"wav_to_tts_total_time": self.last_audio - self.started_at}

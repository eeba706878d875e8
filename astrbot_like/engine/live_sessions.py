"""Makes live sessions, as many as the process can serve well."""

from __future__ import annotations

import asyncio
import base64
import time

from astrbot_like.domain.errors import AtCapacity, Unavailable
from astrbot_like.domain.live import LiveOpen, LiveOutput
from astrbot_like.domain.ports import Sessions, TurnGateway
from astrbot_like.engine.ears import Ears, Listener
from astrbot_like.engine.listening import Voices
from astrbot_like.engine.live_session import LiveSession
from astrbot_like.engine.settings import EngineSettings
from astrbot_like.engine.vad import VadModels
from astrbot_like.runtime.clock import Clock

ACTIVE_SECONDS = 30.0
"""A session counts as talking for so long after its last input."""

FRAMES_PER_SECOND = 50
PATH_FACTOR = 170.0
"""Whole cost of one audio frame over the cost of decoding its Base64, as measured with ``astrbot-like bench``."""

LEAST, MOST = 120, 400
"""Bounds of the calibrated capacity."""


class LiveSessionFactory:
    """Implements ``LiveSessions``.

    With ``max_live_sessions`` set, that many connections are admitted. Without it a short calibration says how many
    sessions may talk at once; idle connections cost little and are not counted.
    """

    def __init__(
        self,
        *,
        gateway: TurnGateway,
        sessions: Sessions,
        voices: Voices,
        settings: EngineSettings,
        clock: Clock,
    ) -> None:
        self._gateway = gateway
        self._sessions = sessions
        self._voices = voices
        self._settings = settings
        self._clock = clock
        self._open: set[LiveSession] = set()
        self._models = VadModels()
        self._stopping = False
        self._capacity = settings.live.max_live_sessions or calibrated_capacity()

    @property
    def capacity(self) -> int:
        """Sessions that may talk at once (or, when it was set, be connected)."""
        return self._capacity

    @property
    def count(self) -> int:
        """Open live sessions."""
        return len(self._open)

    def open(self, request: LiveOpen, output: LiveOutput) -> LiveSession:
        """A new live session writing to ``output``; see ``LiveSessions``."""
        if self._stopping:
            raise Unavailable("The server is stopping. Please connect again in a moment.")
        if self._talking() >= self._capacity:
            raise AtCapacity
        session = LiveSession(
            request,
            output,
            gateway=self._gateway,
            sessions=self._sessions,
            voices=self._voices,
            make_ears=self._make_ears,
            settings=self._settings,
            clock=self._clock,
            ended=self._open.discard,
        )
        self._open.add(session)
        return session

    async def _make_ears(self, listener: Listener) -> Ears:
        model = await asyncio.to_thread(self._models.get)
        return Ears(listener, model, self._settings.voice, self._clock)

    def stop_admitting(self) -> None:
        """Refuse new sessions: the process is stopping."""
        self._stopping = True

    def _talking(self) -> int:
        if self._settings.live.max_live_sessions or len(self._open) < self._capacity:
            return len(self._open)
        since = self._clock.monotonic() - ACTIVE_SECONDS
        return sum(1 for session in self._open if session.busy or session.last_active > since)


def calibrated_capacity() -> int:
    """Sessions one core can serve, from the time it takes to decode audio frames (about 5 ms of measuring)."""
    frame = base64.b64encode(bytes(640))
    rounds = 2000
    best = float("inf")
    # The thread's own time: what else the machine does at this moment says nothing about its speed.
    for _ in range(3):
        started = time.thread_time()
        for _ in range(rounds):
            base64.b64decode(frame)
        best = min(best, time.thread_time() - started)
    per_frame = best / rounds * PATH_FACTOR
    return int(min(max(0.7 / (per_frame * FRAMES_PER_SECOND), LEAST), MOST))

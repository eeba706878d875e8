"""A short spoken phrase while a tool takes long, so that nobody thinks the line is dead."""

from __future__ import annotations

import asyncio

from astrbot_like.engine.live_agent import LiveReply

PHRASES = {"zh": "请稍等，我看一下。", "en": "One moment, please. "}


class Filler:
    """Speaks once when tools of a turn have been silent for a while; never in the way of the real answer.

    Args:
        after: Seconds of silence; 0 turns it off.
        language: BCP 47 tag of the speech.
    """

    def __init__(self, live: LiveReply, after: float, language: str | None) -> None:
        self._live = live
        self._after = after
        self._phrase = PHRASES["zh" if (language or "").lower().startswith(("zh", "cmn", "yue")) else "en"]
        self._running = 0
        self._said = False
        self._timer: asyncio.TimerHandle | None = None

    def tool(self, started: bool) -> None:
        """A tool call began (True) or ended (False)."""
        self._running += 1 if started else -1
        if self._running > 0 and self._timer is None and self._after > 0 and not self._said:
            self._timer = asyncio.get_running_loop().call_later(self._after, self._speak)
        elif self._running == 0:
            self.stop()

    def stop(self) -> None:
        """The answer is coming, or the turn is over."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _speak(self) -> None:
        self._timer = None
        self._said = True
        self._live.say(self._phrase)

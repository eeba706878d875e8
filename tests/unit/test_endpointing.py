"""Turn detection on scripted probabilities: the time is that of the audio."""

from __future__ import annotations

from typing import Any

import pytest

from astrbot_like.engine.end_of_turn import EndOfTurn, completeness
from astrbot_like.engine.endpointing import (
    FRAME_SECONDS,
    SpeechAudio,
    SpeechBegan,
    SpeechEnded,
    TurnDetector,
    VoiceHeard,
    VoiceLost,
)
from astrbot_like.engine.vad import FRAME_BYTES
from astrbot_like.engine.voice_settings import VoiceSettings


class Scripted:
    """Voice where the samples are not zero."""

    def __init__(self) -> None:
        self.rest = b""

    def push(self, pcm: bytes) -> list[float]:
        data = self.rest + pcm
        whole = len(data) - len(data) % FRAME_BYTES
        self.rest = data[whole:]
        return [0.9 if any(data[at : at + FRAME_BYTES]) else 0.02 for at in range(0, whole, FRAME_BYTES)]

    def reset(self) -> None:
        self.rest = b""


def detector(**settings: Any) -> TurnDetector:
    return TurnDetector(Scripted(), VoiceSettings(**settings))  # type: ignore[arg-type]


def audio(seconds: float, value: int) -> bytes:
    return bytes([value, 0]) * int(seconds * 16_000)


def play(detect: TurnDetector, *parts: tuple[float, int], step: int = 640) -> list[tuple[float, Any]]:
    """Feed the parts in pieces of ``step`` bytes; events with the second of audio at which they came."""
    data = b"".join(audio(seconds, value) for seconds, value in parts)
    events: list[tuple[float, Any]] = []
    for at in range(0, len(data), step):
        now = (at + step) / 32_000
        events += [(now, event) for event in detect.feed(data[at : at + step], now)]
    return events


def kinds(events: list[tuple[float, Any]]) -> list[type]:
    return [type(e) for _, e in events if not isinstance(e, SpeechAudio)]


@pytest.mark.parametrize("step", [320, 640, 1024, 3200, 64_000])
def test_an_utterance_with_its_first_sound_and_its_pause(step: int) -> None:
    events = play(detector(), (1.0, 0), (1.0, 7), (1.0, 0), step=step)
    assert kinds(events) == [VoiceHeard, SpeechBegan, SpeechEnded]
    began = next(e for _, e in events if isinstance(e, SpeechBegan))
    whole = began.pcm + b"".join(e.pcm for _, e in events if isinstance(e, SpeechAudio))
    assert whole.count(b"\x07\0") == pytest.approx(16_000, abs=1)
    lead = len(began.pcm) - len(began.pcm.lstrip(b"\0"))
    # The pre-roll, and what of the frame with the first voice lies before it.
    assert 0.29 <= lead / 32_000 <= 0.3 + FRAME_SECONDS + step / 32_000


def test_silence_ends_it_after_half_a_second() -> None:
    events = play(detector(), (0.512, 7), (2.0, 0))
    ended = next(at for at, e in events if isinstance(e, SpeechEnded))
    assert ended - 0.512 == pytest.approx(0.5, abs=2 * FRAME_SECONDS)


def test_a_click_is_lost_voice() -> None:
    assert kinds(play(detector(), (0.2, 0), (0.05, 7), (1.0, 0))) == [VoiceHeard, VoiceLost]


def test_a_short_pause_does_not_end_it() -> None:
    assert kinds(play(detector(), (0.6, 7), (0.35, 0), (0.6, 7), (1.0, 0))) == [VoiceHeard, SpeechBegan, SpeechEnded]


def test_what_is_said_decides_how_long_to_wait() -> None:
    def wait(text: str) -> float:
        detect = detector()
        play(detect, (1.024, 7))
        detect.partial(text)
        return next(at for at, e in play(detect, (3.0, 0)) if isinstance(e, SpeechEnded))

    early, usual, late = wait("what time is it"), wait("red apples"), wait("and then i")
    assert early < usual < late
    assert early == pytest.approx(0.35, abs=0.05)
    assert late == pytest.approx(1.0, abs=0.05)


def test_waiting_learns_from_the_speakers_pauses_within_bounds() -> None:
    settings = VoiceSettings()
    slow, fast = EndOfTurn(settings), EndOfTurn(settings)
    for _ in range(40):
        slow.pause(5.0)
        fast.pause(0.13)
    assert slow.needed() == pytest.approx(settings.longest_silence, abs=0.01)
    assert fast.needed() == pytest.approx(settings.shortest_silence, abs=0.01)
    fixed = EndOfTurn(VoiceSettings(adaptive_silence=False))
    for _ in range(40):
        fixed.pause(5.0)
    fixed.heard("and then i")
    assert fixed.needed() == 0.5


def test_a_client_that_stops_sending_ends_the_utterance() -> None:
    detect = detector()
    play(detect, (1.0, 7))
    assert detect.check(1.3) == []
    assert [type(e) for e in detect.check(1.6)] == [SpeechEnded]
    assert detect.check(9.0) == []


def test_voice_without_words_comes_to_an_end() -> None:
    detect = detector(voice_without_words=3.0)
    events = play(detect, (4.0, 7))
    assert kinds(events)[:3] == [VoiceHeard, SpeechBegan, SpeechEnded]
    detect = detector(voice_without_words=3.0)
    play(detect, (1.0, 7))
    detect.partial("so i was thinking")
    assert SpeechEnded not in kinds(play(detect, (4.0, 7)))


def test_speech_right_after_an_end_makes_it_wait_longer() -> None:
    detect = detector()
    first = play(detect, *[(0.5, 7), (0.9, 0)] * 6)
    later = play(detect, (0.5, 7), (2.0, 0))
    assert kinds(first).count(SpeechEnded) >= 2
    waited = next(e.silence for _, e in later if isinstance(e, SpeechEnded))
    assert waited > 0.6


def test_utterances_follow_each_other() -> None:
    detect = detector()
    events = play(detect, *[(0.5, 7), (1.5, 0)] * 5)
    assert kinds(events) == [VoiceHeard, SpeechBegan, SpeechEnded] * 5


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("", "open"),
        ("what time is it", "complete"),
        ("What time is it?", "complete"),
        ("thank you", "complete"),
        ("and then i", "hanging"),
        ("i want to go to the", "hanging"),
        ("well", "hanging"),
        ("red apples", "open"),
        ("tell me a joke please", "complete"),
        ("今天天气怎么样呢", "complete"),
        ("然后", "hanging"),
        ("我想去北京然后", "hanging"),
        ("one, two,", "hanging"),
    ],
)
def test_completeness(text: str, state: str) -> None:
    assert completeness(text) == state

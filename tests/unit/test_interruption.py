"""Cough, backchannel, echo, interruption: on times that are handed in."""

from __future__ import annotations

import pytest

from astrbot_like.engine.interruption import InterruptionJudge, could_be_echo, is_backchannel, is_echo
from astrbot_like.engine.voice_settings import VoiceSettings

SPOKEN = "The capital of France is Paris, and it has about two million inhabitants."


def judge() -> InterruptionJudge:
    return InterruptionJudge(VoiceSettings(), reply_started=0.0)


def test_first_voice_pauses_and_enough_speech_stops() -> None:
    it = judge()
    assert it.voice(10.0) == "pause"
    assert it.judging
    assert it.voiced(0.2, 10.2) is None
    # So far it may be a sign of listening.
    assert it.voiced(0.7, 10.7) is None
    assert it.voiced(0.8, 10.8) == "stop"
    assert not it.judging


def test_the_words_of_a_short_voice_are_waited_for() -> None:
    it = judge()
    it.voice(10.0)
    it.voiced(0.6, 10.6)
    assert it.quiet(10.7) is None
    assert it.tick(11.5) is None
    assert it.meant_nothing() == "resume"
    assert it.meant_nothing() is None
    it.voice(20.0)
    it.voiced(0.6, 20.6)
    it.quiet(20.7)
    assert it.words("not that", SPOKEN, 21.2) == "stop"
    late = judge()
    late.voice(10.0)
    late.voiced(0.6, 10.6)
    late.quiet(10.7)
    assert late.tick(11.9) is None
    assert late.tick(12.0) == "resume"


def test_what_sounds_like_the_bot_does_not_stop_it() -> None:
    it = judge()
    assert it.voice(10.0) == "pause"
    assert it.voiced(0.3, 10.3) is None
    assert it.voiced(0.45, 10.45, "yes") == "resume"
    assert it.voiced(1.5, 11.5, "yes") is None
    assert it.words("anything at all", SPOKEN, 11.5) is None
    # The user speaks into it.
    assert it.voiced(1.7, 11.7, "no") is None
    assert it.voiced(2.0, 12.0, "no") == "pause"
    assert it.voiced(2.5, 12.5, "no") == "stop"


def test_playback_is_not_held_at_each_sentence_where_the_bot_hears_itself() -> None:
    it = InterruptionJudge(VoiceSettings(), reply_started=0.0, wary=True)
    assert it.voice(10.0) is None
    assert it.voiced(0.3, 10.3) is None
    assert it.voiced(0.9, 10.9, "maybe") is None
    assert it.voiced(1.5, 11.5, "yes") is None
    assert it.voice(20.0) is None
    assert it.voiced(0.45, 20.45, "no") == "pause"
    assert it.voiced(1.3, 21.3, "maybe") is None
    assert it.voiced(2.0, 22.0, "no") == "stop"


def test_one_word_that_means_something_stops_at_once() -> None:
    it = judge()
    it.voice(10.0)
    assert it.words("stop", SPOKEN, 10.15) == "stop"


@pytest.mark.parametrize(
    "text",
    [
        "mhm",
        "uh huh",
        "ok",
        "Yeah, right.",
        "嗯",
        "好的好的",
        "对对对",
        "Okay. I see.",
        "of the of the",
        "m m m",
        "you",
        "them above",
    ],
)
def test_a_sign_of_listening_lets_playback_go_on(text: str) -> None:
    it = judge()
    assert it.voice(10.0) == "pause"
    assert it.words(text, SPOKEN, 10.3) is None
    assert it.voiced(0.45, 10.45) is None
    assert it.quiet(10.5) is None
    assert it.wake_at == pytest.approx(10.85)
    assert it.tick(10.85) == "resume"
    assert not it.judging


def test_signs_of_listening_one_after_the_other_let_playback_go_on() -> None:
    it = judge()
    assert it.voice(10.0) == "pause"
    now, voiced = 10.0, 0.0
    for _ in range(3):
        for _ in range(15):
            now, voiced = now + 0.032, voiced + 0.032
            assert it.voiced(voiced, now) is None
        for _ in range(5):
            now += 0.032
            assert it.quiet(now) is None
    # More than what ends a wordless interruption, but never so much of it in one piece.
    assert voiced > 1.4
    assert it.tick(now + 0.4) == "resume" or it.tick(12.0) == "resume"


def test_a_long_row_of_known_signs_lets_playback_go_on() -> None:
    it = judge()
    it.voice(10.0)
    now, voiced = 10.0, 0.0
    for text in ("yeah", "yeah yeah", "yeah yeah okay", "yeah yeah okay right"):
        for _ in range(12):
            now, voiced = now + 0.032, voiced + 0.032
            assert it.voiced(voiced, now) is None
        assert it.words(text, SPOKEN, now) is None
    assert voiced > 1.5
    assert it.words("yeah yeah okay right but stop", SPOKEN, now + 0.1) == "stop"


def test_after_a_pause_so_much_voice_in_one_piece_stops() -> None:
    it = judge()
    it.voice(10.0)
    assert it.voiced(0.5, 10.5) is None
    assert it.quiet(10.53) is None
    assert it.quiet(10.7) is None
    assert it.voiced(0.55, 10.75) is None
    assert it.voiced(1.25, 11.45) is None
    assert it.voiced(1.3, 11.5) == "stop"


@pytest.mark.parametrize(
    "text", ["no", "wait", "but no", "to the left", "ok but what about Rome", "不对", "好的那明天呢", "yes and then"]
)
def test_more_than_a_sign_of_listening(text: str) -> None:
    assert not is_backchannel(text)


def test_further_backchannels_come_from_the_settings() -> None:
    assert not is_backchannel("jawohl")
    assert is_backchannel("Jawohl", ("jawohl",))


def test_a_cough_resumes_after_a_short_quiet() -> None:
    it = judge()
    it.voice(10.0)
    it.voiced(0.1, 10.1)
    it.quiet(10.2)
    assert it.tick(10.4) is None
    assert it.tick(10.55) == "resume"


def test_it_never_stays_on_hold_for_more_than_two_seconds() -> None:
    it = judge()
    it.voice(10.0)
    it.words("mhm", SPOKEN, 10.3)
    for step in range(19):
        assert it.voiced(0.3, 10.1 + step * 0.1) is None
    assert it.tick(12.0) == "resume"


def test_voice_that_comes_back_is_not_quiet() -> None:
    it = judge()
    it.voice(10.0)
    it.quiet(10.2)
    assert it.voice(10.4) is None
    assert it.tick(10.6) is None
    assert it.wake_at == pytest.approx(12.0)


def test_after_a_cough_the_same_utterance_is_judged_anew() -> None:
    it = judge()
    it.voice(10.0)
    it.voiced(0.1, 10.1)
    it.quiet(10.2)
    assert it.tick(10.55) == "resume"
    assert it.voiced(0.13, 10.6) == "pause"
    assert it.voiced(0.4, 10.9) is None
    assert it.voiced(0.9, 11.4) == "stop"


def test_after_a_sign_of_listening_a_word_stops_it() -> None:
    it = judge()
    it.voice(10.0)
    it.words("yeah", SPOKEN, 10.2)
    assert it.tick(12.0) == "resume"
    assert it.voiced(0.9, 12.1) is None
    assert it.words("yeah", SPOKEN, 12.1) is None
    assert it.words("yeah but wait", SPOKEN, 12.3) == "stop"


def test_voice_that_goes_on_is_not_taken_for_quiet() -> None:
    it = judge()
    it.voice(10.0)
    it.voiced(0.1, 10.1)
    it.quiet(10.2)
    assert it.voiced(0.2, 10.4) is None
    assert it.tick(10.6) is None


def test_the_first_moments_of_a_reply_can_be_guarded() -> None:
    it = InterruptionJudge(VoiceSettings(reply_guard=0.5), reply_started=10.0)
    assert it.voice(10.2) is None
    assert it.words("stop", "", 10.3) is None
    assert it.voice(10.6) == "pause"


def test_the_bots_own_voice_does_not_stop_it() -> None:
    it = judge()
    it.voice(10.0)
    assert it.words("france is", SPOKEN, 10.3) is None
    assert it.voiced(1.5, 11.5) is None
    assert it.words("france is wrong stop", SPOKEN, 11.7) == "stop"


@pytest.mark.parametrize(
    ("text", "echo"),
    [
        ("the capital of france is paris", True),
        ("capital of france is paris and it has", True),
        ("the capital of friends is paris", True),
        ("about two million inhabitants", True),
        ("paris", False),
        ("what about two million dollars then", False),
        ("and what is the capital of spain", False),
        ("", False),
    ],
)
def test_echo(text: str, echo: bool) -> None:
    assert is_echo(text, SPOKEN, 0.8) is echo


def test_echo_in_chinese() -> None:
    assert is_echo("今天天气很好", "今天天气很好，适合出去走走。", 0.8)
    assert not is_echo("明天呢", "今天天气很好，适合出去走走。", 0.8)
    assert could_be_echo("今天", "今天天气很好")

"""What has been heard of a reply: from the clock, from reports, with playback on hold, word by word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrbot_like.domain.events import SpeechChunk
from astrbot_like.engine.playback import HeardTracker, PlaybackClock, WordTime, estimate_heard_chars

RATE = 24_000


def chunk(seconds: float, follows: float | None = 0.0) -> SpeechChunk:
    return SpeechChunk(bytes(int(seconds * RATE) * 2), RATE, follows)


def reply(*sentences: tuple[str, float], start: float = 10.0) -> HeardTracker:
    heard = HeardTracker()
    for text, seconds in sentences:
        heard.text(text)
        heard.audio(chunk(seconds), start)
    return heard


def test_the_clock_since_audio_was_sent() -> None:
    heard = reply(("One two three. ", 1.0), ("Four five six.", 1.0))
    assert heard.heard_text(10.0) == ""
    assert heard.heard_text(11.0) == "One two three."
    assert heard.heard_text(12.0) == "One two three. Four five six."
    assert heard.heard_text(99.0) == "One two three. Four five six."
    middle = heard.heard_text(11.5)
    assert middle.startswith("One two three. Four")
    assert "six" not in middle


def test_words_cut_in_their_middle_were_not_heard() -> None:
    heard = reply(("Supercalifragilistic expialidocious.", 4.0))
    assert heard.heard_text(11.0) == ""
    assert heard.heard_text(13.0) == "Supercalifragilistic"


def test_what_was_sent_is_not_the_whole_sentence() -> None:
    heard = HeardTracker()
    heard.text("One two three four five six seven eight.")
    heard.audio(chunk(1.0, follows=3.0), 10.0)
    heard.audio(chunk(0.25, follows=2.75), 10.0)
    assert heard.heard_text(11.0) == "One two"
    assert heard.heard_text(99.0) == "One two"


def test_the_length_of_an_unfinished_sentence_is_judged_by_the_pace_so_far() -> None:
    heard = HeardTracker()
    heard.text("One two three four. ")
    heard.audio(chunk(8.0, follows=None), 10.0)
    heard.sentence_sent()
    heard.text("Five six seven eight. ")
    heard.audio(chunk(3.0, follows=None), 18.0)
    assert heard.heard_text(99.0) == "One two three four. Five"
    quick = HeardTracker()
    quick.text("Five six seven eight. ")
    quick.audio(chunk(0.3, follows=None), 10.0)
    assert quick.heard_text(99.0) == "Five"
    quick.sentence_sent()
    assert quick.heard_text(99.0) == "Five six seven eight."


def test_a_client_that_ran_dry_starts_a_new_stretch() -> None:
    clock = PlaybackClock()
    clock.add(1.0, 10.0)
    clock.add(1.0, 15.0)
    assert clock.position(15.5) == pytest.approx(1.5)
    assert clock.ahead(15.5) == pytest.approx(0.5)


def test_reports_go_before_the_clock() -> None:
    heard = reply(("One two three. ", 1.0), ("Four five six.", 1.0))
    heard.playback(200, 11.5)
    assert heard.clock.position(11.5) == pytest.approx(0.2)
    assert heard.clock.position(11.7) == pytest.approx(0.4)
    assert "Four" not in heard.heard_text(11.7)


def test_reports_are_believed_within_what_was_sent() -> None:
    heard = reply(("One two three. ", 1.0), ("Four five six.", 1.0))
    heard.playback(60_000, 10.5)
    assert heard.clock.position(10.5) == 2.0
    heard.playback(-5, 10.6)
    assert heard.clock.position(10.6) == 0.0


def test_on_hold_nothing_is_heard() -> None:
    heard = reply(("One two three. ", 1.0), ("Four five six.", 1.0))
    heard.pause(10.5)
    assert heard.clock.position(14.0) == pytest.approx(0.5)
    heard.pause(14.0)
    heard.resume(15.0)
    assert heard.clock.position(15.5) == pytest.approx(1.0)
    heard.resume(15.5)
    assert heard.clock.position(16.5) == pytest.approx(2.0)


def test_word_times_of_the_engine() -> None:
    heard = reply(("One two three.", 3.0))
    heard.words([WordTime(3, 0.2), WordTime(7, 0.4), WordTime(14, 3.0)])
    assert heard.heard_text(10.3) == "One"
    assert heard.heard_text(10.5) == "One two"


def test_what_was_spoken_lately() -> None:
    heard = reply(("One. ", 1.0), ("Two. ", 1.0), ("Three.", 1.0))
    assert heard.spoken_recently(10.2, 3.0) == "One. "
    assert "Two" in heard.spoken_recently(11.2, 3.0)
    assert heard.spoken_recently(99.0, 3.0).endswith("Three.")
    rolling = HeardTracker(keep=2)
    for number in range(100):
        rolling.text(f"{number}. ")
        rolling.audio(chunk(0.1), 10.0)
    assert rolling.spoken_text == "98. 99. "


def test_chinese_is_heard_by_the_character() -> None:
    heard = reply(("今天天气很好，我们去公园吧。", 3.0))
    half = heard.heard_text(11.5)
    assert 4 <= len(half) <= 9
    assert "今天天气很好，我们去公园吧。".startswith(half)


@given(
    text=st.text(alphabet="ab ,.你好 \n'", max_size=80),
    total=st.floats(0.01, 60),
    times=st.lists(st.floats(0, 70), min_size=2, max_size=6),
)
def test_an_estimate_never_goes_back_and_never_beyond(text: str, total: float, times: list[float]) -> None:
    found = [estimate_heard_chars(text, seconds, total) for seconds in sorted(times)]
    assert found == sorted(found)
    assert all(0 <= n <= len(text) for n in found)

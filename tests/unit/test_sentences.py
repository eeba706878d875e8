"""Nothing of a reply is lost or spoken twice, whatever the cut; sentences end where they end."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astrbot_like.engine.sentences import SentenceSegmenter
from astrbot_like.engine.speakable import speakable_text, spoken_form
from astrbot_like.engine.voice_settings import VoiceSettings
from tests.support.hard_sentences import MARKDOWN, plain_cases

SENTENCES_ONLY = VoiceSettings(first_chunk_words=0)


def cut(text: str, size: int = 4, config: VoiceSettings = SENTENCES_ONLY) -> list[str]:
    segmenter = SentenceSegmenter(config)
    chunks: list[str] = []
    for at in range(0, len(text), size):
        chunks += segmenter.push(text[at : at + size])
    return chunks + segmenter.flush()


def test_the_table_is_large() -> None:
    assert len(plain_cases()) + len(MARKDOWN) >= 130


@pytest.mark.parametrize("size", [1, 4, 1000])
@pytest.mark.parametrize("sentences", plain_cases(), ids=lambda s: "".join(s)[:40])
def test_sentences(sentences: list[str], size: int) -> None:
    assert cut("".join(sentences), size) == sentences


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(("markdown", "chunks"), MARKDOWN, ids=[m[:30] for m, _ in MARKDOWN])
def test_markdown(markdown: str, chunks: list[str], size: int) -> None:
    assert cut(markdown, size) == chunks


PIECES = st.sampled_from(
    [
        *(
            ". ",
            "! ",
            "? ",
            "... ",
            "… ",
            ", ",
            "; ",
            ": ",
            "- ",
            "* ",
            "**",
            "_ ",
            "`",
            "```",
            "\n",
            "\n\n",
            "# ",
            "> ",
        ),
        *("[", "](", ") ", "( ", '" ', "” ", "1. ", "3.14 ", "Dr. ", "e.g. ", "U.S. ", "word ", "Word ", "你好", "。"),
        *("，", "！", "https://a.b/c.d ", "😊", "| a | b |\n|---|---|\n", "<b>", "</b>", "<", "\\", "~~", "!", "I "),
        *("é", "\t", "a*b", "snake_case ", "- item\n", "www.x.org. ", "=== ", "こんにちは"),
    ]
)
TEXTS = st.lists(PIECES | st.text(max_size=6), max_size=60).map("".join)


@settings(max_examples=400, deadline=None)
@given(text=TEXTS, data=st.data())
def test_nothing_is_lost_or_doubled_however_it_is_cut(text: str, data: st.DataObject) -> None:
    whole = speakable_text(text)
    segmenter = SentenceSegmenter(VoiceSettings(longest_chunk=data.draw(st.integers(40, 120))))
    chunks: list[str] = []
    at = 0
    while at < len(text):
        step = data.draw(st.integers(1, 12))
        chunks += segmenter.push(text[at : at + step])
        at += step
    chunks += segmenter.flush()
    assert "".join(chunks).rstrip() == whole.rstrip()
    assert all(chunk.strip() for chunk in chunks)


@settings(max_examples=200, deadline=None)
@given(text=TEXTS)
def test_the_cut_of_the_deltas_does_not_change_what_is_spoken(text: str) -> None:
    assert "".join(cut(text, 1)).rstrip() == "".join(cut(text, 1000)).rstrip()


def test_the_first_clause_goes_out_early() -> None:
    segmenter = SentenceSegmenter()
    assert segmenter.push("It is ten past four,") == []
    assert segmenter.push(" and the sun") == ["It is ten past four, "]
    assert segmenter.push(" is shining, which is nice") == []
    assert segmenter.push(". Bye") == ["and the sun is shining, which is nice. "]
    assert segmenter.flush() == ["Bye"]


def test_a_first_clause_needs_some_words() -> None:
    segmenter = SentenceSegmenter()
    assert segmenter.push("Well, I think, ") == ["Well, I think, "]
    segmenter.flush()
    assert segmenter.push("Yes, it") == []


def test_the_first_clause_in_chinese() -> None:
    segmenter = SentenceSegmenter()
    assert segmenter.push("今天天气很好，") == ["今天天气很好，"]
    assert segmenter.push("我们去公园吧。") == []
    assert segmenter.push("好") == ["我们去公园吧。"]


def test_a_number_is_no_clause() -> None:
    segmenter = SentenceSegmenter()
    assert segmenter.push("There are about 1,000,000 of them") == []


def test_a_sentence_without_end_is_spoken_in_parts() -> None:
    chunks = cut("word " * 500, 7)
    assert max(len(chunk) for chunk in chunks) <= 280
    assert "".join(chunks).split() == ["word"] * 500
    assert max(len(chunk) for chunk in cut("字" * 2000, 7)) <= 281
    assert cut("x" * 500, 7) == ["x" * 500]


def test_a_complete_sentence_does_not_wait_for_the_next_word() -> None:
    segmenter = SentenceSegmenter()
    assert segmenter.push("It is sunny today. ") == ["It is sunny today. "]
    assert segmenter.push("Really! ") == ["Really! "]


def test_flush_in_the_middle_and_on() -> None:
    segmenter = SentenceSegmenter()
    segmenter.push("Let me look")
    assert segmenter.flush() == ["Let me look"]
    assert segmenter.push("Here it comes. ") == ["Here it comes. "]


@pytest.mark.parametrize(
    ("chunk", "said"),
    [
        ("Hello 😊! ", "Hello !"),
        ("👍👍", ""),
        ("...", ""),
        ("See https://www.example.com/a/b?c=d. ", "See example.com."),
        ("Go to www.example.org!", "Go to example.org!"),
        ("Two\n\nlines\t here", "Two lines here"),
        ("你好，世界。", "你好，世界。"),
        ("❤️ love", "love"),
        ("5 €", "5 €"),
    ],
)
def test_what_the_engine_is_given(chunk: str, said: str) -> None:
    assert spoken_form(chunk) == said


def test_the_end_of_a_long_reply_costs_no_more_than_its_beginning() -> None:
    def cost(sentences: int) -> float:
        text = "This is a sentence of a long reply, with clauses, and more. " * sentences
        started = time.process_time()
        assert len(cut(text, 5)) == sentences
        return time.process_time() - started

    # The best of some: the collector of garbage and other processes only ever add to it.
    assert min(cost(500) for _ in range(3)) < 25 * min(cost(50) for _ in range(5))


ENDLESS = (
    *("a", ".", "...! ", ", ", " - ", "- ", "-", "=", "_", "*", "`", "~", "|", "|-", "> ", "#", "(", '"', "[", "]("),
    *("[a](()", "<a ", "<!--", "http://a.b", "。", "，", "\n", " ", "A. ", "1. "),
)


@pytest.mark.parametrize("piece", ENDLESS)
def test_a_model_that_repeats_itself_for_ever_costs_time_in_proportion(piece: str):
    """Where time grew with the square or the cube, one of these would hold the server up; the time limit ends it."""
    whole = piece * (10_000 // len(piece))
    at_once = SentenceSegmenter()
    joined = "".join([*at_once.push(whole), *at_once.flush()])
    streamed, chunks = SentenceSegmenter(), list[str]()
    for char in whole[:1500]:
        chunks += streamed.push(char)
    assert "".join([*chunks, *streamed.flush()]).strip() == speakable_text(whole[:1500]).strip()
    assert joined.strip() == speakable_text(whole).strip()

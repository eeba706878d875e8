"""What the offline assistant understands and says."""

from __future__ import annotations

from datetime import datetime

import pytest

from plugins.offline_assistant.answers import Answers, Situation
from plugins.offline_assistant.documents import Document, describe, split_documents
from plugins.offline_assistant.moments import moment_in
from plugins.offline_assistant.numerals import digits_for_words, parse_number
from plugins.offline_assistant.sums import NotASum, evaluate
from plugins.offline_assistant.tools import ToolView, choose
from plugins.offline_assistant.understanding import Understanding, is_chinese
from plugins.offline_assistant.units import Units
from plugins.offline_assistant.wording import word_result

AFTERNOON = datetime(2026, 3, 4, 15, 5)


@pytest.fixture(scope="module")
def understanding() -> Understanding:
    return Understanding()


def answer(understanding: Understanding, said: str) -> tuple[str, str]:
    """Intent and words of the first reading that makes sense."""
    at = Situation(is_chinese(said), AFTERNOON)
    answers = Answers()
    for meaning in understanding.meanings(said):
        if (words := answers.answer(meaning, at)) is not None:
            return meaning.intent, words
    near = understanding.nearest(said)
    return (f"~{near.intent}", answers.answer(near, at) or "") if near else ("", "")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("what time is it", "It is 3:05 PM."),
        ("What time is it?", "It is 3:05 PM."),
        ("what's the time", "It is 3:05 PM."),
        ("Could you tell me what time it is, please?", "It is 3:05 PM."),
        ("what time is it now", "It is 3:05 PM."),
        ("what day is it today", "Today is Wednesday, March 4, 2026."),
        ("what's the date tomorrow", "Tomorrow is Thursday, March 5, 2026."),
        ("what is two plus two", "2 plus 2 is 4."),
        ("12*7", "12 times 7 is 84."),
        ("how much is ten percent of two hundred", "10 percent of 200 is 20."),
        ("what is ten divided by zero", "Nothing can be divided by zero."),
        ("convert five miles to kilometres", "5 miles are about 8.047 kilometres."),
        ("how many inches are in a foot", "1 foot is 12 inches."),
        ("what is 100 degrees fahrenheit in celsius", "100 degrees Fahrenheit are about 37.78 degrees Celsius."),
        (
            "convert two hours to kilometres",
            "I can't convert between hours and kilometres: they measure different things.",
        ),
        ("count to five", "1, 2, 3, 4, 5."),
        ("repeat after me hello world", "Hello world"),
        ("how are you", "I am well, thank you. What can I do for you?"),
        ("现在几点了", "现在是下午3点05分。"),
        ("请问现在几点了？", "现在是下午3点05分。"),
        ("今天星期几", "今天是2026年3月4日，星期三。"),
        ("三加五等于多少", "3加5等于8。"),
        ("五英里等于多少公里", "5英里大约是8.047公里。"),
        ("数到三", "1、2、3。"),
    ],
)
def test_it_answers(understanding: Understanding, said: str, words: str) -> None:
    assert answer(understanding, said)[1] == words


@pytest.mark.parametrize(
    "said", ["what time as it", "one time is it", "what time is that", "what dime is it", "watt time is it"]
)
def test_slips_of_the_recogniser_are_understood(understanding: Understanding, said: str) -> None:
    assert answer(understanding, said)[1] == "It is 3:05 PM."


@pytest.mark.parametrize(
    "said", ["why is the sky blue", "what is love", "tell me about the roman empire", "天为什么是蓝的", "x" * 5000]
)
def test_what_it_does_not_know_it_does_not_answer(understanding: Understanding, said: str) -> None:
    assert answer(understanding, said) == ("", "")


@pytest.mark.parametrize("said", ["who are you", "what can you do", "help", "你是谁", "你会做什么"])
def test_it_says_what_it_is_and_how_to_connect_a_model(understanding: Understanding, said: str) -> None:
    words = answer(understanding, said)[1]
    assert ("offline assistant" in words and "Providers" in words) or ("离线助手" in words and "提供商" in words)


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("two hundred and five", 205),
        ("twenty-five", 25),
        ("one point five", 1.5),
        ("a hundred", 100),
        ("three thousand four hundred", 3400),
        ("two and a half", 2.5),
        ("一百零五", 105),
        ("三万二千", 32000),
        ("三点一四", 3.14),
        ("12.5", 12.5),
        ("banana", None),
    ],
)
def test_spoken_numbers(said: str, value: float | None) -> None:
    assert parse_number(said) == value


def test_numbers_side_by_side_stay_apart() -> None:
    assert digits_for_words("two three four") == "2 3 4"
    assert digits_for_words("twenty two and thirty three") == "22 and 33"


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("3 + 4 * 2", 11),
        ("(3 + 4) * 2", 14),
        ("the square root of 81", 9),
        ("two to the power of ten", 1024),
        ("subtract three from ten", 7),
        ("half of ten", 5),
        ("百分之二十的五百", 100),
        ("9的平方", 81),
    ],
)
def test_sums(said: str, value: float) -> None:
    assert evaluate(said).value == value


@pytest.mark.parametrize("said", ["your name", "", "+", "2 +", "(2", "__import__('os')", "the weather", "sqrt -4"])
def test_what_is_no_sum(said: str) -> None:
    with pytest.raises(NotASum):
        evaluate(said)


@pytest.mark.parametrize(
    "said", ["9 ^ 9 ^ 9 ^ 9", "99999999 ^ 999", "1" + "0" * 280 + " * 1" + "0" * 280 + " * 1" + "0" * 280]
)
def test_sums_that_would_take_for_ever_are_refused(said: str) -> None:
    with pytest.raises((OverflowError, NotASum)):
        evaluate(said)


def test_units_of_different_kinds_do_not_convert() -> None:
    with pytest.raises(ValueError, match="hours and kilometres"):
        Units().convert("two hours", "km")
    assert Units().convert("three apples", "km") is None


WEATHER = ToolView(
    "get_weather",
    "Get the weather for a city",
    {"type": "object", "properties": {"city": {"type": "string", "description": "name"}}, "required": ["city"]},
)
DICE = ToolView(
    "roll_dice",
    "Roll some dice",
    {
        "type": "object",
        "properties": {"sides": {"type": "integer"}, "count": {"type": "integer"}},
        "required": ["sides"],
    },
)
REMINDER = ToolView(
    "set_reminder",
    "Remind the user of something later",
    {
        "type": "object",
        "properties": {
            "text": {"type": "string"},
            "delay_seconds": {"type": "number", "description": "seconds from now"},
        },
        "required": ["text", "delay_seconds"],
    },
)
LIGHT = ToolView(
    "turn_light",
    "Turn the light of a room on or off",
    {
        "type": "object",
        "properties": {"room": {"type": "string", "enum": ["kitchen", "bedroom"]}, "on": {"type": "boolean"}},
        "required": ["room", "on"],
    },
)
WEATHER_ZH = ToolView(
    "tianqi", "查询城市天气", {"type": "object", "properties": {"city": {"type": "string", "description": "城市"}}}
)


@pytest.mark.parametrize(
    ("said", "name", "arguments"),
    [
        ("what's the weather in Berlin", "get_weather", {"city": "Berlin"}),
        ("What is the weather like in New York today?", "get_weather", {"city": "New York"}),
        ("roll a dice with twenty sides", "roll_dice", {"sides": 20}),
        ("remind me in five minutes to drink water", "set_reminder", {"text": "drink water", "delay_seconds": 300}),
        ("五分钟后提醒我喝水", "set_reminder", {"text": "喝水", "delay_seconds": 300}),
        ("turn on the light in the kitchen", "turn_light", {"room": "kitchen", "on": True}),
        ("use the tool get_weather with city=Paris", "get_weather", {"city": "Paris"}),
        ('call roll_dice {"sides": 6, "count": 2}', "roll_dice", {"sides": 6, "count": 2}),
        ("北京天气怎么样", "tianqi", {"city": "北京"}),
    ],
)
def test_a_sentence_finds_its_tool(said: str, name: str, arguments: dict) -> None:
    call = choose(said, [WEATHER, DICE, REMINDER, LIGHT, WEATHER_ZH])
    assert call is not None
    assert (call.name, call.arguments, call.missing) == (name, arguments, ())


@pytest.mark.parametrize(
    ("said", "moment"),
    [
        ("remind me at 6 pm to cook", "2026-05-01T18:00"),
        ("remind me at 9:30 to cook", "2026-05-02T09:30"),
        ("remind me at 12 a.m. to sleep", "2026-05-02T00:00"),
        ("remind me on 2026-07-01 08:15 to fly", "2026-07-01T08:15"),
        ("remind me in 5 minutes to cook", None),
        ("set it at 50 degrees", None),
        ("at 99", None),
    ],
)
def test_moments(said: str, moment: str | None) -> None:
    assert moment_in(said, datetime(2026, 5, 1, 12, 0)) == moment


def test_a_reminder_is_set_by_duration_or_by_time_of_day() -> None:
    properties = {
        "text": {"type": "string", "description": "What to remind of, in the user's language, worded to the user."},
        "delay_seconds": {"type": "number", "description": 'Seconds from now; optional where "at" is given.'},
        "at": {"type": "string", "description": "Moment as ISO 8601 such as 2026-05-01T09:30; optional."},
    }
    tool = ToolView(
        "set_reminder", "Remind the user of something later", {"properties": properties, "required": ["text"]}
    )
    soon = choose("remind me to drink water in 2 minutes", [tool])
    assert soon is not None and soon.arguments == {"text": "drink water", "delay_seconds": 120}
    later = choose("remind me to cook at 6 pm", [tool])
    assert later is not None and later.arguments["text"] == "cook"
    assert later.arguments["at"].endswith("T18:00") and "delay_seconds" not in later.arguments


def test_no_tool_is_called_by_chance() -> None:
    for said in ("hello", "what is the meaning of life", "I like my city", "tell me more"):
        assert choose(said, [WEATHER, DICE, REMINDER, LIGHT]) is None


def test_results_become_sentences() -> None:
    assert word_result("t", "22 degrees and sunny", chinese=False) == "22 degrees and sunny"
    assert word_result("t", '{"temperature": 22, "sky": "clear"}', chinese=False) == "temperature: 22, sky: clear."
    assert word_result("t", "", chinese=False) == "Done."
    assert word_result("t", "[1, 2]", chinese=True) == "1，2。"


def test_files_in_the_hosts_own_form() -> None:
    message = (
        "[Quoted message: earlier words]\n\nread the file\n\n"
        "[File notes.txt]\nfirst [line]\nsecond\n[End of File notes.txt]\n\n"
        "[Recording a.wav]\nand be quick\n[End of Recording a.wav]\n\n[photo.bin could not be read: unknown format]"
    )
    said, documents = split_documents(message)
    assert said.split() == ["read", "the", "file", "and", "be", "quick"]
    assert documents == [
        Document("notes.txt", "first [line]\nsecond"),
        Document("", "", "photo.bin could not be read: unknown format"),
    ]
    assert "photo.bin could not be read" in describe(documents)


def test_files_are_told_apart_from_what_the_user_wrote() -> None:
    said, documents = split_documents('What is this?\n<attachment name="notes.txt">first line\nsecond</attachment>')
    assert (said, documents) == ("What is this?", [Document("notes.txt", "first line\nsecond")])
    said, documents = split_documents("[File: a.txt]\nalpha\n[File: b.txt]\nbeta")
    assert said == ""
    assert documents == [Document("a.txt", "alpha"), Document("b.txt", "beta")]
    assert describe(documents) == (
        "The file a.txt has 1 line and 1 word. It begins: alpha\nThe file b.txt has 1 line and 1 word. It begins: beta"
    )

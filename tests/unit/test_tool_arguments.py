"""What a model writes as arguments of a call: read, put right where that is sure, else refused with the reason."""

from __future__ import annotations

from typing import Any

import pytest

from astrbot_like.api.tools import FunctionTool
from astrbot_like.domain.tool_arguments import UnreadableArguments, read_arguments
from astrbot_like.engine.tool_arguments import problem_of

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "days": {"type": "integer"},
        "exact": {"type": "boolean"},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
        "places": {"type": "array", "items": {"type": "number"}},
        "where": {"type": "object", "properties": {"street": {"type": "string"}}, "required": ["street"]},
        "any": {"$ref": "#/$defs/what"},
        "none": {"type": ["string", "null"]},
    },
    "required": ["city"],
}


@pytest.mark.parametrize(
    ("written", "arguments"), [("", {}), ("  ", {}), ("null", {}), ('{"a": [1]}', {"a": [1]}), (' {"a":1}\n', {"a": 1})]
)
def test_what_can_be_read(written: str, arguments: dict[str, Any]) -> None:
    read = read_arguments(written)
    assert read == arguments and not isinstance(read, UnreadableArguments)


@pytest.mark.parametrize("written", ['{"a": ', "[1]", "5", '"city"', "true", "city=Berlin", '{"a":1}{"b":2}'])
def test_what_cannot(written: str) -> None:
    read = read_arguments(written)
    assert isinstance(read, UnreadableArguments) and read == {}
    problem = problem_of(FunctionTool("t", "d", SCHEMA), read)
    assert written.strip() in problem and "not a JSON object" in problem


def test_little_is_shown_of_what_is_long() -> None:
    problem = problem_of(FunctionTool("t", "d", SCHEMA), read_arguments("x" * 100_000))
    assert len(problem) < 1000


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ({"city": "Berlin"}, None),
        ({"city": "Berlin", "days": "3"}, {"city": "Berlin", "days": 3}),
        ({"city": "Berlin", "days": 3.0}, None),
        ({"city": "Berlin", "exact": "true"}, {"city": "Berlin", "exact": True}),
        ({"city": "Berlin", "places": ["1.5", 2]}, {"city": "Berlin", "places": [1.5, 2]}),
        ({"city": "Berlin", "places": "[1]"}, {"city": "Berlin", "places": [1]}),
        ({"city": "5"}, None),
        ({"city": "Berlin", "any": {"x": 1}}, None),
        ({"city": "Berlin", "days": None, "none": None}, None),
        ({"city": "Berlin", "more": 1}, None),
    ],
)
def test_what_a_tool_is_called_with(given: dict[str, Any], taken: dict[str, Any] | None) -> None:
    wanted = dict(given) if taken is None else taken
    assert problem_of(FunctionTool("t", "d", SCHEMA), given) == ""
    assert given == wanted


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "city is missing"),
        ({"city": None}, "city must be a string"),
        ({"city": 5}, "city must be a string, not 5"),
        ({"city": "Berlin", "days": "three"}, "days must be an integer, not 'three'"),
        ({"city": "Berlin", "days": 2.5}, "days must be an integer"),
        ({"city": "Berlin", "days": True}, "days must be an integer"),
        ({"city": "Berlin", "unit": "kelvin"}, "unit must be one of celsius, fahrenheit"),
        ({"city": "Berlin", "places": [1, "x"]}, "places[1] must be a number"),
        ({"city": "Berlin", "where": {}}, "where.street is missing"),
        ({"city": "Berlin", "none": 5}, "none must be a string or null"),
    ],
)
def test_what_is_refused(given: dict[str, Any], words: str) -> None:
    assert words in problem_of(FunctionTool("t", "d", SCHEMA), given)


def test_what_a_handler_does_not_take_is_refused() -> None:
    async def handler(event: Any, city: str, days: int = 1) -> None: ...

    loose = {"type": "object", "properties": {"city": {"type": "string"}}}
    tool = FunctionTool("t", "d", loose, handler=handler)
    assert problem_of(tool, {"city": "Berlin"}) == ""
    assert "'city'" in problem_of(tool, {})
    assert "'country'" in problem_of(tool, {"city": "Berlin", "country": "Germany"})

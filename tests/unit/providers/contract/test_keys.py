"""Several keys: whatever kind of provider it is, the next one takes over when one is refused or used up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from astrbot_like.api.kit.attempts import Attempts
from astrbot_like.api.kit.errors import Blame, Failure, ServiceError
from astrbot_like.api.kit.options import KeyRing, keys
from astrbot_like.api.kit.wav import wav_bytes
from tests.unit.providers.contract.chat_rows import CHAT_MODELS
from tests.unit.providers.contract.checks import DEADLINE
from tests.unit.providers.contract.embedding_rows import EMBEDDERS
from tests.unit.providers.contract.recognition_rows import RECOGNISERS
from tests.unit.providers.contract.speech_rows import SPEAKERS
from tests.unit.providers.contract.subjects import RIGHT_KEY, WRONG_KEY, Fault, Running, Subject, ended
from tests.unit.providers.contract.test_recognition import STREAMING

OTHER_WRONG_KEY = "sk-wrong-as-well-0123456789"
BLAME = Blame("voice", "The service")


def each_keyed(subjects: list[Subject]) -> pytest.MarkDecorator:
    rows = [pytest.param(one, id=one.name) for one in subjects if Fault.BAD_KEY in one.faults]
    return pytest.mark.parametrize("running", rows, indirect=True)


async def with_keys(running: Running, use: Callable[[Any], Awaitable[Any]]) -> Any:
    """What comes of using the provider when only the last of its keys is right."""
    running.service.meet(Fault.BAD_KEY)
    options = {
        name: [WRONG_KEY, OTHER_WRONG_KEY, RIGHT_KEY] if value in (RIGHT_KEY, [RIGHT_KEY]) else value
        for name, value in running.subject.options(running.service.url).items()
    }
    provider = running.subject.make({**options, "timeout": 10, "id": "many", "type": running.subject.type}, {})
    try:
        async with asyncio.timeout(DEADLINE):
            return await use(provider)
    finally:
        await ended(provider)


@each_keyed(CHAT_MODELS[2:])  # those of the mock upstream take any key
async def test_chat(running: Running) -> None:
    answer = await with_keys(running, lambda provider: provider.text_chat(prompt="hello"))
    assert answer.completion_text == running.subject.expected


@each_keyed(EMBEDDERS)
async def test_embedding(running: Running) -> None:
    vectors = await with_keys(running, lambda provider: provider.get_embeddings(["a", "bb"]))
    assert vectors == [running.subject.expected("a"), running.subject.expected("bb")]


@each_keyed(SPEAKERS)
async def test_speech(running: Running) -> None:
    async def spoken(provider: Any) -> bytes:
        return b"".join([piece async for piece in provider.speech("Hello.")])

    assert await with_keys(running, spoken) == running.subject.expected("Hello.")


@each_keyed(RECOGNISERS)
async def test_recognition_of_a_recording(running: Running, tmp_path: Path) -> None:
    path = tmp_path / "recording.wav"
    path.write_bytes(wav_bytes(bytes(32000), 16000))
    assert await with_keys(running, lambda provider: provider.get_text(str(path))) == running.subject.expected


@each_keyed(STREAMING)
async def test_recognition_while_the_user_speaks(running: Running) -> None:
    async def heard(provider: Any) -> str:
        utterance = provider.open_stream()
        for _ in range(20):
            utterance.push(bytes(640))
        return await utterance.finish()

    assert await with_keys(running, heard) == running.subject.expected
    assert running.service.heard >= 20 * 640  # nothing was lost with the keys that were refused


def refusing(ring: KeyRing, right: str, failure: Failure = "auth") -> tuple[Callable[[], Awaitable[str]], list[str]]:
    used: list[str] = []

    async def call() -> str:
        used.append(key := ring.current)
        await asyncio.sleep(0)
        if key != right:
            raise BLAME.said("no", failure)
        return key

    return call, used


async def test_calls_that_fail_at_once_do_not_pass_over_the_right_key() -> None:
    ring = KeyRing(["bad", "good"])
    call, used = refusing(ring, "good")
    found = await asyncio.gather(*(Attempts(ring).result(call) for _ in range(3)))
    assert found == ["good"] * 3
    assert used == ["bad"] * 3 + ["good"] * 3
    assert await Attempts(ring).result(call) == "good"
    assert used[-1:] == ["good"]  # the next call begins with the one that works


async def test_each_key_is_tried_once() -> None:
    ring = KeyRing(["a", "b", "c"])
    call, used = refusing(ring, "none", "rate_limit")
    with pytest.raises(ServiceError):
        await Attempts(ring).result(call)
    assert used == ["a", "b", "c"]


async def test_another_key_does_not_help_against_other_failures() -> None:
    ring = KeyRing(["a", "b"])
    call, used = refusing(ring, "none", "bad_request")
    with pytest.raises(ServiceError):
        await Attempts(ring).result(call)
    assert used == ["a"]


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ({"key": ["a", "b", "a"]}, ["a", "b"]),
        ({"api_key": "a"}, ["a"]),
        ({"api_key": " a, b\nc "}, ["a", "b", "c"]),
        ({"key": [], "api_key": ""}, []),
        ({"key": 'other[{"OTTS_SKEY": "a, b"}]'}, ['other[{"OTTS_SKEY": "a, b"}]']),
    ],
)
def test_how_keys_are_written(config: dict[str, Any], found: list[str]) -> None:
    assert keys(config) == found

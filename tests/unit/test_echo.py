"""The bot's own voice is known by its sound, through a room too; other people's sentences are not taken for it."""

from __future__ import annotations

import numpy as np
import pytest

from astrbot_like.api.audio import resample
from astrbot_like.engine.echo import EchoMemory
from tests.support.spoken import say_all

BOT = "Today it is sunny and warm in the whole country, with a light wind from the west."
USERS = ["Stop please, I want to ask something else now.", "No wait, tell me about London instead."]
SECOND = 32_000


@pytest.fixture
async def voices() -> list[bytes]:
    return await say_all([BOT, *USERS])


def through_a_room(pcm: bytes, gain: float = 0.3) -> bytes:
    """Played by a loudspeaker and heard again: later, softer, with reverberation and noise."""
    dice = np.random.default_rng(1)
    response = dice.normal(0, 0.12, 4000) * np.exp(-np.arange(4000) / 900)
    response[0] = 1.0
    samples = np.frombuffer(pcm, "<i2").astype(np.float32)
    heard = np.convolve(samples, response)[: len(samples)] * gain + dice.normal(0, 60, len(samples))
    return bytes(6400) + np.clip(heard, -32768, 32767).astype("<i2").tobytes()


def remembers(pcm: bytes) -> EchoMemory:
    memory, sent = EchoMemory(12.0), resample(pcm, 16_000, 24_000)
    for at in range(0, len(sent), 12_000):
        memory.said(sent[at : at + 12_000], 24_000)
    return memory


async def test_what_was_sent_is_known_again(voices: list[bytes]) -> None:
    memory = remembers(voices[0])
    for start in (0.5, 1.1, 2.3):
        at = int(start * 16_000) * 2
        assert memory.verdict(voices[0][at : at + SECOND]) == "yes"
    # From its very beginning, with the silence before it.
    assert memory.verdict(bytes(4800) + voices[0][:SECOND]) == "yes"
    room = through_a_room(voices[0])
    for start in (0.5, 1.1, 1.9):
        at = int(start * 16_000) * 2
        assert memory.verdict(room[at : at + int(1.6 * SECOND)]) == "yes"


async def test_other_speech_is_not(voices: list[bytes]) -> None:
    memory = remembers(voices[0])
    room = through_a_room(voices[0])
    for user in voices[1:]:
        for at in range(0, len(user) - 2 * SECOND, SECOND // 4):
            assert memory.verdict(user[at : at + int(1.6 * SECOND)]) == "no"
        # Both at once.
        both = np.frombuffer(user[: 2 * SECOND], "<i2").astype(np.int32)
        both = both + np.frombuffer(room[SECOND : 3 * SECOND], "<i2")
        assert memory.verdict(np.clip(both, -32768, 32767).astype("<i2").tobytes()) == "no"


async def test_too_little_sound_says_nothing(voices: list[bytes]) -> None:
    memory = remembers(voices[0])
    assert memory.verdict(voices[0][SECOND : SECOND + 6400]) == "no"
    assert memory.verdict(bytes(SECOND)) == "no"
    assert EchoMemory(12.0).verdict(voices[0][:SECOND]) == "no"

"""What people say to an assistant, to measure recognition on; none of it was taken from the recogniser's phrases."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

REQUESTS: Sequence[str] = """
what time is it
what time is it in tokyo right now
set a timer for five minutes
set a timer for twenty minutes please
wake me up at seven thirty
wake me up tomorrow at six
what is the weather like today
will it be cold tomorrow morning
do i need a jacket today
tell me a joke
tell me a story
tell me a short story about a dog
turn on the light in the kitchen
turn off all the lights
make it a little warmer in here
play some quiet music
stop the music
what is twelve times seven
how much is fifteen percent of eighty
what is the square root of one hundred
how many people live in france
how far is it from berlin to paris
what is the capital of australia
who wrote romeo and juliet
who was the first man on the moon
why is the sky blue
how do i cook an egg
what should i cook for dinner tonight
add milk and bread to my shopping list
what is on my shopping list
remind me to call my mother at five
remind me to water the plants tomorrow
do i have any meetings tomorrow
what day is it today
how many days are there in a year
how many inches are in a foot
convert ten miles to kilometers
translate good morning into french
how do you say thank you in german
what is your name
who are you
what can you do for me
can you hear me
can you help me with my homework
i am very tired today
i would like to talk about music
stop talking please
no that is not what i meant
wait a moment
never mind
say that again please
thank you very much
good night
yes please
no thanks
""".strip().splitlines()


def words(text: str) -> list[str]:
    """The words of a text as they are compared."""
    return text.lower().replace(",", " ").replace(".", " ").replace("?", " ").split()


def word_errors(said: Sequence[str], heard: Sequence[str]) -> int:
    """Words that would have to be changed, left out or added."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (word != other))
    return row[-1]


def error_rate(pairs: Iterable[tuple[str, str]]) -> float:
    """Word errors over the words that were said.

    Args:
        pairs: What was said, and what was heard.
    """
    errors = total = 0
    for said, heard in pairs:
        errors += word_errors(words(said), words(heard))
        total += len(words(said))
    return errors / total


def silence(seconds: float, level: float = 0.0, *, seed: int = 1) -> bytes:
    """Nothing but noise of a root mean square, 16 kHz mono s16le."""
    return noisy(bytes(int(seconds * 16_000) * 2), level, seed=seed)


def noisy(pcm: bytes, level: float, *, seed: int = 1) -> bytes:
    """Speech with white noise of a root mean square."""
    if level <= 0.0:
        return pcm
    samples = np.frombuffer(pcm, "<i2").astype(np.float32)
    samples += np.random.default_rng(seed).normal(0.0, level, len(samples))
    return np.clip(samples, -32768, 32767).astype("<i2").tobytes()


def louder(pcm: bytes, gain: float) -> bytes:
    """Speech at another level."""
    return np.clip(np.frombuffer(pcm, "<i2").astype(np.float32) * gain, -32768, 32767).astype("<i2").tobytes()

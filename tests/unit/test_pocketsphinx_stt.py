"""The embedded recogniser understands what the embedded speech engine says, and delays nobody while it works."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import struct
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from astrbot_like.api.audio import wav_bytes
from astrbot_like.domain.errors import ConfigError, ProviderError
from plugins.pocketsphinx_stt.main import PocketSphinxSTT
from plugins.pocketsphinx_stt.phrases import Likeness, Phrases
from scripts.measure_recognition import recogniser as recogniser_in_process
from tests.support.census import settle
from tests.support.spoken import say, say_all
from tests.support.spoken_requests import noisy, silence
from tests.unit.providers.contract.button import button_shows

SENTENCES = [
    "what time is it",
    "what day is it",
    "tell me a joke",
    "turn on the light in the kitchen",
    "how many people live in france",
    "stop",
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def recogniser() -> AsyncIterator[PocketSphinxSTT]:
    provider = PocketSphinxSTT({"id": "pocketsphinx", "type": "pocketsphinx_stt", "workers": 1}, {})
    yield provider
    await provider.terminate()


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def hear(provider: PocketSphinxSTT, pcm: bytes, partials: list[str] | None = None) -> str:
    stream = provider.open_stream(on_partial=partials.append if partials is not None else None)
    for at in range(0, len(pcm), 640):
        stream.push(pcm[at : at + 640])
    return await stream.finish()


async def test_it_understands_the_embedded_speech(recogniser: PocketSphinxSTT) -> None:
    spoken = await say_all(SENTENCES)
    heard = [await hear(recogniser, pcm) for pcm in spoken]
    assert heard == SENTENCES


async def test_it_understands_other_voices_and_levels(recogniser: PocketSphinxSTT) -> None:
    for config in ({"voice": "en"}, {"voice": "en-us", "rate": 175}, {"volume": 20}, {"volume": 180}):
        pcm = await say("What time is it?", **config)
        assert await hear(recogniser, pcm) == "what time is it", config


@pytest.mark.parametrize(("before", "after", "room"), [(2.5, 2.0, 0), (6.0, 0.5, 0), (1.0, 4.0, 0), (2.5, 2.0, 30)])
async def test_silence_around_the_words_is_not_heard_as_words(
    recogniser: PocketSphinxSTT, before: float, after: float, room: float
) -> None:
    """As with push to talk: the button is down long before and after what is said."""
    for text in ("tell me a story", "what time is it"):
        spoken = noisy(silence(before) + await say(text) + silence(after), room)
        assert await hear(recogniser, spoken) == text


async def test_words_after_a_long_pause_are_heard_too(recogniser: PocketSphinxSTT) -> None:
    first, second = await say_all(["turn on the light", "tell me a joke"])
    heard = await hear(recogniser, first + silence(3.0) + second)
    assert heard.startswith("turn on the light") and heard.endswith("joke")


async def test_it_does_not_hear_assistant_sentences_in_everything(recogniser: PocketSphinxSTT) -> None:
    heard = await hear(recogniser, await say("The committee decided to postpone the vote until September."))
    # The speech engine never says it twice alike; these words are heard each time.
    assert {"postpone", "vote", "september"} <= set(heard.split())


@pytest.mark.parametrize("seconds", [0.0, 0.01, 2.0])
async def test_silence_is_no_text(recogniser: PocketSphinxSTT, seconds: float) -> None:
    assert await hear(recogniser, bytes(int(seconds * 16_000) * 2)) == ""


async def test_steady_noise_is_no_text(recogniser: PocketSphinxSTT) -> None:
    source = random.Random(1)
    noise = struct.pack("<32000h", *(int(source.gauss(0, 400)) for _ in range(32_000)))
    assert await hear(recogniser, noise) == ""


@pytest.mark.exercises("pocketsphinx_stt", "stream")
async def test_partials_come_while_speaking(recogniser: PocketSphinxSTT) -> None:
    pcm = await say("Turn on the light in the kitchen. What time is it?")
    partials: list[str] = []
    stream = recogniser.open_stream(on_partial=partials.append)
    for at in range(0, len(pcm), 3200):
        stream.push(pcm[at : at + 3200])
    assert await settle(lambda: bool(partials))
    assert partials[0].startswith("turn")
    await stream.finish()


@pytest.mark.exercises("pocketsphinx_stt", "text")
async def test_a_pause_after_few_words_gives_a_partial(recogniser: PocketSphinxSTT) -> None:
    pcm = await say("Turn on the light.")
    partials: list[str] = []
    stream = recogniser.open_stream(on_partial=partials.append)
    stream.push(pcm[: int(0.75 * 32_000)] + bytes(32_000))
    assert await settle(lambda: bool(partials))
    await stream.abort()
    assert partials[0].startswith("turn")


async def test_a_file(recogniser: PocketSphinxSTT, tmp_path: Path) -> None:
    path = tmp_path / "question.wav"
    path.write_bytes(wav_bytes(await say("What time is it?", hz=24_000), 24_000))
    assert await recogniser.get_text(str(path)) == "what time is it"
    with pytest.raises(ProviderError, match="not there"):
        await recogniser.get_text(str(tmp_path / "none.wav"))


async def test_the_loop_does_nothing_of_the_work(recogniser: PocketSphinxSTT) -> None:
    pcm = await say("Turn on the light in the kitchen. " * 2)
    await hear(recogniser, bytes(6400))  # its process runs
    worker = recogniser._pool._processes[0]._process.pid
    before, here = processor_time(worker), time.thread_time()
    await hear(recogniser, pcm)
    # Processor time, for what else the machine does is no matter of ours.
    decoding, waiting = processor_time(worker) - before, time.thread_time() - here
    assert decoding > 0.2
    assert waiting < decoding / 4


def processor_time(pid: int) -> float:
    """Seconds of processor time that a process has used; see proc_pid_stat(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def test_a_complete_utterance_goes_before_one_that_is_still_spoken(recogniser: PocketSphinxSTT) -> None:
    question, long = await say_all(["What time is it?", "Turn on the light in the kitchen."])
    speaking = recogniser.open_stream()
    speaking.push(long[:32_000])
    assert await hear(recogniser, question) == "what time is it"
    speaking.push(long[32_000:])
    assert await speaking.finish() == "turn on the light in the kitchen"


@pytest.mark.exercises("pocketsphinx_stt", "cancel")
async def test_an_aborted_utterance_frees_its_process_at_once(recogniser: PocketSphinxSTT) -> None:
    # It would take a minute to decode on a fast machine.
    pcm = await say("Turn on the light in the kitchen. ") * 55
    stream = recogniser.open_stream()
    stream.push(pcm)
    task = asyncio.create_task(stream.finish())
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.wait({task})
    started = time.perf_counter()
    assert await hear(recogniser, await say("Stop.")) == "stop"
    assert time.perf_counter() - started < 25.0
    await stream.abort()


async def test_a_process_gets_nothing_new_before_it_has_let_go(recogniser: PocketSphinxSTT) -> None:
    pcm = await say("What time is it?")
    assert await hear(recogniser, pcm) == "what time is it"
    [process] = recogniser._pool._processes
    os.kill(process._process.pid, signal.SIGSTOP)
    dropped = recogniser.open_stream()
    dropped.push(pcm)
    await dropped.abort()
    stream = recogniser.open_stream()
    stream.push(pcm)
    assert process.utterance is None
    os.kill(process._process.pid, signal.SIGCONT)
    assert await stream.finish() == "what time is it"


async def test_a_process_that_does_not_let_go_is_replaced(
    recogniser: PocketSphinxSTT, monkeypatch: pytest.MonkeyPatch
) -> None:
    pcm = await say("What time is it?")
    await hear(recogniser, pcm)
    [busy] = recogniser._pool._processes
    os.kill(busy._process.pid, signal.SIGSTOP)
    monkeypatch.setattr("plugins.pocketsphinx_stt.process.DROP_SECONDS", 0.05)
    dropped = recogniser.open_stream()
    dropped.push(pcm)
    await dropped.abort()
    monkeypatch.undo()
    assert await hear(recogniser, pcm) == "what time is it"
    assert busy not in recogniser._pool._processes
    assert await settle(lambda: busy._process.returncode is not None)


async def test_a_dropped_utterance_is_not_recognised_to_its_end() -> None:
    recognises = recogniser_in_process()
    # No sentence of an assistant's: the slow model would have to catch up with it.
    pcm = await say("The committee decided to postpone the vote until September.")
    recognises.start()
    recognises.push(pcm)
    looks: list[bool] = []

    def dropped() -> bool:
        looks.append(True)
        return len(looks) == 3

    assert recognises.finish(dropped) == ""
    assert len(looks) == 3
    recognises.abort()
    recognises.push(await say("What time is it?"))
    assert recognises.finish() == "what time is it"


async def test_a_process_that_dies_is_replaced(recogniser: PocketSphinxSTT) -> None:
    pcm = await say("What time is it?")
    stream = recogniser.open_stream()
    stream.push(pcm)
    os.kill(recogniser._pool._processes[0]._process.pid, 9)
    with pytest.raises(ProviderError, match="ended unexpectedly"):
        await stream.finish()
    assert await hear(recogniser, pcm) == "what time is it"


async def test_nothing_is_left_behind() -> None:
    before = asyncio.all_tasks()
    provider = PocketSphinxSTT({"id": "pocketsphinx"}, {})
    await provider.initialize()
    stream = provider.open_stream()
    stream.push(b"\1\0" * 16_000)
    await asyncio.sleep(0.05)
    await provider.terminate()
    with pytest.raises(asyncio.CancelledError):
        await stream.finish()
    assert asyncio.all_tasks() == before


@pytest.mark.exercises("pocketsphinx_stt", "error mapping")
async def test_wrong_options_are_named() -> None:
    with pytest.raises(ConfigError, match="workers"):
        PocketSphinxSTT({"id": "x", "workers": "many"}, {})


@pytest.mark.exercises("pocketsphinx_stt", "test button")
async def test_the_test_button_shows_that_it_answers() -> None:
    assert "heard" in (await button_shows(PocketSphinxSTT, {"workers": 1})).answer


async def test_phrases_are_drawn_the_same_each_time_and_known_to_the_dictionary() -> None:
    from importlib.util import find_spec

    folder = Path(__file__).parents[2] / "plugins" / "pocketsphinx_stt"
    phrases = Phrases(folder / "phrases.txt")
    sentences = phrases.sentences()
    assert sentences == phrases.sentences()
    assert "what time is it" in sentences
    spec = find_spec("pocketsphinx")
    assert spec is not None and spec.submodule_search_locations
    dictionary = Path(spec.submodule_search_locations[0]) / "model" / "en-us" / "cmudict-en-us.dict"
    known = {line.split()[0] for line in dictionary.read_text().splitlines() if line.strip()}
    assert {word for sentence in sentences for word in sentence.split()} <= known
    likeness = Likeness(sentences)
    assert likeness.of("what time is it") == 1.0
    assert likeness.of("ten of close") < 0.6

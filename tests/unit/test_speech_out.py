"""Speech of a reply: order, pacing, look-ahead, failures, fallback, cancellation."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from astrbot_like.domain.errors import BotError, ProviderError
from astrbot_like.domain.events import SpeechChunk, SpokenText, TurnFailed
from astrbot_like.engine.audio import wav_bytes
from astrbot_like.engine.speech_out import SpeechOut
from astrbot_like.engine.voice_settings import VoiceSettings
from astrbot_like.runtime.clock import SystemClock
from tests.support.virtual_time import run_virtual


class Streamed:
    """A streaming provider: 0.1 s of audio for each word, each sample the word's number."""

    def __init__(self, *, fail: set[str] | None = None, delay: float = 0.0, rate: int = 24_000, pairs: bool = False):
        self.fail = fail or set()
        self.delay = delay
        self.rate = rate
        self.pairs = pairs
        self.asked: list[str] = []
        self.running = 0

    def support_stream(self) -> bool:
        return True

    async def get_audio_stream(self, texts: asyncio.Queue[Any], audio: asyncio.Queue[Any]) -> None:
        self.running += 1
        try:
            while (text := await texts.get()) is not None:
                self.asked.append(text)
                for word in text.split():
                    if self.delay:
                        await asyncio.sleep(self.delay)
                    if word in self.fail:
                        raise RuntimeError(f"no {word}")
                    wav = wav_bytes(len(word).to_bytes(2, "little") * (self.rate // 10), self.rate)
                    await audio.put((word, wav) if self.pairs else wav)
            await audio.put(None)
        finally:
            self.running -= 1


class Whole:
    """A provider that writes a file."""

    def __init__(self, folder: Any, seconds: float = 0.5):
        self.folder = folder
        self.seconds = seconds
        self.count = 0

    def support_stream(self) -> bool:
        return False

    async def get_audio(self, text: str) -> str:
        self.count += 1
        path = self.folder / f"{self.count}.wav"
        path.write_bytes(wav_bytes(b"\1\0" * int(self.seconds * 24_000), 24_000))
        return str(path)


class Source:
    def __init__(self, instance: Any, name: str = "tts"):
        self.id = name
        self.type = name + "_type"
        self.instance = instance


class Reports:
    def __init__(self) -> None:
        self.log: list[tuple[str, str]] = []

    def succeeded(self, entry: Any) -> None:
        self.log.append((entry.id, "ok"))

    def failed(self, entry: Any, error: BaseException) -> BotError:
        self.log.append((entry.id, type(error).__name__))
        return ProviderError(f"{entry.id}: {error}")


async def chunks_of(*texts: str) -> AsyncIterator[str]:
    for text in texts:
        yield text


def speech_of(*instances: Any, settings: VoiceSettings | None = None, **more: Any) -> tuple[SpeechOut, Reports]:
    reports = Reports()
    chain = [Source(instance, f"tts{number}") for number, instance in enumerate(instances)]
    return SpeechOut(chain, reports, settings or VoiceSettings(), SystemClock(), **more), reports


async def collect(out: SpeechOut, *texts: str) -> list[tuple[float, Any]]:
    loop = asyncio.get_running_loop()
    return [(loop.time(), event) async for event in out.run(chunks_of(*texts))]


def spoken(events: list[tuple[float, Any]]) -> str:
    return "".join(e.text for _, e in events if isinstance(e, SpokenText))


def test_text_goes_before_its_audio_and_all_is_spoken() -> None:
    out, reports = speech_of(Streamed())
    events = run_virtual(collect(out, "one three. ", "four five six."))
    kinds = [type(e).__name__ for _, e in events if not type(e).__name__.startswith("Metrics")]
    assert kinds == [
        *("SpokenText", "SpeechChunk", "SpeechChunk", "SentenceSent"),
        *("SpokenText", "SpeechChunk", "SpeechChunk", "SpeechChunk", "SentenceSent"),
    ]
    assert spoken(events) == "one three. four five six."
    assert reports.log == [("tts0", "ok"), ("tts0", "ok")]


def test_pieces_tell_how_much_of_their_sentence_follows() -> None:
    out, _ = speech_of(Streamed(), settings=VoiceSettings(speech_lead=0.3))
    events = run_virtual(collect(out, "one two three four five six seven eight."))
    follows = [e.follows for _, e in events if isinstance(e, SpeechChunk)]
    assert follows[0] is None or follows[0] == pytest.approx(0.7)
    assert [round(f, 2) for f in follows[-3:] if f is not None] == [0.2, 0.1, 0.0]


def test_words_that_the_provider_names_are_announced_one_by_one() -> None:
    out, _ = speech_of(Streamed(pairs=True))
    events = run_virtual(collect(out, "one two two. ", "x"))
    assert spoken(events) == "one two two. x"
    assert isinstance(events[0][1], SpokenText) and events[0][1].text == "one "


def test_pacing_keeps_the_lead_small() -> None:
    out, _ = speech_of(Streamed(), settings=VoiceSettings(speech_lead=1.0))
    events = run_virtual(collect(out, " ".join(["word"] * 100)))
    sent = 0.0
    for at, event in events:
        if isinstance(event, SpeechChunk):
            sent += len(event.pcm) / 48_000
            assert sent - at <= 1.0 + 1e-6
    assert sent == pytest.approx(10.0)
    assert events[-1][0] == pytest.approx(9.0, abs=0.2)


def test_the_next_sentence_is_made_while_one_plays_and_no_further() -> None:
    provider = Streamed()
    out, _ = speech_of(provider, settings=VoiceSettings(look_ahead=1))

    async def scenario() -> list[str]:
        run = out.run(chunks_of(*[f"{n} {'word ' * 50}." for n in range(6)]))
        async with contextlib.aclosing(run):
            async for event in run:
                if isinstance(event, SpeechChunk):
                    await asyncio.sleep(0.5)
                    break
        return provider.asked

    assert len(run_virtual(scenario())) == 2
    assert provider.running == 0


def test_a_failing_sentence_is_reported_and_the_next_one_spoken() -> None:
    out, _ = speech_of(Streamed(fail={"bad."}))
    events = run_virtual(collect(out, "fine. ", "bad. ", "good."))
    failures = [e for _, e in events if isinstance(e, TurnFailed)]
    assert [f.fatal for f in failures] == [False]
    assert failures[0].code == "PROVIDER_ERROR"
    assert spoken(events) == "fine. good."


def test_the_next_provider_takes_over_before_the_first_output() -> None:
    dead, alive = Streamed(fail={"hello"}), Streamed()
    out, reports = speech_of(dead, alive)
    events = run_virtual(collect(out, "hello there. ", "hello again."))
    assert spoken(events) == "hello there. hello again."
    assert not [e for _, e in events if isinstance(e, TurnFailed)]
    assert reports.log[0] == ("tts0", "RuntimeError")
    assert ("tts0", "ok") not in reports.log
    assert out.provider == "tts1_type"


def test_a_provider_that_hangs_is_cut_off() -> None:
    out, reports = speech_of(Streamed(delay=1e9), settings=VoiceSettings(sentence_deadline=5.0))
    events = run_virtual(collect(out, "hello."))
    assert [e.code for _, e in events if isinstance(e, TurnFailed)] == ["PROVIDER_ERROR"]
    assert reports.log == [("tts0", "TimeoutError")]
    assert events[-1][0] == pytest.approx(5.0)


def test_cancelling_leaves_nothing_running() -> None:
    provider = Streamed(delay=1.0)

    async def scenario() -> int:
        out, _ = speech_of(provider)
        task = asyncio.create_task(collect(out, "one two three. ", "four five."))
        await asyncio.sleep(1.5)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.01)
        return len(asyncio.all_tasks())

    assert run_virtual(scenario()) == 1
    assert provider.running == 0


def test_resampled_to_the_rate_asked_for() -> None:
    out, _ = speech_of(Streamed(rate=22_050), rate=48_000)
    events = run_virtual(collect(out, "one two three four."))
    chunks = [e for _, e in events if isinstance(e, SpeechChunk)]
    assert {c.rate for c in chunks} == {48_000}
    assert sum(len(c.pcm) for c in chunks) / 96_000 == pytest.approx(0.4, abs=0.002)


async def test_files_are_read_and_those_of_the_temp_folder_deleted(tmp_path: Any) -> None:
    out, _ = speech_of(Whole(tmp_path), temp_dir=tmp_path)
    events = await collect(out, "one. ", "😊 ", "two.")
    assert spoken(events) == "one. 😊 two."
    assert not list(tmp_path.iterdir())
    assert max(len(e.pcm) for _, e in events if isinstance(e, SpeechChunk)) <= 24_000 * 2 * 0.25


def test_first_audio_waits_for_nothing() -> None:
    out, _ = speech_of(Streamed())
    events = run_virtual(collect(out, "hello there. "))
    assert next(at for at, event in events if isinstance(event, SpeechChunk)) == 0.0

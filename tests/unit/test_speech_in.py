"""Recognition of an utterance: streaming, from a file, hand-over, deadlines, limits."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from astrbot_like.domain.errors import ProviderError, SttNotConfigured, TooLarge, TurnTimeout
from astrbot_like.engine.audio import parse_wav
from astrbot_like.engine.speech_in import Utterance
from astrbot_like.engine.startup import Startup
from astrbot_like.engine.voice_settings import VoiceSettings
from astrbot_like.runtime.clock import SystemClock
from tests.support.virtual_time import run_virtual
from tests.unit.test_speech_out import Reports, Source

FRAME = b"\1\0" * 320


class FromFile:
    """Answers with the number of samples of the recording."""

    def __init__(self, error: Exception | None = None, delay: float = 0.0) -> None:
        self.error = error
        self.delay = delay
        self.paths: list[Path] = []

    async def get_text(self, audio_url: str) -> str:
        self.paths.append(Path(audio_url))
        if self.delay:
            await asyncio.sleep(self.delay)
        if self.error:
            raise self.error
        return f" {len(parse_wav(Path(audio_url).read_bytes()).data) // 2} "


class Stream:
    def __init__(self, owner: Any, on_partial: Any) -> None:
        self.owner = owner
        self.partial = on_partial
        self.size = 0
        self.ended = ""

    def push(self, pcm: bytes) -> None:
        if self.owner.fail_at and self.size >= self.owner.fail_at:
            raise RuntimeError("lost")
        self.size += len(pcm)
        self.partial(f"{self.size}")

    async def finish(self) -> str:
        await asyncio.sleep(self.owner.delay)
        self.ended = "finished"
        return f"streamed {self.size // 2}"

    async def abort(self) -> None:
        self.ended = self.ended or "aborted"


class Streaming:
    def __init__(self, *, delay: float = 0.0, fail_at: int = 0) -> None:
        self.delay = delay
        self.fail_at = fail_at
        self.streams: list[Stream] = []

    def open_stream(self, *, language: str | None = None, on_partial: Any = None) -> Stream:
        self.streams.append(Stream(self, on_partial))
        return self.streams[-1]


def utterance_of(*instances: Any, **more: Any) -> tuple[Utterance, Reports]:
    reports = Reports()
    chain = [Source(instance, f"stt{number}") for number, instance in enumerate(instances)]
    settings = more.pop("settings", VoiceSettings())
    return Utterance(chain, reports, settings, SystemClock(), **more), reports


def test_streaming_starts_on_the_first_frame() -> None:
    provider = Streaming()
    partials: list[str] = []

    async def scenario() -> Any:
        utterance, _ = utterance_of(provider, on_partial=partials.append)
        utterance.push(FRAME)
        assert len(provider.streams) == 1
        utterance.push(FRAME)
        return await utterance.finish()

    transcript = run_virtual(scenario())
    assert transcript.text == "streamed 640"
    assert transcript.provider == "stt0_type"
    assert partials == ["640", "1280"]


def test_a_file_is_made_and_removed(tmp_path: Path) -> None:
    provider = FromFile()

    async def scenario() -> Any:
        utterance, _ = utterance_of(provider, temp_dir=tmp_path)
        for _ in range(3):
            utterance.push(FRAME)
        return await utterance.finish()

    assert run_virtual(scenario()).text == "960"
    assert provider.paths[0].parent == tmp_path
    assert not list(tmp_path.iterdir())


def test_the_next_provider_gets_everything_said_so_far(tmp_path: Path) -> None:
    broken, whole = Streaming(fail_at=640), FromFile()

    async def scenario() -> Any:
        utterance, reports = utterance_of(broken, whole, temp_dir=tmp_path)
        for _ in range(4):
            utterance.push(FRAME)
        return await utterance.finish(), reports.log

    transcript, log = run_virtual(scenario())
    assert transcript.text == "1280"
    assert log == [("stt0", "RuntimeError"), ("stt1", "ok")]
    assert broken.streams[0].ended == "aborted"


def test_a_single_provider_that_lost_its_stream_gets_a_second_try() -> None:
    broken = Streaming(fail_at=640)

    async def scenario() -> Any:
        utterance, _ = utterance_of(broken)
        for _ in range(3):
            utterance.push(FRAME)
        broken.fail_at = 0
        return await utterance.finish()

    assert run_virtual(scenario()).text == "streamed 960"


def test_all_fail(tmp_path: Path) -> None:
    async def scenario() -> None:
        utterance, _ = utterance_of(FromFile(RuntimeError("down")), temp_dir=tmp_path)
        utterance.push(FRAME)
        await utterance.finish()

    with pytest.raises(ProviderError, match="down"):
        run_virtual(scenario())
    assert not list(tmp_path.iterdir())


def test_none_is_configured() -> None:
    async def scenario() -> None:
        utterance, _ = utterance_of()
        utterance.push(FRAME)
        await utterance.finish()

    with pytest.raises(SttNotConfigured):
        run_virtual(scenario())


def test_a_recogniser_that_hangs_is_cut_off() -> None:
    slow, fast = Streaming(delay=1e6), Streaming()

    async def scenario() -> Any:
        utterance, reports = utterance_of(slow, fast, settings=VoiceSettings(recognition_deadline=2.0))
        utterance.push(FRAME)
        return await utterance.finish(), reports.log, asyncio.get_running_loop().time()

    transcript, log, took = run_virtual(scenario())
    assert transcript.text == "streamed 320"
    assert log[0] == ("stt0", "TimeoutError")
    assert took == pytest.approx(2.0)
    assert slow.streams[0].ended == "aborted"


def test_cancelling_removes_the_recording_and_the_stream(tmp_path: Path) -> None:
    provider = FromFile(delay=100.0)

    async def scenario() -> None:
        utterance, _ = utterance_of(provider, temp_dir=tmp_path)
        utterance.push(FRAME)
        task = asyncio.create_task(utterance.finish())
        while not provider.paths:
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait({task})

    run_virtual(scenario())
    assert not list(tmp_path.iterdir())


def test_an_utterance_over_its_limit_stays_as_it_was() -> None:
    utterance, _ = utterance_of(FromFile(), settings=VoiceSettings(utterance_seconds=1.0))
    for _ in range(50):
        utterance.push(FRAME)
    with pytest.raises(TooLarge):
        utterance.push(FRAME)
    assert utterance.seconds == pytest.approx(1.0)
    assert len(utterance.pcm) == 32_000


async def _after(seconds: float, *instances: Any) -> list[Source]:
    await asyncio.sleep(seconds)
    return [Source(instance, f"stt{number}") for number, instance in enumerate(instances)]


def test_recognisers_of_a_starting_server_get_everything_that_was_said() -> None:
    provider = Streaming()

    async def run() -> None:
        utterance, _ = utterance_of(coming=lambda: _after(1.0, provider))
        utterance.push(FRAME)
        await asyncio.sleep(2.0)
        assert provider.streams[0].size == len(FRAME)
        utterance.push(FRAME)
        assert (await utterance.finish()).text == "streamed 640"
        early, _ = utterance_of(coming=lambda: _after(1.0, provider))
        early.push(FRAME)
        assert (await early.finish()).text == "streamed 320"
        dropped, _ = utterance_of(coming=lambda: _after(3600.0, provider))
        await dropped.abort()

    run_virtual(run())


def test_a_server_that_never_gets_ready_says_so() -> None:
    async def run() -> None:
        startup = Startup(SystemClock())

        async def chain() -> list[Source]:
            await startup.wait()
            return []

        utterance, _ = utterance_of(coming=chain)
        utterance.push(FRAME)
        with pytest.raises(TurnTimeout, match="still starting"):
            await utterance.finish()

    run_virtual(run())

"""What every service that recognises speech must do."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from astrbot_like.api.kit.errors import ServiceError
from astrbot_like.api.kit.wav import wav_bytes
from astrbot_like.api.speech import StreamingSTTProvider
from tests.unit.providers.contract.button import check_button
from tests.unit.providers.contract.checks import DEADLINE, check_failure, wait_until
from tests.unit.providers.contract.recognition_rows import RECOGNISERS
from tests.unit.providers.contract.subjects import Fault, Running, each, each_fault

FRAME = bytes(640)
"""20 ms at 16 kHz."""
FRAMES = 20
"""Two fifths of a second: some services take sound in pieces of a tenth or a fifth."""
STREAMING = [one for one in RECOGNISERS if isinstance(one.make, type) and issubclass(one.make, StreamingSTTProvider)]


@pytest.fixture
def recording(tmp_path: Path) -> str:
    """A second of stereo at 24 kHz: what is uploaded is seldom what a recogniser wants."""
    path = tmp_path / "recording.wav"
    path.write_bytes(wav_bytes(bytes(24000 * 2 * 2), 24000, channels=2))
    return str(path)


@each(RECOGNISERS, "text")
async def test_a_recording_is_recognised(running: Running, recording: str) -> None:
    assert await running.provider.get_text(recording) == running.subject.expected


@each(STREAMING, "stream")
async def test_speech_goes_up_while_it_is_spoken(running: Running) -> None:
    stream = running.provider.open_stream()
    before = running.service.heard
    for _ in range(FRAMES):
        stream.push(FRAME)
    async with asyncio.timeout(DEADLINE):
        await wait_until(lambda: running.service.heard - before >= FRAMES * len(FRAME))  # before anybody said "finish"
        assert await stream.finish() == running.subject.expected


@each(STREAMING, "cancel")
async def test_a_dropped_utterance_leaves_nothing(running: Running) -> None:
    stream = running.provider.open_stream()
    for _ in range(FRAMES):
        stream.push(FRAME)
    async with asyncio.timeout(DEADLINE):
        await wait_until(lambda: running.service.heard > 0)
        await stream.abort()
        await stream.abort()
        await wait_until(lambda: running.service.aborted == 1)


@each([one for one in RECOGNISERS if one not in STREAMING], "cancel")
async def test_a_recognition_that_is_left_is_given_up(running: Running, recording: str) -> None:
    running.service.meet(Fault.SILENCE)
    task = asyncio.create_task(running.provider.get_text(recording))
    async with asyncio.timeout(DEADLINE):
        await wait_until(lambda: running.service.under_way == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await wait_until(lambda: running.service.aborted == 1)


@each_fault(RECOGNISERS)
async def test_failures_are_coded_and_say_what_to_do(running: Running, fault: Fault, recording: str) -> None:
    async with running.failing(fault) as provider:
        with pytest.raises(ServiceError) as caught:
            await provider.get_text(recording)
    check_failure(running, fault, caught.value)


@each(RECOGNISERS, "test button")
async def test_the_button(running: Running, tmp_path: Path) -> None:
    shown = await check_button(running)
    assert running.subject.expected in shown.answer
    assert not list(tmp_path.rglob("*.wav"))

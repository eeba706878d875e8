"""What every service that speaks must do."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from astrbot_like.api.kit.errors import ServiceError
from astrbot_like.api.kit.wav import read_wav
from tests.unit.providers.contract.button import check_button, voices
from tests.unit.providers.contract.checks import DEADLINE, check_failure, wait_until
from tests.unit.providers.contract.speech_rows import SPEAKERS
from tests.unit.providers.contract.subjects import Fault, Running, each, each_fault

HELLO, NI_HAO = "Hello there, how are you today?", "你好，今天怎么样？"


async def spoken(provider: Any, *texts: str) -> list[tuple[str, bytes]]:
    """Each text with all its samples, through the queues that the engine uses."""
    said: asyncio.Queue[str | None] = asyncio.Queue()
    heard: asyncio.Queue[Any] = asyncio.Queue()
    for text in (*texts, None):
        said.put_nowait(text)
    await provider.get_audio_stream(said, heard)
    gathered: list[tuple[str, bytes]] = []
    while (item := heard.get_nowait()) is not None:
        text, wav = item if isinstance(item, tuple) else ("", item)
        if text:
            gathered.append((text, b""))
        gathered[-1] = (gathered[-1][0], gathered[-1][1] + read_wav(wav)[0])
    return gathered


@each(SPEAKERS, "text")
async def test_every_sample_arrives_once(running: Running) -> None:
    heard = await spoken(running.provider, HELLO, " ", NI_HAO)
    assert [text for text, _ in heard] == [HELLO, NI_HAO]
    path = Path(await running.provider.get_audio(HELLO))
    pcm, rate, channels, width = read_wav(path.read_bytes())
    assert (rate, channels, width) == (running.provider.sample_rate, 1, 2)
    assert pcm == heard[0][1]
    if running.subject.expected is not None:
        assert [pcm for _, pcm in heard] == [running.subject.expected(HELLO), running.subject.expected(NI_HAO)]


@each(SPEAKERS, "stream")
async def test_the_start_is_heard_before_the_end_is_made(running: Running) -> None:
    whole = (await spoken(running.provider, HELLO))[0][1]
    running.service.hold()
    said: asyncio.Queue[str | None] = asyncio.Queue()
    heard: asyncio.Queue[Any] = asyncio.Queue()
    said.put_nowait(HELLO)
    said.put_nowait(None)
    assert running.provider.support_stream()
    task = asyncio.create_task(running.provider.get_audio_stream(said, heard))
    async with asyncio.timeout(DEADLINE):
        text, wav = await heard.get()
        assert text == HELLO
        assert 0 < len(read_wav(wav)[0]) < len(whole)
        assert running.service.under_way == 1
        running.service.release()
        await task


@each(SPEAKERS, "cancel")
async def test_leaving_stops_the_service_and_the_next_text_is_spoken(running: Running) -> None:
    running.service.slow_down()
    said: asyncio.Queue[str | None] = asyncio.Queue()
    heard: asyncio.Queue[Any] = asyncio.Queue()
    said.put_nowait(HELLO)
    task = asyncio.create_task(running.provider.get_audio_stream(said, heard))
    async with asyncio.timeout(DEADLINE):
        await heard.get()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await wait_until(lambda: running.service.aborted == 1)
    running.service.hurry()
    assert (await spoken(running.provider, NI_HAO))[0][0] == NI_HAO


@each_fault(SPEAKERS)
async def test_failures_are_coded_and_say_what_to_do(running: Running, fault: Fault) -> None:
    async with running.failing(fault) as provider:
        with pytest.raises(ServiceError) as caught:
            await spoken(provider, HELLO)
    check_failure(running, fault, caught.value)


@each(SPEAKERS, "test button")
async def test_the_button(running: Running, tmp_path: Path) -> None:
    shown = await check_button(running)
    assert "speech" in shown.answer
    assert not list(tmp_path.rglob("*.wav"))


@each([one for one in SPEAKERS if hasattr(one.make, "get_voices")], "listing")
async def test_voices_are_listed(running: Running) -> None:
    listed = await voices(running)
    assert listed
    assert all(voice.id and voice.name for voice in listed)

"""Random and mutated frames on every socket: nothing crashes, hangs or leaks, and every connection answers a ping.

``make soak`` sends a million frames; the short form a few thousand. ``FUZZ_SEED`` repeats a run.
"""

import asyncio
import logging
import os
import random
from pathlib import Path

import pytest

from tests.support.census import count, settle, task_names
from tests.support.frames import check_frame
from tests.support.fuzz import Fuzzer
from tests.support.houses import House, scripted_house
from tests.support.live_client import connect

SOCKETS = {
    "live": ("/api/live_chat/ws", {}, '{"t":"ping"}'),
    "unified": ("/api/unified_chat/ws", {}, '{"t":"ping"}'),
    "key live": ("/api/v1/live/ws", {"username": "ann"}, '{"t":"ping"}'),
    "key chat": ("/api/v1/live/ws", {"username": "ann", "ct": "chat"}, '{"t":"ping"}'),
    "binary": ("/api/v1/live/ws", {"username": "ann", "binary": "1", "audio": "pcm16"}, '{"t":"ping"}'),
    "open chat": ("/api/v1/chat/ws", {}, '{"t":"ping"}'),
}
BATCH = 200


async def torment(house: House, name: str, frames: int, seed: int) -> None:
    """Send ``frames`` frames on one kind of socket; each batch has a new connection and ends with a ping."""
    path, query, ping = SOCKETS[name]
    fuzzer = Fuzzer(seed)
    for _ in range(max(1, frames // BATCH)):
        async with connect(house.ws(path, **query)) as client:
            for _ in range(BATCH):
                await client.socket.send(fuzzer.frame())
                if random.random() < 0.02:  # some read, some don't
                    await asyncio.sleep(0)
            await client.socket.send(ping)
            await answered(client.socket, name)


async def answered(socket, name: str) -> None:
    """Read until the pong; every frame is JSON or audio."""
    async with asyncio.timeout(30):
        while True:
            raw = await socket.recv()
            if isinstance(raw, str):
                frame = check_frame(raw)
                if "pong" in (frame.get("t"), frame.get("type")):
                    return


async def fuzz(tmp_path: Path, frames: int, caplog: pytest.LogCaptureFixture) -> None:
    seed = int(os.environ.get("FUZZ_SEED", "0")) or random.randrange(2**31)
    print(f"FUZZ_SEED={seed}")
    caplog.set_level(logging.ERROR)
    async with scripted_house(tmp_path, chat={"reply": "One. Two."}) as house:
        for number, name in enumerate(SOCKETS):
            await torment(house, name, BATCH, seed + number)
        assert await settle(lambda: len(house.app._sockets or ()) == 0, 20)
        await asyncio.sleep(0.5)
        before = count(house.data)
        await asyncio.gather(
            *(torment(house, name, frames // len(SOCKETS), seed + 100 + n) for n, name in enumerate(SOCKETS))
        )
        assert await settle(lambda: len(house.app._sockets or ()) == 0, 30)
        assert await settle(lambda: count(house.data).tasks <= before.tasks + 2, 30), task_names()
        after = count(house.data)
        print(f"{frames} frames: before {before}, after {after}")
        assert after.sockets <= before.sockets + 2
        assert after.files <= before.files
    defects = [record for record in caplog.records if "handling failed" in record.message or "writer" in record.message]
    assert not defects, defects[0].exc_info


@pytest.mark.timeout(300)
async def test_fuzz(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    await fuzz(tmp_path, 2_400, caplog)


@pytest.mark.soak
async def test_a_million_frames(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    await fuzz(tmp_path, int(os.environ.get("FUZZ_FRAMES", "1000000")), caplog)

"""Random and mutated frames on every socket: nothing crashes, hangs or leaks, and every connection answers a ping.

``make soak`` sends a million frames; the short form a few thousand. ``FUZZ_SEED`` repeats a run, ``FUZZ_FRAMES`` says
how long it is, and ``SOAK_SECONDS`` ends it earlier on a machine that has other things to do.
"""

import asyncio
import os
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import websockets

from astrbot_like.dashboard.settings import SocketSettings
from tests.support.census import Census, anonymous_memory, count, settle, task_names
from tests.support.defects import no_defects
from tests.support.frames import check_frame
from tests.support.fuzz import Fuzzer
from tests.support.houses import House, RawSocket, scripted_house

PING = '{"t":"ping"}'
SOCKETS: dict[str, tuple[str, dict[str, str]]] = {
    "live": ("/api/live_chat/ws", {}),
    "unified": ("/api/unified_chat/ws", {}),
    "key live": ("/api/v1/live/ws", {"username": "ann"}),
    "key chat": ("/api/v1/live/ws", {"username": "ann", "ct": "chat"}),
    "binary": ("/api/v1/live/ws", {"username": "ann", "binary": "1", "audio": "pcm16"}),
    "open chat": ("/api/v1/chat/ws", {}),
}
BATCH = 100
"""Frames between two pings."""
PATIENCE = 240.0
"""Seconds a busy machine may take for a pong or a close."""
MAX_FRAME = SocketSettings().max_frame_bytes
LEAN = {"context_cache": 0, "session_cache": 64}
"""Memory that grows is then a leak, not a cache that fills."""
MORE_BLOCKS = 50_000
"""Blocks that may be in use more than before: statements that were prepared, modules that were first needed."""
MORE_MEMORY = 96 * 2**20
"""Bytes that the process may take more than before, at any moment: what is under way, and what allocators keep."""
CALM = {"sockets": {"ping_interval": PATIENCE, "slow_client_timeout": PATIENCE}}
"""Heartbeat and slow clients have tests of their own; here clients share the server's event loop, and may be slow."""


class Tally:
    """What was sent and what came back."""

    def __init__(self) -> None:
        self.frames: Counter[str] = Counter()
        self.connections = 0
        self.pongs = 0
        self.answers: Counter[str] = Counter()
        self.closes: Counter[int] = Counter()
        self.most_memory = 0
        self.started = time.monotonic()
        self.seconds = float(os.environ.get("SOAK_SECONDS", "inf"))

    @property
    def over(self) -> bool:
        """Whether its time is up."""
        return time.monotonic() - self.started > self.seconds

    def ponged(self) -> None:
        """A ping was answered; a good moment to see what is kept as long as its connection lasts."""
        self.pongs += 1
        self.most_memory = max(self.most_memory, anonymous_memory())

    def report(self, seed: int, before: Census, after: Census) -> str:
        """The closing figures."""
        lines = [
            f"{self.frames.total()} frames in {time.monotonic() - self.started:.0f} s (FUZZ_SEED={seed})",
            "frames by socket: " + ", ".join(f"{name} {number}" for name, number in self.frames.items()),
            f"connections: {self.connections}; pings answered: {self.pongs} of {self.pongs}; closed after frames that "
            "can't be read: " + ", ".join(f"{number} with {code}" for code, number in sorted(self.closes.items())),
            "answers: " + ", ".join(f"{kind} {number}" for kind, number in self.answers.most_common(12)),
            f"before: {before}",
            f"after:  {after}",
            f"most memory meanwhile: {self.most_memory}",
        ]
        return "\n".join(lines)


class Client:
    """One connection that is tormented; a task of its own reads, so that it is never a slow one."""

    def __init__(self, socket: websockets.ClientConnection, tally: Tally) -> None:
        self._socket = socket
        self._tally = tally
        self._pong = asyncio.Event()

    async def read(self) -> None:
        """Read to the end of the connection; every frame is one that is documented, or audio."""
        async for raw in self._socket:
            if isinstance(raw, bytes):
                self._tally.answers["audio"] += 1
                continue
            frame = check_frame(raw)
            kind = frame.get("type") or frame["t"]
            self._tally.answers[f"{kind} {frame['code']}" if kind == "error" else kind] += 1
            if kind == "pong":
                self._pong.set()

    async def ping(self) -> None:
        """The connection still answers: the server when it has read all, then what speaks its protocol."""
        async with asyncio.timeout(PATIENCE):
            await (await self._socket.ping())
            self._pong.clear()
            await self._socket.send(PING)
            await self._pong.wait()
        self._tally.ponged()


def opened(house: House, name: str) -> websockets.connect:
    """A connection of a kind of socket."""
    path, query = SOCKETS[name]
    times: dict[str, Any] = {"open_timeout": PATIENCE, "ping_interval": None, "close_timeout": PATIENCE}
    return websockets.connect(house.ws(path, **query), max_queue=None, max_size=None, **times)


async def batch(socket: websockets.ClientConnection, client: Client, fuzzer: Fuzzer, frames: int) -> None:
    """Frames and a ping."""
    for _ in range(frames):
        await socket.send(fuzzer.frame())
    await client.ping()


async def visitors(house: House, name: str, frames: int, seed: int, tally: Tally) -> None:
    """A new connection for each batch; one in ten ends with a frame that can't be read."""
    fuzzer = Fuzzer(seed)
    for number in range(max(1, frames // BATCH)):
        if tally.over:
            break
        async with opened(house, name) as socket:
            tally.connections += 1
            client = Client(socket, tally)
            reading = asyncio.create_task(client.read())
            await batch(socket, client, fuzzer, BATCH)
            tally.frames[name] += BATCH
            if number % 10 == 1:
                fatal = fuzzer.fatal(MAX_FRAME)
                await socket.send(fatal.data, text=True)
                tally.frames[name] += 1
                await asyncio.wait_for(socket.wait_closed(), PATIENCE)
                assert socket.close_code == fatal.code, (socket.close_code, fatal.data[:80])
                tally.closes[fatal.code] += 1
        try:
            await reading
        except websockets.ConnectionClosedError as error:
            assert error.rcvd is not None, error


async def resident(house: House, name: str, frames: int, seed: int, tally: Tally) -> None:
    """One connection from the first to the last frame."""
    fuzzer = Fuzzer(seed)
    async with opened(house, name) as socket:
        tally.connections += 1
        client = Client(socket, tally)
        reading = asyncio.create_task(client.read())
        for _ in range(max(1, frames // BATCH)):
            if tally.over:
                break
            await batch(socket, client, fuzzer, BATCH)
            tally.frames[name] += BATCH
    await reading


async def vandals(house: House, frames: int, seed: int, tally: Tally) -> None:
    """Handshakes, some good frames, then bytes that are no WebSocket at all; half of them don't wait for the answer."""
    fuzzer = Fuzzer(seed)
    for _ in range(max(1, frames // 20)):
        if tally.over:
            break
        path, query = SOCKETS[fuzzer.random.choice(list(SOCKETS))]
        raw = await RawSocket.open(house.ws(path, **query))
        tally.connections += 1
        try:
            for _ in range(19):
                frame = fuzzer.frame()
                data = frame if isinstance(frame, bytes) else frame.encode(errors="replace")
                await raw.send(raw.frame(1 if isinstance(frame, str) else 2, data[:2000]))
            await raw.send(fuzzer.junk())
            if fuzzer.random.random() < 0.5:
                raw.writer.write_eof()
                tally.closes[await raw.close_code(PATIENCE) or 1006] += 1
        except ConnectionError:
            pass  # closed while we were sending
        tally.frames["no protocol"] += 20
        raw.vanish()


async def everybody(house: House, frames: int, seed: int, tally: Tally) -> None:
    """All of them at once."""
    share = frames // (len(SOCKETS) * 2 + 1)
    async with asyncio.TaskGroup() as group:
        for number, name in enumerate(SOCKETS):
            group.create_task(visitors(house, name, share, seed + number, tally))
            group.create_task(resident(house, name, share, seed + 100 + number, tally))
        group.create_task(vandals(house, share, seed + 200, tally))


async def fuzz(tmp_path: Path, frames: int) -> str:
    seed = int(os.environ.get("FUZZ_SEED", "0")) or random.randrange(2**31)
    print(f"FUZZ_SEED={seed}")
    with no_defects():
        async with scripted_house(tmp_path, chat={"reply": "One. Two."}, dashboard=CALM, storage=LEAN) as house:

            def alone() -> bool:
                return len(house.app._sockets or ()) == 0

            await everybody(house, len(SOCKETS) * 2 * BATCH, seed + 1000, Tally())
            assert await settle(alone, PATIENCE)
            await settle(lambda: False, 1.0)
            before = count(house.data)
            tally = Tally()
            await everybody(house, frames, seed, tally)
            assert await settle(alone, PATIENCE)
            assert await settle(lambda: count(house.data).tasks <= before.tasks, PATIENCE), task_names()
            after = count(house.data)
            report = tally.report(seed, before, after)
            print(report)
            assert after.sockets <= before.sockets, report
            assert after.files <= before.files, report
            assert after.blocks - before.blocks < MORE_BLOCKS, report
            assert tally.most_memory - before.anonymous < MORE_MEMORY, report
    return report


async def test_fuzz(tmp_path: Path):
    await fuzz(tmp_path, 5_200)


@pytest.mark.soak
async def test_a_million_frames(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    report = await fuzz(tmp_path, int(os.environ.get("FUZZ_FRAMES", "1000000")))
    with capsys.disabled():
        print(f"\n{report}")

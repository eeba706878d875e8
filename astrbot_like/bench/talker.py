"""A client that talks in real time, and how many of them are spread over processes.

All times are taken from the monotonic clock, which the processes of a machine share.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import random
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ProcessPoolExecutor
from typing import Any
from urllib.parse import urlencode

import aiohttp
import msgspec

FRAME_SECONDS = 0.02
FRAME_BYTES = 640

CYCLE = 6.0
"""Seconds of one exchange of a conversation: words, reply, pause. Conversations begin spread over it."""

PATIENCE = 30.0
"""Seconds a client waits for a frame before the run is given up."""

now = time.perf_counter


class Target(msgspec.Struct, frozen=True):
    """Which server, and as whom."""

    url: str
    api_key: str

    def live(self, username: str, **query: str) -> str:
        """Address of a live connection."""
        return f"{self.url}/api/v1/live/ws?" + urlencode({"username": username, "api_key": self.api_key, **query})


class Load(msgspec.Struct, frozen=True):
    """What one process does.

    Attributes:
        sessions: Connections at once.
        seconds: How long; turns begun are brought to their end.
        turns: Turns of each connection; 0: as many as fit.
        model: What the mock model answers.
        speech: PCM that is said, 16 kHz mono s16le.
        realtime: Audio is sent as it is spoken, else as fast as it goes.
        server_detection: The server finds the end of speech.
        first: Number of the first session, so that names differ between processes.
        cores: Cores of the process.
    """

    target: Target
    sessions: int
    seconds: float = 0.0
    turns: int = 0
    model: str = "short"
    speech: bytes = bytes(FRAME_BYTES * 10)
    realtime: bool = False
    server_detection: bool = False
    first: int = 0
    pause: float = 0.2
    cores: tuple[int, ...] = ()


class Result(msgspec.Struct):
    """What one process saw; all times in seconds.

    Attributes:
        latencies: The figure of the run.
        late: How late audio frames were sent against their schedule: the generator's own fault, and a sign of overload.
        wrong: What should not have come.
    """

    latencies: list[float] = []
    late: list[float] = []
    wrong: list[str] = []
    refused: int = 0
    count: int = 0
    seconds: float = 0.0
    cpu: float = 0.0


def merged(results: list[Result]) -> Result:
    """The results of several processes as one."""
    whole = Result()
    for result in results:
        whole.latencies += result.latencies
        whole.late += result.late
        whole.wrong += result.wrong
        whole.refused += result.refused
        whole.count += result.count
        whole.seconds = max(whole.seconds, result.seconds)
        whole.cpu = max(whole.cpu, result.cpu)
    return whole


def spread(run: Callable[[Load], Result], load: Load, cores: set[int]) -> Result:
    """Run ``load`` with its sessions divided among one process per core."""
    workers = max(1, min(len(cores), load.sessions))
    share, rest = divmod(load.sessions, workers)
    loads: list[Load] = []
    first = load.first
    for number in range(workers):
        sessions = share + (number < rest)
        loads.append(msgspec.structs.replace(load, sessions=sessions, first=first, cores=tuple(sorted(cores))))
        first += sessions
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        return merged(list(pool.map(run, loads)))


class Talker:
    """One live connection.

    Args:
        socket: Connected.

    Attributes:
        patience: Ends the run when the server stays away; a timer per frame would be most of what a frame costs here.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, load: Load, result: Result) -> None:
        self.socket = socket
        self.load = load
        self.result = result
        self.stamp = 0
        self.patience = asyncio.timeout(PATIENCE)
        self._frames = [
            # msgspec writes bytes as Base64.
            msgspec.json.encode({"t": "speaking_part", "data": load.speech[at : at + FRAME_BYTES]}).decode()
            for at in range(0, len(load.speech), FRAME_BYTES)
        ]
        self._silence = msgspec.json.encode({"t": "speaking_part", "data": bytes(FRAME_BYTES)}).decode()

    async def send(self, **frame: Any) -> None:
        """Send a frame; what answers it has its time from now on."""
        self.patience.reschedule(asyncio.get_running_loop().time() + PATIENCE + self.load.seconds)
        await self.socket.send_str(msgspec.json.encode(frame).decode())

    async def receive(self) -> tuple[str, str]:
        """The kind and text of the next frame; the kind is read without decoding what can be long."""
        raw = await self.socket.receive()
        if raw.type is not aiohttp.WSMsgType.TEXT:
            raise ConnectionError(f"connection ended: {raw.type.name} {self.socket.close_code}")
        text: str = raw.data
        return text[6 : text.index('"', 6)], text

    async def until(self, *kinds: str) -> tuple[str, str]:
        """Read on to a frame of one of these kinds."""
        while True:
            kind, text = await self.receive()
            if kind == "error":
                self.result.wrong.append(text[:200])
            if kind in kinds:
                return kind, text

    async def speak(self) -> None:
        """Say the speech; with server detection, silence follows until the server hears the end."""
        start = now()
        for number, frame in enumerate(self._frames):
            if self.load.realtime:
                due = start + number * FRAME_SECONDS
                if (wait := due - now()) > 0:
                    await asyncio.sleep(wait)
                self.result.late.append(now() - due)
            await self.socket.send_str(frame)

    async def stay_silent(self, stop: asyncio.Event) -> None:
        """Frames of silence in real time until ``stop``."""
        start, number = now(), 0
        while not stop.is_set():
            due = start + number * FRAME_SECONDS
            if (wait := due - now()) > 0:
                await asyncio.sleep(wait)
            self.result.late.append(now() - due)
            await self.socket.send_str(self._silence)
            number += 1

    async def voice_turn(self) -> None:
        """A spoken turn; notes the time from the end of speech to the first audio."""
        if self.load.server_detection:
            await self._detected_turn()
            return
        self.stamp += 1
        await self.send(t="start_speaking", stamp=str(self.stamp))
        await self.speak()
        ended = now()
        await self.send(t="end_speaking", stamp=str(self.stamp))
        kind, _ = await self.until("response", "end")
        if kind == "response":
            self.result.latencies.append(now() - ended)
            await self.until("end")
        else:
            self.result.wrong.append("a turn without speech")
        self.result.count += 1

    async def _detected_turn(self) -> None:
        """The end of speech is where the server says it was, so that its waiting time is not counted."""
        await self.speak()
        stop = asyncio.Event()
        silence = asyncio.create_task(self.stay_silent(stop))
        try:
            await self.until("speech_stopped")
            ended = now()
            kind, _ = await self.until("response", "end")
            if kind == "response":
                self.result.latencies.append(now() - ended)
                await self.until("end")
            else:
                self.result.wrong.append("a turn without speech")
            self.result.count += 1
        finally:
            stop.set()
            await silence


async def connected(load: Load, run: Callable[[Talker], Any], options: dict[str, Any]) -> Result:
    """Open all sessions, then let ``run`` go on each at once."""
    result = Result()
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=PATIENCE)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as http:

        async def one(number: int) -> None:
            url = load.target.live(f"bench{load.first + number}", **options)
            async with http.ws_connect(url, max_msg_size=0) as socket:
                talker = Talker(socket, load, result)
                try:
                    async with talker.patience:
                        await _session(talker, run)
                except (ConnectionError, TimeoutError) as error:
                    result.wrong.append(f"{type(error).__name__}: {error}")

        began, cpu = now(), time.process_time()
        await asyncio.gather(*(one(number) for number in range(load.sessions)))
        result.seconds = now() - began
        result.cpu = (time.process_time() - cpu) / max(result.seconds, 1e-9)
    return result


async def _session(talker: Talker, run: Callable[[Talker], Any]) -> None:
    load, result = talker.load, talker.result
    detection = "server" if load.server_detection else "client"
    await talker.send(t="session_update", data={"model": load.model, "turn_detection": detection})
    kind, text = await talker.receive()
    if kind != "error":
        # People don't all begin at one moment.
        await asyncio.sleep(random.random() * (CYCLE if load.realtime else load.pause))
        await run(talker)
    elif "AT_CAPACITY" in text:
        result.refused += 1
    else:
        result.wrong.append(text[:200])


def run_loop(load: Load, work: Coroutine[Any, Any, Result]) -> Result:
    """Run a load on its cores, on the fast event loop where there is one: its time is in every figure."""
    if load.cores:
        os.sched_setaffinity(0, load.cores)
    factory = None
    with contextlib.suppress(ImportError):
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(work)

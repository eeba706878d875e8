"""Clients that talk to a server in real time and note when what arrives.

Each function here runs in a process of its own (``spread``), so that the load does not slow the server and several
cores can make it. Every figure of time is taken from the monotonic clock, which all processes of a machine share.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import time
from collections.abc import Callable
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
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, load: Load, result: Result) -> None:
        self.socket = socket
        self.load = load
        self.result = result
        self.stamp = 0
        self._frames = [
            # msgspec writes bytes as Base64.
            msgspec.json.encode({"t": "speaking_part", "data": load.speech[at : at + FRAME_BYTES]}).decode()
            for at in range(0, len(load.speech), FRAME_BYTES)
        ]
        self._silence = msgspec.json.encode({"t": "speaking_part", "data": bytes(FRAME_BYTES)}).decode()

    async def send(self, **frame: Any) -> None:
        """Send a frame."""
        await self.socket.send_str(msgspec.json.encode(frame).decode())

    async def receive(self) -> tuple[str, str]:
        """The kind and text of the next frame; the kind is read without decoding what can be long."""
        raw = await asyncio.wait_for(self.socket.receive(), PATIENCE)
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
                await talker.send(
                    t="session_update",
                    data={"model": load.model, "turn_detection": "server" if load.server_detection else "client"},
                )
                kind, text = await talker.receive()
                if kind == "error":
                    if "AT_CAPACITY" in text:
                        result.refused += 1
                    else:
                        result.wrong.append(text[:200])
                    return
                # People don't all begin at one moment.
                await asyncio.sleep(random.random() * (CYCLE if load.realtime else load.pause))
                try:
                    await run(talker)
                except (ConnectionError, TimeoutError) as error:
                    result.wrong.append(f"{type(error).__name__}: {error}")

        began, cpu = now(), time.process_time()
        await asyncio.gather(*(one(number) for number in range(load.sessions)))
        result.seconds = now() - began
        result.cpu = (time.process_time() - cpu) / max(result.seconds, 1e-9)
    return result


def _run(load: Load, run: Callable[[Talker], Any], **options: str) -> Result:
    if load.cores:
        os.sched_setaffinity(0, load.cores)
    return asyncio.run(connected(load, run, options))


def voice_turns(load: Load) -> Result:
    """Spoken turns one after the other: ``turns`` of them, or for ``seconds``."""

    async def run(talker: Talker) -> None:
        end = now() + load.seconds
        turn = 0
        while turn < load.turns if load.turns else now() < end:
            await talker.voice_turn()
            turn += 1
            # People don't answer in step.
            await asyncio.sleep(load.pause * (0.5 + random.random()))

    return _run(load, run)


def stamped_deltas(load: Load) -> Result:
    """Text turns whose deltas carry the time they were made."""

    expected = int(load.model.split("-")[1])

    async def run(talker: Talker) -> None:
        for _ in range(load.turns):
            await talker.send(t="text_input", text="go")
            seen = 0
            while True:
                kind, text = await talker.receive()
                arrived = time.monotonic_ns()
                if kind == "bot_delta_chunk":
                    for made in msgspec.json.decode(text)["data"]["text"].split():
                        talker.result.latencies.append((arrived - int(made)) / 1e9)
                        seen += 1
                    if seen == expected:
                        await talker.send(t="interrupt")  # the rest is speech, which takes its time
                elif kind == "error":
                    talker.result.wrong.append(text[:200])
                elif kind == "end":
                    break

    return _run(load, run)


def interrupts(load: Load) -> Result:
    """Replies without end that are interrupted; notes the time to ``stop_play`` and what comes after it."""
    stale = {"response", "bot_text_chunk", "bot_delta_chunk"}

    async def run(talker: Talker) -> None:
        for number in range(load.turns):
            await talker.send(t="text_input", text="go")
            reading = asyncio.create_task(_until_stopped(talker))
            await asyncio.sleep(0.3 + number % 7 * 0.011)
            asked = now()
            await talker.send(t="interrupt")
            stopped = await reading
            talker.result.latencies.append(stopped - asked)
            while True:
                kind, _ = await talker.receive()
                if kind in stale:
                    talker.result.wrong.append(f"{kind} after stop_play")
                if kind == "end":
                    break

    return _run(load, run)


async def _until_stopped(talker: Talker) -> float:
    await talker.until("stop_play")
    return now()


def uplink(load: Load) -> Result:
    """Audio in real time with no turn at all: what one inbound frame costs."""

    async def run(talker: Talker) -> None:
        end = now() + load.seconds
        while now() < end:
            talker.stamp += 1
            await talker.send(t="start_speaking", stamp=str(talker.stamp))
            await talker.speak()
            talker.result.count += len(talker._frames)

    return _run(load, run)


def idle(load: Load) -> Result:
    """Connections that do nothing for ``seconds``."""

    async def run(talker: Talker) -> None:
        await asyncio.sleep(load.seconds)

    return _run(load, run)


def echoed(load: Load) -> Result:
    """The same audio frames, echoed by the bare socket."""

    async def everything() -> Result:
        result = Result()
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:

            async def one() -> None:
                async with http.ws_connect(f"{load.target.url}/ws", max_msg_size=0) as socket:
                    talker = Talker(socket, load, result)
                    reading = asyncio.create_task(_drain(socket))
                    end = now() + load.seconds
                    while now() < end:
                        await talker.speak()
                        result.count += len(talker._frames)
                    await socket.close()
                    await reading

            await asyncio.gather(*(one() for _ in range(load.sessions)))
        return result

    if load.cores:
        os.sched_setaffinity(0, load.cores)
    return asyncio.run(everything())


async def _drain(socket: aiohttp.ClientWebSocketResponse) -> None:
    async for _ in socket:
        pass


def chat_turns(load: Load) -> Result:
    """Chat requests, each connection with four sessions in flight; counts replies whose messages are stored."""
    if load.cores:
        os.sched_setaffinity(0, load.cores)
    return asyncio.run(_chat(load))


async def _chat(load: Load) -> Result:
    result = Result()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:

        async def one(number: int) -> None:
            user = f"chat{load.first + number}"
            async with http.ws_connect(load.target.live(user, ct="chat"), max_msg_size=0) as socket:
                begun: dict[str, float] = {}
                saved: set[str] = set()

                async def send(session: int) -> None:
                    message_id = f"{session}-{result.count}-{now()}"
                    begun[message_id] = now()
                    frame = {
                        "t": "send",
                        "message": [{"type": "plain", "text": "hello"}],
                        "message_id": message_id,
                        "session_id": f"{user}-{os.getpid()}-{session}",
                        "selected_model": load.model,
                    }
                    await socket.send_str(msgspec.json.encode(frame).decode())

                for session in range(4):
                    await send(session)
                end = now() + load.seconds
                while begun:
                    raw = await asyncio.wait_for(socket.receive(), PATIENCE)
                    if raw.type is not aiohttp.WSMsgType.TEXT:
                        result.wrong.append("connection ended")
                        return
                    frame = msgspec.json.decode(raw.data)
                    kind = frame.get("type") or frame.get("t")
                    if kind == "error":
                        result.wrong.append(raw.data[:200])
                    elif kind == "message_saved":
                        saved.add(frame["message_id"])
                    elif kind == "end":
                        message_id = frame["message_id"]
                        result.latencies.append(now() - begun.pop(message_id))
                        if message_id in saved:
                            saved.discard(message_id)
                            result.count += 1
                        else:
                            result.wrong.append("a reply that was not stored")
                        if now() < end:
                            await send(int(message_id.split("-")[0]))

        began = now()
        await asyncio.gather(*(one(number) for number in range(load.sessions)))
        result.seconds = now() - began
    return result

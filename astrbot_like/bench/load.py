"""Clients that talk to a server in real time and note when what arrives.

Each function here runs in a process of its own (``spread``), so that the load does not slow the server and several
cores can make it. Every figure of time is taken from the monotonic clock, which all processes of a machine share.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import msgspec

from astrbot_like.bench.talker import PATIENCE, Load, Result, Talker, connected, now, run_loop


def _run(load: Load, run: Callable[[Talker], Any], **options: str) -> Result:
    return run_loop(load, connected(load, run, options))


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

    return run_loop(load, everything())


async def _drain(socket: aiohttp.ClientWebSocketResponse) -> None:
    async for _ in socket:
        pass


def chat_turns(load: Load) -> Result:
    """Chat requests, each connection with four sessions in flight; counts replies whose messages are stored."""
    return run_loop(load, _chat(load))


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

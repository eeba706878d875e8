"""Connects, turns, interruptions and drops over and over: every count is back where it was.

``make soak`` runs ten thousand turns; the short form some dozens.
"""

import asyncio
import os
import random
import time
from collections import Counter
from pathlib import Path

import pytest
import websockets

from tests.support.census import count, settle, task_names
from tests.support.defects import no_defects
from tests.support.houses import House, RawSocket, scripted_house
from tests.support.live_client import CheckedSocket, connect

PCM = b"\1\0" * 3200
STORY = " ".join(f"Sentence number {n} of it." for n in range(12))


async def spoken(client: CheckedSocket) -> None:
    await client.speak(PCM)
    await client.until("end")


async def interrupted(client: CheckedSocket) -> None:
    await client.send({"t": "text_input", "text": "go"})
    await client.until("bot_delta_chunk")
    await client.send({"t": "interrupt"})
    await client.until("end")


async def refused(client: CheckedSocket) -> None:
    await client.send({"t": "end_speaking", "stamp": "none"})
    await client.until("error")


async def barged(client: CheckedSocket) -> None:
    await client.send({"t": "session_update", "data": {"barge_in": True}})
    await client.send({"t": "text_input", "text": "one"})
    await client.until("bot_delta_chunk")
    await client.send({"t": "text_input", "text": "two"})
    await client.until("end")
    await client.until("end")


KINDS = (spoken, interrupted, refused, barged)


async def person(house: House, name: int, turns: int, dice: random.Random, tally: Counter[str]) -> None:
    """Somebody who talks, interrupts, is cut off, and comes back."""
    done = 0
    while done < turns:
        url = house.ws("/api/v1/live/ws", username=f"u{name}")
        try:
            async with connect(url) as client:
                tally["connections"] += 1
                for _ in range(dice.randrange(1, 6)):
                    kind = dice.choice(KINDS)
                    await kind(client)
                    tally[f"{kind.__name__} turns"] += 1
                    done += 1
                if dice.random() < 0.5:
                    await client.send({"t": "text_input", "text": "and then I was gone"})
                    client.socket.transport.abort()
                    tally["dropped in mid-turn"] += 1
        except websockets.ConnectionClosed:
            pass
        if dice.random() < 0.3:
            raw = await RawSocket.open(url)
            await raw.text('{"t":"start_speaking","stamp":"s"}')
            raw.vanish()
            tally["vanished while speaking"] += 1
        done += 1


async def soak(tmp_path: Path, people: int, turns: int) -> str:
    tally: Counter[str] = Counter()
    with no_defects():
        async with scripted_house(tmp_path, chat={"reply": STORY, "gap": 0.001}) as house:

            async def everybody(first: int, turns: int) -> None:
                # The same users come again, so that what is kept for each of them is there before the first count.
                async with asyncio.TaskGroup() as group:
                    for n in range(people):
                        group.create_task(person(house, n, turns, random.Random(first + n), tally))
                assert await settle(lambda: len(house.app._sockets or ()) == 0, 30)

            await everybody(0, 6)
            await settle(lambda: False, 1.0)
            before = count(house.data)
            tally.clear()
            started = time.monotonic()
            await everybody(1000, turns)
            assert await settle(lambda: count(house.data).tasks <= before.tasks, 30), task_names()
            after = count(house.data)
            grown = (after.anonymous - before.anonymous) / (people * turns)
            report = (
                f"{people} people, {people * turns} turns in {time.monotonic() - started:.0f} s: "
                + ", ".join(f"{number} {what}" for what, number in sorted(tally.items()))
                + f"\nbefore: {before}\nafter:  {after}\n{grown:.0f} bytes of memory kept for each turn"
            )
            print(report)
            assert after.sockets <= before.sockets, report
            assert after.descriptors <= before.descriptors + 2, report  # a database connection or two
            assert after.files <= before.files, report
            assert grown < 16 * 1024, report
    return report


@pytest.mark.timeout(300)
async def test_soak(tmp_path: Path):
    await soak(tmp_path, people=6, turns=12)


@pytest.mark.soak
async def test_ten_thousand_turns(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    report = await soak(tmp_path, people=20, turns=int(os.environ.get("SOAK_TURNS", "10000")) // 20)
    with capsys.disabled():
        print(f"\n{report}")

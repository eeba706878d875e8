"""What one turn costs, in counts that do not depend on the machine: tasks, database statements, frames, loop steps.

A bound here that breaks is a turn that became dearer. If the new cost is wanted, raise the bound and say why.
"""

import asyncio
import json
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from astrbot_like.domain.history import Conversation
from astrbot_like.engine.history import as_plugins_see
from astrbot_like.host.server_protocol import ServerConnection
from tests.support.census import settle
from tests.support.houses import House, scripted_house
from tests.support.live_client import connect

TURNS = 10

EAGER = sys.version_info >= (3, 12)
"""Python 3.11 begins each task a step of the loop later."""


class Costs(msgspec.Struct):
    """Counts of a stretch of work."""

    tasks: int = 0
    transactions: int = 0
    reads: int = 0
    steps: int = 0
    writes: int = 0

    def each(self, turns: int) -> str:
        return ", ".join(f"{name} {value / turns:.1f}" for name, value in msgspec.structs.asdict(self).items())


@contextmanager
def counted(house: House):
    """Count what happens meanwhile in this process."""
    costs = Costs()
    loop = asyncio.get_running_loop()
    assert house.app._stores is not None
    database = house.app._stores.database
    transactions, reads = database.transactions, database.reads

    def make_task(loop, coroutine, **options):
        costs.tasks += 1
        return asyncio.Task(coroutine, loop=loop, **options)

    call_soon = loop.call_soon
    write = ServerConnection.write

    async def written(self: ServerConnection, data: bytes) -> None:
        costs.writes += 1
        await write(self, data)

    def step(*arguments, **options):
        costs.steps += 1
        return call_soon(*arguments, **options)

    loop.set_task_factory(make_task)
    loop.call_soon = step  # type: ignore[method-assign]
    ServerConnection.write = written  # type: ignore[method-assign]
    try:
        yield costs
    finally:
        loop.set_task_factory(None)
        loop.call_soon = call_soon  # type: ignore[method-assign]
        ServerConnection.write = write  # type: ignore[method-assign]
        costs.transactions = database.transactions - transactions
        costs.reads = database.reads - reads


@contextmanager
def python_calls():
    """Count the calls of the project's functions on this thread meanwhile; those of the loop depend on the machine."""
    calls = [0]

    def note(frame, event: str, _argument) -> None:
        calls[0] += event == "call" and "astrbot_like" in frame.f_code.co_filename

    sys.setprofile(note)
    try:
        yield calls
    finally:
        sys.setprofile(None)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with scripted_house(tmp_path, chat={"reply": "All right."}) as house:
        yield house
    shutil.rmtree(tmp_path, ignore_errors=True)


async def test_a_live_turn(house: House):
    async with connect(house.ws("/api/live_chat/ws")) as client:

        async def turns(count: int) -> int:
            frames = 0
            for _ in range(count):
                await client.send({"t": "text_input", "text": "hello"})
                frames += len(await client.until("end"))
            return frames

        await turns(3)
        with counted(house) as costs:
            frames = await turns(TURNS)
    print(f"live turn: {costs.each(TURNS)}, frames {frames / TURNS:.1f}")
    # Loop steps include the client's own, which runs in this process.
    assert costs.tasks <= 8 * TURNS
    assert costs.transactions <= 2 * TURNS + 5  # what was said and what was answered; now and then the statistics
    assert costs.reads == 0
    # Some fifteen of them give way to the first audio, and to what is ready to be sent together.
    assert costs.steps <= (54 if EAGER else 68) * TURNS
    assert frames <= 15 * TURNS
    assert costs.writes <= 5 * TURNS  # a call of the system each; frames that are ready together share one


async def test_the_first_turn_of_a_session_reads_nothing(house: House):
    async def first_turns(count: int) -> None:
        for _ in range(count):
            async with connect(house.ws("/api/live_chat/ws")) as client:
                await client.send({"t": "text_input", "text": "hello"})
                await client.until("end")

    await first_turns(2)
    with counted(house) as costs:
        await first_turns(TURNS)
    print(f"first turn: {costs.each(TURNS)}")
    assert costs.reads == 0
    assert costs.transactions <= 3 * TURNS + 5  # one more than later turns: the session itself


async def test_a_chat_turn(house: House):
    async with connect(house.ws("/api/unified_chat/ws"), protocol="chat") as client:

        async def turns(count: int) -> None:
            for _ in range(count):
                part = {"type": "plain", "text": "hello"}
                await client.send({"ct": "chat", "t": "send", "message": [part], "session_id": "s"})
                await client.until("end")

        await turns(3)
        with counted(house) as costs:
            await turns(TURNS)
    print(f"chat turn: {costs.each(TURNS)}")
    assert costs.tasks <= 4 * TURNS
    assert costs.transactions <= 2 * TURNS + 5
    assert costs.reads == 0
    assert costs.steps <= (24 if EAGER else 36) * TURNS


async def test_a_turn_costs_the_same_in_a_long_conversation(tmp_path: Path):
    async with scripted_house(tmp_path, chat={"reply": "All right.", "max_context_tokens": 100_000}) as house:
        async with connect(house.ws("/api/unified_chat/ws"), protocol="chat") as client:

            async def turns(count: int) -> tuple[int, Costs]:
                with counted(house) as costs, python_calls() as calls:
                    for _ in range(count):
                        text = f"hello {uuid4()}"
                        part = {"type": "plain", "text": text}
                        await client.send({"ct": "chat", "t": "send", "message": [part], "session_id": "s"})
                        await client.until("end")
                return calls[0] // count, costs

            await turns(3)
            calls_at_first, at_first = await turns(TURNS)
            await turns(80)
            calls_later, later = await turns(TURNS)
        print(f"calls of functions in a turn: {calls_at_first} at first, {calls_later} after 100 turns")
        # 180 messages more: each is put into the request and its tokens are estimated, without a call for it.
        assert calls_later - calls_at_first <= 90
        assert later.transactions + later.reads <= at_first.transactions + at_first.reads + TURNS // 2
        assert later.tasks <= at_first.tasks + TURNS // 2


def test_a_conversation_that_no_plugin_reads_is_not_written_out():
    class Watched(tuple):
        read = 0

        def __iter__(self):
            Watched.read += 1
            return super().__iter__()

    conversation = Conversation("c", "s", "webchat:FriendMessage:s", "", None, "", "", "")
    seen = as_plugins_see(conversation, Watched([{"role": "user", "content": "hi"}]))
    assert Watched.read == 0
    assert json.loads(seen.history) == [{"role": "user", "content": "hi"}] == json.loads(seen.history)
    assert Watched.read == 1
    seen.history = "[]"
    assert seen.history == "[]"


async def test_an_audio_frame_and_an_idle_connection(house: House):
    async with connect(house.ws("/api/live_chat/ws")) as client:
        await client.send({"t": "ping"})
        await client.until("pong")
        before = len(asyncio.all_tasks())
        async with connect(house.ws("/api/live_chat/ws")) as second:
            await second.send({"t": "ping"})
            await second.until("pong")
            # Of the server: the connection, the application, the writer. The rest are this client's own.
            assert len(asyncio.all_tasks()) - before <= 6
        await client.send({"t": "start_speaking", "stamp": "s"})
        await client.send({"t": "ping"})
        await client.until("pong")
        with counted(house) as costs:
            for _ in range(200):
                await client.send({"t": "speaking_part", "data": "AAAA"})
            await client.send({"t": "ping"})
            await client.until("pong")
        print(f"audio frame: {costs.each(200)}")
        assert costs.tasks <= 10
        assert costs.transactions == costs.reads == 0
        assert costs.steps <= 2 * 200
    assert await settle(lambda: len(house.app._sockets or ()) == 0)

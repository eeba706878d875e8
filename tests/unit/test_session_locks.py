"""Who lines up first goes first, whatever each does before its turn, and whoever gives up on the way."""

import asyncio
import random

from astrbot_like.engine.session_locks import SessionLocks
from tests.support.virtual_time import run_virtual


def test_the_order_is_that_of_lining_up_and_one_runs_at_a_time():
    async def scenario():
        locks = SessionLocks()
        order, running = [], 0

        async def come(number):
            nonlocal running
            with locks.line_up("s") as place:
                await asyncio.sleep(random.random())
                await place.reached()
                running += 1
                assert running == 1
                await asyncio.sleep(0.1)
                order.append(number)
                running -= 1

        async with asyncio.TaskGroup() as group:
            for number in range(30):
                group.create_task(come(number))
        assert order == list(range(30))
        assert not locks.held("s")

    run_virtual(scenario())


def test_whoever_gives_up_lets_nobody_overtake():
    async def scenario():
        locks = SessionLocks()
        running, most, done = 0, 0, []

        async def come(number):
            nonlocal running, most
            async with locks.hold("s"):
                running += 1
                most = max(most, running)
                try:
                    await asyncio.sleep(1)
                    done.append(number)
                finally:
                    running -= 1

        tasks = [asyncio.create_task(come(number)) for number in range(20)]
        await asyncio.sleep(0.5)
        given_up = random.sample(range(1, 20), 8)
        for number in given_up:
            tasks[number].cancel()
        late = asyncio.create_task(come(99))
        await asyncio.wait([*tasks, late])
        assert most == 1
        assert done == [number for number in range(20) if number not in given_up] + [99]
        assert not locks.held("s")

    for _ in range(20):
        run_virtual(scenario())


def test_sessions_do_not_wait_for_one_another():
    async def scenario():
        locks = SessionLocks()
        async with locks.hold("a"), asyncio.timeout(60), locks.hold("b"):
            assert locks.held("a")
            assert locks.held("b")
        assert not locks.held("a")

    run_virtual(scenario())

"""The bounded channel keeps order, holds senders back, and ends clearly."""

import asyncio

import pytest

from astrbot_like.runtime.channels import Channel, ChannelClosed
from tests.support.virtual_time import run_virtual


async def test_sender_waits_until_there_is_room():
    channel: Channel[int] = Channel(2)
    await channel.send(1)
    await channel.send(2)
    third = asyncio.create_task(channel.send(3))
    await asyncio.sleep(0)
    assert not third.done()
    assert await channel.receive() == 1
    await third
    assert [await channel.receive(), await channel.receive()] == [2, 3]


async def test_close_lets_readers_finish_and_refuses_senders():
    channel: Channel[int] = Channel(1)
    await channel.send(1)
    waiting = asyncio.create_task(channel.send(2))
    await asyncio.sleep(0)
    channel.close()
    with pytest.raises(ChannelClosed):
        await waiting
    assert [item async for item in channel] == [1]


async def test_a_cancelled_waiter_passes_its_wake_up_on():
    channel: Channel[int] = Channel(4)
    first = asyncio.create_task(channel.receive())
    second = asyncio.create_task(channel.receive())
    await asyncio.sleep(0)
    channel.try_send(7)
    first.cancel()
    assert await asyncio.wait_for(second, 30) == 7


def test_virtual_time_passes_in_no_time():
    async def long_wait() -> float:
        await asyncio.sleep(3600)
        return asyncio.get_running_loop().time()

    assert run_virtual(long_wait()) >= 3600


async def test_discard_makes_room_and_keeps_the_order_of_the_rest():
    channel: Channel[int] = Channel(3)
    for item in (1, 2, 3):
        await channel.send(item)
    waiting = asyncio.create_task(channel.send(5))
    await asyncio.sleep(0)
    assert channel.discard(lambda item: item == 2) == 1
    await waiting
    assert [await channel.receive() for _ in range(3)] == [1, 3, 5]


async def test_a_forced_item_goes_in_over_the_limit():
    channel: Channel[int] = Channel(1)
    await channel.send(1)
    channel.force(2)
    assert [await channel.receive(), await channel.receive()] == [1, 2]
    channel.close()
    with pytest.raises(ChannelClosed):
        channel.force(3)

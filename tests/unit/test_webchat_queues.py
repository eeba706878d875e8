"""The promises of the web chat's queues, held by every implementation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from astrbot_like.domain.errors import ProcessingError, Unavailable
from astrbot_like.domain.events import (
    BotMessageSaved,
    Stamped,
    TextDelta,
    TurnEnded,
    TurnInterrupted,
)
from astrbot_like.domain.messages import PlainPart
from astrbot_like.domain.turns import TurnOptions, TurnRequest
from astrbot_like.platforms.webchat.memory import MemoryQueues
from astrbot_like.platforms.webchat.queues import REPLY_LIMIT, SESSION_LIMIT, SUBSCRIBER_LIMIT

IMPLEMENTATIONS: list[Callable[[], Any]] = [MemoryQueues]


@pytest.fixture(params=IMPLEMENTATIONS)
def queues(request: pytest.FixtureRequest) -> Any:
    return request.param()


def request(name: str, session_id: str = "s") -> TurnRequest:
    parts = (PlainPart(name),)
    return TurnRequest(f"t-{name}", name, session_id, "ann", parts, name, TurnOptions(), "chat", 0.0)


async def collected(reply: Any) -> list[Any]:
    async with asyncio.timeout(60):
        return [event async for event in reply]


async def test_each_request_goes_to_one_consumer_in_the_order_of_its_session(queues: Any):
    taken: list[str] = []

    async def consume() -> None:
        while len(taken) < 20:
            asked, sink = await queues.take()
            taken.append(asked.message_id)
            sink.finish()

    consumers = [asyncio.create_task(consume()) for _ in range(3)]
    for number in range(20):
        await queues.submit(request(f"{number:02}"))
    async with asyncio.timeout(60):
        await asyncio.wait(consumers, return_when=asyncio.FIRST_COMPLETED)
    for consumer in consumers:
        consumer.cancel()
    assert taken == sorted(taken)
    assert len(set(taken)) == 20


async def test_a_session_has_so_many_requests_and_each_name_once(queues: Any):
    for number in range(SESSION_LIMIT):
        await queues.submit(request(str(number)))
    with pytest.raises(ProcessingError):
        await queues.submit(request("one more"))
    await queues.submit(request("one more", session_id="another"))
    _, sink = await queues.take()
    sink.finish()
    await queues.submit(request("0"))
    with pytest.raises(ProcessingError):
        await queues.submit(request("0"))


async def test_a_reply_keeps_its_order_is_bounded_and_ends(queues: Any):
    reply = await queues.submit(request("a"))
    _, sink = await queues.take()
    sent = 0

    async def write() -> None:
        nonlocal sent
        for number in range(3 * REPLY_LIMIT):
            await sink.send(TextDelta(str(number)))
            sent += 1
        await sink.send(TurnEnded("completed"))
        sink.finish()

    writer = asyncio.create_task(write())
    for _ in range(10 * REPLY_LIMIT):
        await asyncio.sleep(0)
    assert sent <= REPLY_LIMIT, "the turn waits for a reader that is behind"
    events = await collected(reply)
    await writer
    assert [event.text for event in events[:-1]] == [str(number) for number in range(3 * REPLY_LIMIT)]
    assert events[-1] == TurnEnded("completed")


async def test_after_an_interruption_only_the_end_is_read(queues: Any):
    reply = await queues.submit(request("a"))
    _, sink = await queues.take()
    asked: list[str] = []
    sink.on_interrupt(lambda interruption: asked.append(interruption.reason))
    await sink.send(TextDelta("read too late"))
    reply.interrupt()
    reply.interrupt(reason="again")
    await sink.send(TextDelta("stale"))
    saved = BotMessageSaved(1, "2026-01-01T00:00:00.000Z", "", 0)
    for event in (saved, TurnEnded("interrupted")):
        await sink.send(event)
    sink.finish()
    assert await collected(reply) == [TurnInterrupted("user"), saved, TurnEnded("interrupted")]
    assert asked == ["user"]


async def test_a_reader_that_leaves_stops_the_turn_unless_somebody_is_bound(queues: Any):
    for bound in (False, True):
        reply = await queues.submit(request("a"))
        _, sink = await queues.take()
        subscription = queues.subscribe("s") if bound else None
        await reply.aclose()
        assert (sink.interruption is None) is bound
        await sink.send(TurnEnded("completed"))
        sink.finish()
        if subscription is not None:
            subscription.close()
            assert [stamped.event for stamped in await collected(subscription)] == [TurnEnded("completed")]


async def test_a_subscriber_that_does_not_read_is_dropped(queues: Any):
    slow, other = queues.subscribe("s"), queues.subscribe("s")
    seen: list[Stamped] = []

    async def read() -> None:
        seen.extend([stamped async for stamped in other])

    reader = asyncio.create_task(read())
    for number in range(SUBSCRIBER_LIMIT + 10):
        queues.publish(Stamped("s", "t", "m", TextDelta(str(number))))
        await asyncio.sleep(0)
    other.close()
    await reader
    assert len(seen) == SUBSCRIBER_LIMIT + 10
    assert len(await collected(slow)) == SUBSCRIBER_LIMIT
    queues.publish(Stamped("s", "t", "m", TextDelta("to nobody")))


async def test_nothing_is_left_of_a_reply_that_has_ended(queues: Any):
    reply = await queues.submit(request("a"))
    _, sink = await queues.take()
    assert queues.stop("s") == 1
    await sink.send(TurnEnded("interrupted"))
    sink.finish()
    assert queues.stop("s") == 0
    await collected(reply)
    queues.close()
    with pytest.raises(Unavailable):
        await queues.submit(request("b"))
    assert queues.stop("s") == 0

"""The web chat's adapter: what is wrong with one message is told its sender, and stops nobody else's."""

from __future__ import annotations

import asyncio
from typing import Any

from astrbot_like.domain.errors import InternalError
from astrbot_like.domain.events import TurnEnded, TurnFailed
from astrbot_like.domain.messages import ImagePart, MessagePart, PlainPart
from astrbot_like.domain.turns import TurnOptions, TurnRequest
from astrbot_like.platforms.webchat.adapter import WebchatAdapter
from astrbot_like.platforms.webchat.memory import MemoryQueues
from astrbot_like.runtime.tasks import cancel_and_wait


class BrokenFiles:
    """A store of files with a defect."""

    async def get(self, _attachment_id: str) -> Any:
        raise ZeroDivisionError("a defect")


def request(name: str, *parts: MessagePart) -> TurnRequest:
    return TurnRequest(f"t-{name}", name, f"s-{name}", "ann", parts, name, TurnOptions(), "chat", 0.0)


async def test_a_defect_in_reading_one_message_stops_no_other(caplog: Any) -> None:
    queues = MemoryQueues()
    committed: asyncio.Queue[Any] = asyncio.Queue()
    nothing: Any = None
    broken: Any = BrokenFiles()
    running = asyncio.create_task(WebchatAdapter(queues, committed, nothing, nothing, broken).run())
    try:
        async with asyncio.timeout(60):
            failed = [event async for event in await queues.submit(request("bad", ImagePart("x")))]
            await queues.submit(request("good", PlainPart("hello")))
            assert (await committed.get()).message_str == "hello"
    finally:
        await cancel_and_wait(running)
    assert failed == [TurnFailed(InternalError.code, InternalError().message), TurnEnded("failed")]
    assert "message could not be committed" in caplog.text

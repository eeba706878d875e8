"""Waits within handlers, on virtual time."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from astrbot_like.api.current import bind_host
from astrbot_like.api.message_components import Plain
from astrbot_like.api.testing import FakeHost, make_event
from astrbot_like.api.util import SessionController, SessionFilter, session_waiter
from tests.support.virtual_time import run_virtual


def on_virtual_time(tmp_path: Path, scenario: Any) -> None:
    async def run() -> None:
        host = FakeHost(tmp_path)
        with bind_host(host):
            await scenario(host)
        assert len(host.waiters) == 0

    run_virtual(run())


def now() -> float:
    return asyncio.get_running_loop().time()


async def give(host: FakeHost, text: str, **options: Any) -> bool:
    event = make_event(text, **options)
    waiter = host.waiters.waiting_for(event)
    if waiter is None:
        return False
    await waiter.handle(event)
    return True


def test_messages_go_to_the_wait_until_it_stops(tmp_path: Path) -> None:
    async def scenario(host: FakeHost) -> None:
        seen: list[str] = []

        @session_waiter(timeout=10, record_history_chains=True)
        async def waiter(controller: SessionController, event: Any) -> None:
            seen.append(event.message_str)
            if event.message_str == "end":
                assert controller.get_history_chains() == [[Plain("a")], [Plain("end")]]
                controller.stop()

        task = asyncio.create_task(waiter(make_event("start")))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        assert not await give(host, "x", sender="other")
        assert await give(host, "a")
        assert await give(host, "end")
        assert await task is None
        assert seen == ["a", "end"]
        assert not await give(host, "later")

    on_virtual_time(tmp_path, scenario)


def test_time_runs_out(tmp_path: Path) -> None:
    async def scenario(host: FakeHost) -> None:
        @session_waiter(timeout=10)
        async def waiter(controller: SessionController, event: Any) -> None: ...

        began = now()
        with pytest.raises(TimeoutError):
            await waiter(make_event("x"))
        assert now() - began == pytest.approx(10, abs=0.01)

    on_virtual_time(tmp_path, scenario)


@pytest.mark.parametrize(
    ("keep", "total"),
    [
        ({"timeout": 10, "reset_timeout": True}, 14),
        ({"timeout": 10}, 20),
        ({"timeout": -3}, 7),
        ({"timeout": -30}, 4),
        ({"timeout": 0, "reset_timeout": True}, 4),
    ],
)
def test_keep(tmp_path: Path, keep: dict[str, Any], total: float) -> None:
    async def scenario(host: FakeHost) -> None:
        @session_waiter(timeout=10)
        async def waiter(controller: SessionController, event: Any) -> None:
            controller.keep(**keep)

        began = now()
        task = asyncio.create_task(waiter(make_event("x")))  # type: ignore[arg-type]
        await asyncio.sleep(4)
        await give(host, "a")
        if total == 4:
            await task
        else:
            with pytest.raises(TimeoutError):
                await task
        assert now() - began == pytest.approx(total, abs=0.01)

    on_virtual_time(tmp_path, scenario)


def test_errors_come_out_where_the_wait_began(tmp_path: Path) -> None:
    async def scenario(host: FakeHost) -> None:
        @session_waiter(timeout=10)
        async def waiter(controller: SessionController, event: Any) -> None:
            if event.message_str == "stop":
                controller.stop(KeyError("given"))
            else:
                raise OSError("raised")

        for text, kind in (("stop", KeyError), ("x", OSError)):
            task = asyncio.create_task(waiter(make_event("x")))  # type: ignore[arg-type]
            await asyncio.sleep(0)
            await give(host, text)
            with pytest.raises(kind):
                await task

    on_virtual_time(tmp_path, scenario)


def test_sessions_of_the_plugins_own(tmp_path: Path) -> None:
    class ByGroup(SessionFilter):
        def filter(self, event: Any) -> str:
            return event.get_group_id() or event.unified_msg_origin

    async def scenario(host: FakeHost) -> None:
        seen: list[str] = []

        @session_waiter(timeout=10)
        async def waiter(controller: SessionController, event: Any) -> None:
            seen.append(event.get_sender_id())
            if len(seen) == 2:
                controller.stop()

        task = asyncio.create_task(waiter(make_event("x", group="g"), session_filter=ByGroup()))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        await give(host, "a", group="g", sender="1")
        await give(host, "a", group="g", sender="2")
        await task
        assert seen == ["1", "2"]
        with pytest.raises(ValueError):
            await waiter(make_event("x"), session_filter="no filter")

    on_virtual_time(tmp_path, scenario)


def test_cancelled_waits_leave_nothing(tmp_path: Path) -> None:
    async def scenario(host: FakeHost) -> None:
        @session_waiter(timeout=1000)
        async def waiter(controller: SessionController, event: Any) -> None: ...

        task = asyncio.create_task(waiter(make_event("x")))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        second = asyncio.create_task(waiter(make_event("x")))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        host.waiters.stop_all(__name__)
        await second

    on_virtual_time(tmp_path, scenario)

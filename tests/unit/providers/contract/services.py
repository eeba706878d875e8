"""Stand-ins and the mock upstream, told in one language what to do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec

from astrbot_like.bench.mock_upstream import MockUpstream, start
from tests.standins.base import Faults, StandIn
from tests.unit.providers.contract.subjects import Fault, Service

PAUSE = 0.03
"""Seconds between the pieces of a slow stream."""
FIRST_PIECES = 12
"""Enough of a stream for any provider to make the first sound of."""


class StandInService(Service):
    """A stand-in of ``tests/standins``."""

    retry_after = 3.0

    def __init__(self, standin: StandIn, path: str = "") -> None:
        self.standin = standin
        self.url = standin.url + path

    def meet(self, fault: Fault) -> None:
        if fault is Fault.BAD_KEY:
            return  # it knows the right key from others
        self.standin.faults = {
            Fault.RATE_LIMIT: Faults(status=429),
            Fault.QUOTA: Faults(out_of_quota=True),
            Fault.SERVER: Faults(status=500),
            Fault.CUT: Faults(cut_after=2),
            Fault.SILENCE: Faults(hang_after=2),
            Fault.NONSENSE: Faults(nonsense=True),
        }[fault]

    def slow_down(self) -> None:
        self.standin.faults = Faults(pause=PAUSE)

    def hold(self) -> None:
        self.standin.faults = Faults(hang_after=FIRST_PIECES)

    def release(self) -> None:
        self.standin.released.set()

    def hurry(self) -> None:
        self.standin.faults = Faults()

    @property
    def aborted(self) -> int:
        return self.standin.aborted

    @property
    def under_way(self) -> int:
        return self.standin.under_way

    @property
    def heard(self) -> int:
        return self.standin.heard

    @property
    def sent(self) -> str:
        last = self.standin.last
        return f"{last.path} {last.query} {last.headers} {last.body}"


def standin(make: Callable[[], StandIn], path: str = ""):
    """Starts such a stand-in; ``path`` is appended to its address."""

    @asynccontextmanager
    async def serve() -> AsyncIterator[Service]:
        async with make().running() as running:
            yield StandInService(running, path)

    return serve


class MockService(Service):
    """The mock upstream, an OpenAI-compatible service."""

    retry_after = 3.0

    def __init__(self, mock: MockUpstream, url: str) -> None:
        self.mock = mock
        self.url = url

    def meet(self, fault: Fault) -> None:
        self.behave(
            **{
                Fault.BAD_KEY: {"error": 401},
                Fault.RATE_LIMIT: {"error": 429, "retry_after": "3"},
                Fault.QUOTA: {"error": 402},
                Fault.SERVER: {"error": 500},
                Fault.CUT: {"cut": 2},
                Fault.SILENCE: {"hang": 2},
                Fault.NONSENSE: {"garbage": True},
            }[fault]
        )

    def slow_down(self) -> None:
        self.behave(rate=1 / PAUSE, audio_ms=1000, audio_rate=1.0)

    def hold(self) -> None:
        self.behave(audio_ms=1000, hang=FIRST_PIECES)

    def release(self) -> None:
        self.mock.released.set()

    def hurry(self) -> None:
        self.behave(rate=0.0, audio_rate=0.0)

    def behave(self, **changed: object) -> None:
        """Answer in another way from now on."""
        self.mock.behaviour = msgspec.structs.replace(self.mock.behaviour, **changed)

    @property
    def aborted(self) -> int:
        return self.mock.stats.aborted

    @property
    def under_way(self) -> int:
        return self.mock.stats.open

    @property
    def sent(self) -> str:
        return str(self.mock.requests[-1])


@asynccontextmanager
async def mock_upstream() -> AsyncIterator[Service]:
    """Starts the mock upstream."""
    mock = MockUpstream()
    runner, url = await start(mock)
    try:
        yield MockService(mock, url)
    finally:
        await runner.cleanup()

"""The machine's clock is set, far ahead and far back: what counts seconds must not notice.

The event loop's clock stands still here until a test moves it, so that what a minute does is seen without a minute, on
however slow a machine; the clock on the wall is set as root would set it. Sockets are real.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from astrbot_like.dashboard.settings import DashboardSettings
from astrbot_like.host.server import Server
from astrbot_like.host.server_protocol import ConnectionOptions
from tests.support.admin_house import ADMIN, PASSWORD, admin_house
from tests.support.fakes import API_KEY, FakeHouse, fake_house
from tests.support.houses import RawSocket
from tests.support.virtual_time import run_virtual, standing_clock

YEAR = 365 * 86_400.0
JUMPS = (YEAR, -YEAR, -60.0, 0.0)
"""Where the clock on the wall is set, in seconds from now."""
HEARTBEAT = 20.0
IDLE = 15.0
TEXT, PING, PONG = 1, 9, 10
"""Opcodes of RFC 6455."""


class WallClock:
    """The clock on the wall, which can be set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead = 0.0
        real = time.time
        monkeypatch.setattr(time, "time", lambda: real() + self.ahead)

    async def jump(self, unchanged: Callable[[], Awaitable[None]]) -> None:
        """Set the clock ahead and back, and look each time whether all is as it was."""
        for self.ahead in JUMPS:
            await unchanged()


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> WallClock:
    return WallClock(monkeypatch)


async def live_socket(house: FakeHouse) -> RawSocket:
    """A live socket that answers no ping by itself."""
    return await RawSocket.open(house.ws("/api/v1/live/ws", {"api_key": API_KEY, "username": "ann"}))


async def still_answers(socket: RawSocket) -> None:
    """The connection is there, and the server has sent nothing of its own accord."""
    await socket.text('{"t":"ping"}')
    opcode, payload = await socket.read_frame()
    assert (opcode, b'"pong"' in payload) == (TEXT, True)


def test_heartbeats_come_by_time_that_passes_and_a_silent_client_is_dropped_by_it(wall: WallClock):
    async def scenario() -> None:
        options = ConnectionOptions(ping_interval=HEARTBEAT)
        async with fake_house(options=options) as house, standing_clock() as clock:
            answering, silent = await live_socket(house), await live_socket(house)
            for _ in range(3):
                await wall.jump(lambda: still_answers(answering))
                clock.advance(HEARTBEAT + 1)
                assert await answering.read_frame() == (PING, b"")
                await answering.send(answering.frame(PONG, b""))
                await still_answers(answering)  # the server has read the pong before this
            assert await silent.read_frame() == (PING, b"")
            assert await silent.close_code() is None
            answering.vanish()
            silent.vanish()

    run_virtual(scenario())


def test_an_idle_connection_is_kept_and_ended_by_time_that_passes(wall: WallClock):
    async def scenario() -> None:
        async with fake_house(options=ConnectionOptions(idle_timeout=IDLE)) as house, standing_clock() as clock:
            parts = urlsplit(house.url)
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)

            async def still_served() -> None:
                writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split()[0])
                await reader.readexactly(length)

            await wall.jump(still_served)
            clock.advance(IDLE + 1)
            assert await reader.read() == b""
            writer.close()

    run_virtual(scenario())


def test_rates_of_requests_are_counted_by_time_that_passes(wall: WallClock):
    async def scenario() -> None:
        settings = DashboardSettings(request_rate=1 / 60, request_burst=3)
        async with (
            fake_house(settings=settings) as house,
            standing_clock() as clock,
            aiohttp.ClientSession(house.url, headers={"X-API-Key": API_KEY}) as http,
        ):

            async def asked() -> tuple[int, str]:
                async with http.post("/api/v1/chat", json={}) as answer:
                    return answer.status, answer.headers.get("Retry-After", "")

            async def still_limited() -> None:
                assert await asked() == (429, "60")

            assert [(await asked())[0] for _ in range(3)] == [400] * 3
            await wall.jump(still_limited)
            clock.advance(61)
            assert (await asked())[0] == 400
            await wall.jump(still_limited)

    run_virtual(scenario())


def test_guesses_of_passwords_are_counted_by_time_that_passes(wall: WallClock, tmp_path: Path):
    """The lock of an account is kept over restarts, so it ends by the clock on the wall; the rate of an address is not,
    so that no clock lets anybody guess faster."""

    async def scenario() -> None:
        settings = DashboardSettings(login_rate=1, login_burst=2)
        async with standing_clock() as clock, admin_house(tmp_path, settings, lifespan=False) as house:
            server = Server(house.app, host="127.0.0.1", port=0)
            await server.start()
            try:
                async with aiohttp.ClientSession(server.url) as http:

                    async def guessed(password: str) -> int:
                        body = {"username": ADMIN, "password": password}
                        async with http.post("/api/auth/login", json=body) as answer:
                            return answer.status

                    async def still_limited() -> None:
                        assert await guessed(PASSWORD) == 429

                    assert [await guessed("wrong") for _ in range(2)] == [401, 401]
                    await wall.jump(still_limited)
                    clock.advance(61)
                    assert await guessed(PASSWORD) == 200
                    await wall.jump(still_limited)
            finally:
                await server.stop(0)

    run_virtual(scenario())

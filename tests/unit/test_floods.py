"""Floods of connections, and peers that take for ever to say what they want."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from urllib.parse import urlsplit

import httpx
import pytest

from astrbot_like.dashboard.settings import DashboardSettings
from astrbot_like.host.server_protocol import ConnectionOptions
from tests.support.census import open_descriptors, settle
from tests.support.fakes import API_KEY, FakeHouse, fake_house
from tests.support.live_client import connect

PATIENCE = 60.0
"""Seconds a busy machine may take."""
MOST = 40
SLOW = 0.5
"""Seconds that headers or a body may take here."""
HANDSHAKE = (
    b"GET /api/v1/live/ws?username=ann HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


async def opened(house: FakeHouse) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A bare connection."""
    parts = urlsplit(house.url)
    return await asyncio.open_connection(parts.hostname, parts.port)


def server_sockets() -> int:
    """Sockets of this process, the server's and the test's."""
    return sum(name.startswith("socket:") for name in open_descriptors())


async def trickle(writer: asyncio.StreamWriter, data: bytes) -> None:
    """A byte now and then, as long as the peer takes them."""
    try:
        for byte in data:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(SLOW / 10)
    except ConnectionError:
        return


async def test_connections_over_the_limit_are_refused_and_the_others_go_on(caplog: pytest.LogCaptureFixture):
    options = ConnectionOptions(idle_timeout=PATIENCE)
    async with (
        fake_house(options=options, most_connections=MOST) as house,
        connect(house.ws("/api/v1/live/ws", {"api_key": API_KEY, "username": "ann"})) as client,
    ):
        silent = [await opened(house) for _ in range(MOST - 1)]
        await client.send({"t": "ping"})
        await client.until("pong")  # so that the server has seen all before it
        for _ in range(20):
            reader, writer = await opened(house)
            async with asyncio.timeout(PATIENCE):
                answer = await reader.read()
            assert answer.startswith(b"HTTP/1.1 503 ")
            assert answer.endswith(b"Too many connections. Please try again in a moment.\n")
            writer.close()
        await client.send({"t": "text_input", "text": "still here?"})
        await client.until("end")
        for _, writer in silent:
            writer.close()

        async def welcome() -> bool:
            async with httpx.AsyncClient(base_url=house.url) as http:
                return (await http.get("/healthz")).status_code == 200

        async with asyncio.timeout(PATIENCE):
            while not await welcome():
                await asyncio.sleep(0.05)
    told = [record for record in caplog.records if "too many connections" in record.getMessage()]
    assert len(told) == 1, "a flood must not flood the log"


async def test_thousands_that_come_and_go_leave_nothing_behind():
    dice = random.Random(7)
    async with (
        fake_house() as house,
        connect(house.ws("/api/v1/live/ws", {"api_key": API_KEY, "username": "ann"})) as client,
    ):
        before = server_sockets()
        for _ in range(40):
            crowd = await asyncio.gather(*(opened(house) for _ in range(50)))
            for _, writer in crowd:
                writer.write(HANDSHAKE[: dice.randrange(len(HANDSHAKE) + 1)])
                writer.transport.abort() if dice.random() < 0.5 else writer.close()
        assert await settle(lambda: server_sockets() <= before, PATIENCE)
        await client.send({"t": "ping"})
        await client.until("pong")


async def test_a_handshake_that_is_never_finished_is_cut():
    async with fake_house(options=ConnectionOptions(idle_timeout=SLOW)) as house:
        for sent in (b"", HANDSHAKE[:-2]):
            reader, writer = await opened(house)
            writer.write(sent)
            async with asyncio.timeout(PATIENCE):
                await reader.read()
            writer.close()


async def test_headers_that_trickle_in_are_cut():
    async with fake_house(options=ConnectionOptions(idle_timeout=SLOW)) as house:
        reader, writer = await opened(house)
        sending = asyncio.create_task(trickle(writer, b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 100_000))
        async with asyncio.timeout(PATIENCE):
            with suppress(ConnectionError):
                await reader.read()
        sending.cancel()
        writer.close()


async def test_a_body_that_trickles_in_is_refused_in_words():
    async with fake_house(settings=DashboardSettings(body_timeout=SLOW)) as house:
        reader, writer = await opened(house)
        head = f"POST /api/v1/chat HTTP/1.1\r\nHost: x\r\nX-API-Key: {API_KEY}\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: 100000\r\n\r\n".encode())
        sending = asyncio.create_task(trickle(writer, b" " * 100_000))
        async with asyncio.timeout(PATIENCE):
            head = await reader.readuntil(b"\r\n\r\n")
            answer = await reader.readuntil(b"}")
        assert head.startswith(b"HTTP/1.1 400 ")
        assert b"The body did not come in time." in answer
        sending.cancel()
        writer.close()

"""Clients that vanish, stall, lie or flood, in each phase of a turn; and the WebSocket protocol's own rules."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from astrbot_like.dashboard.live.routes import open_sockets
from tests.support.census import count, open_descriptors, settle, task_names
from tests.support.houses import House, RawSocket, scripted_house
from tests.support.live_client import connect

LIMITS = {"ping_interval": 0.5, "slow_client_timeout": 0.5, "max_frame_bytes": 64 * 1024}
LONG = " ".join(f"This is sentence number {n} of a story." for n in range(60))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with scripted_house(tmp_path, chat={"reply": LONG, "gap": 0.005}, dashboard={"sockets": LIMITS}) as house:
        yield house


def sockets(house: House) -> int:
    """Connections the application still knows."""
    assert house.app._sockets is not None
    return len(house.app._sockets)


async def warm_up(house: House) -> None:
    """A turn that opens what is opened once: database connections, threads."""
    async with connect(house.ws("/api/live_chat/ws")) as client:
        await client.send({"t": "text_input", "text": "hi"})
        await client.until("response")
        await client.send({"t": "interrupt"})
        await client.until("end")


async def answers(house: House) -> None:
    """The server is well: a new connection gets its pong."""
    async with connect(house.ws("/api/live_chat/ws")) as client:
        await client.send({"t": "ping"})
        await client.until("pong")


PHASES = {
    "handshake done": [],
    "segment open": ['{"t":"start_speaking","stamp":"s"}', '{"t":"speaking_part","data":"AAAA"}'],
    "turn just begun": ['{"t":"text_input","text":"go"}'],
    "server detection": [
        '{"t":"session_update","data":{"turn_detection":"server"}}',
        '{"t":"speaking_part","data":"AAAA"}',
    ],
}


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("how", ["reset", "half-open"])
async def test_a_client_that_vanishes_leaves_nothing_behind(house: House, phase: str, how: str):
    await warm_up(house)
    assert await settle(lambda: sockets(house) == 0)
    before = count(house.data)
    clients = [await RawSocket.open(house.ws("/api/live_chat/ws")) for _ in range(5)]
    for client in clients:
        for frame in PHASES[phase]:
            await client.text(frame)
    if phase == "turn just begun":
        await asyncio.gather(*(client.read_frame() for client in clients))
    if how == "reset":
        for client in clients:
            client.vanish()
    # A half-open peer answers no ping; it is dropped at the second one.
    assert await settle(lambda: sockets(house) == 0), sockets(house)
    assert await settle(lambda: count(house.data).tasks <= before.tasks), task_names()
    for client in clients:
        client.writer.close()
    assert await settle(lambda: count(house.data).sockets <= before.sockets), open_descriptors()
    await answers(house)


async def test_a_client_that_vanishes_in_mid_reply_leaves_a_stored_reply(house: House):
    client = await RawSocket.open(house.ws("/api/v1/live/ws", username="ann"))
    await client.text('{"t":"text_input","text":"tell me"}')
    while b"bot_delta_chunk" not in (await client.read_frame())[1]:
        pass
    client.vanish()
    assert await settle(lambda: sockets(house) == 0)
    import aiohttp

    async with aiohttp.ClientSession(house.url, headers={"X-API-Key": house.key}) as http:
        listed = await (await http.get("/api/v1/chat/sessions", params={"username": "ann"})).json()
    [session] = listed["data"]["sessions"]
    async with connect(house.ws("/api/v1/live/ws", username="ann", ct="chat"), protocol="chat") as reader:
        await reader.send({"t": "bind", "session_id": session["session_id"], "after": 0})
        frames = await reader.until("end")
    told = [frame["type"] for frame in frames]
    assert told[:2] == ["session_bound", "user_message_saved"]
    assert "message_saved" in told


async def test_clients_that_vanish_in_a_spoken_and_a_written_reply_leave_both_stored(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    """The written one ends first; what the spoken one says meanwhile goes nowhere and stops nothing."""
    async with scripted_house(tmp_path, chat={"reply": LONG, "gap": 0.001}) as house:
        clients = [await RawSocket.open(house.ws("/api/unified_chat/ws")) for _ in range(8)]
        for client in clients:
            await client.text('{"t":"text_input","text":"tell me"}')
            await client.text('{"ct":"chat","t":"send","message":[{"type":"plain","text":"write me"}]}')
        for client in clients:
            missing = {b"bot_delta_chunk", b'"plain"'}
            while missing:
                _, frame = await client.read_frame()
                missing -= {kind for kind in missing if kind in frame}
            await client.text('{"t":"session_update","data":{"session_id":"nowhere"}}')
        for client in clients:
            client.vanish()
        assert await settle(lambda: sockets(house) == 0)
        assert await settle(lambda: not any("turn" in name for name in task_names())), task_names()
        assert house.app._stores is not None
        interrupted = await house.app._stores.database.read(
            lambda connection: connection.exec_driver_sql(
                "SELECT count(*) FROM messages WHERE role = 'bot' AND interrupted"
            ).scalar()
        )
        assert interrupted == 2 * len(clients)
    assert not [record for record in caplog.records if record.name == "asyncio"]


async def test_a_peer_that_answers_pings_stays(house: House):
    async with connect(house.ws("/api/live_chat/ws")) as client:
        await asyncio.sleep(1.6)
        await client.send({"t": "ping"})
        await client.until("pong")


async def test_a_client_that_reads_nothing_is_dropped_and_costs_little(house: House):
    await answers(house)
    before = count(house.data)
    client = await RawSocket.open(house.ws("/api/live_chat/ws"))
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]

    async def flood() -> None:
        try:
            while True:
                await client.text('{"t":"ping","padding":"' + "x" * 2000 + '"}')
        except ConnectionError:
            return

    flooding = asyncio.create_task(flood())
    assert await settle(lambda: sockets(house) == 0), "the slow client is still there"
    assert count(house.data).anonymous - before.anonymous < 40 * 2**20
    flooding.cancel()
    client.vanish()
    await answers(house)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(lambda c: c.frame(1, b"{}", masked=False), 1002, id="unmasked"),
        pytest.param(lambda c: c.frame(3, b"x"), 1002, id="reserved opcode"),
        pytest.param(lambda c: c.frame(9, b"x" * 126), 1002, id="long ping"),
        pytest.param(lambda c: c.frame(9, b"x", fin=False), 1002, id="fragmented ping"),
        pytest.param(lambda c: c.frame(0, b"x"), 1002, id="continuation of nothing"),
        pytest.param(lambda c: c.frame(1, b"a", fin=False) + c.frame(1, b"b"), 1002, id="message within a message"),
        pytest.param(lambda c: c.frame(1, b"\xff\xfe"), 1007, id="not UTF-8"),
        pytest.param(lambda c: c.frame(1, b"x" * (64 * 1024 + 1)), 1009, id="too large"),
        pytest.param(
            lambda c: c.frame(1, b"x" * 60_000, fin=False) + c.frame(0, b"x" * 60_000), 1009, id="too large in pieces"
        ),
        pytest.param(lambda c: c.frame(1, b"x", fin=False) + c.frame(0, b"x", fin=False) * 2000, 1009, id="crumbs"),
        pytest.param(lambda c: c.frame(8, b"\x03\xe8bye"), 1000, id="close"),
        pytest.param(lambda c: c.frame(8, b""), 1005, id="close without a code"),
    ],
)
async def test_rules_of_the_protocol(house: House, data, code: int):
    client = await RawSocket.open(house.ws("/api/live_chat/ws"))
    await client.send(data(client))
    assert await client.close_code() == code
    assert await settle(lambda: sockets(house) == 0)
    client.writer.close()
    await answers(house)


async def test_a_reply_to_a_peer_that_broke_the_rules_is_dropped(
    house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    """What the application still says after the codec has closed the connection, its own close frame too."""
    monkeypatch.setattr(logging.getLogger("hypercorn.error"), "propagate", True)
    client = await RawSocket.open(house.ws("/api/live_chat/ws"))
    await client.text('{"t":"text_input","text":"tell me"}')
    while b"bot_delta_chunk" not in (await client.read_frame())[1]:
        pass
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    await client.text('{"t":"start_speaking"}' * 100)
    await client.send(client.frame(1, b"x" * (64 * 1024 + 1)))
    assert await settle(lambda: sockets(house) == 0)
    client.vanish()
    assert not [record for record in caplog.records if "hypercorn" in record.name]


async def test_fragments_and_pings_between_them(house: House):
    client = await RawSocket.open(house.ws("/api/live_chat/ws"))
    whole = '{"t":"ping","note":"ümläut"}'.encode()
    await client.send(client.frame(1, whole[:20], fin=False) + client.frame(9, b"now") + client.frame(0, whole[20:]))
    seen = [await client.read_frame(), await client.read_frame()]
    assert (10, b"now") in seen
    assert (1, b'{"t":"pong"}') in seen
    client.writer.close()


async def test_a_close_frame_is_not_lost_in_what_the_client_still_sends(house: House):
    """A refused client that talks on gets to read why."""
    url = house.url.replace("http", "ws", 1) + "/api/live_chat/ws?token=wrong"
    for _ in range(5):
        client = await RawSocket.open(url)
        for _ in range(50):
            try:
                await client.send(client.frame(1, b"x" * 4000))
            except ConnectionError:
                break
        assert await client.close_code() == 1008
        client.vanish()


async def test_stopping_ends_idle_connections_at_once_and_busy_ones_after_their_turn(tmp_path: Path):
    async with (
        scripted_house(
            tmp_path, chat={"reply": "one two three four", "gap": 0.1}, server={"shutdown_grace": 5.0}
        ) as house,
        connect(house.ws("/api/live_chat/ws")) as idle,
        connect(house.ws("/api/unified_chat/ws"), protocol="chat") as busy,
    ):
        await busy.send({"ct": "chat", "t": "send", "message": [{"type": "plain", "text": "hi"}]})
        await busy.until("plain")
        stopping = asyncio.create_task(house.stop())
        assert (await idle.closed())[0] == 1001
        frames = await busy.until("end")
        assert json.dumps(frames).count("message_saved") == 1
        assert (await busy.closed())[0] == 1001
        await stopping


def test_sockets_are_counted_per_application():
    from quart import Quart

    assert open_sockets(Quart("a")) is not open_sockets(Quart("b"))

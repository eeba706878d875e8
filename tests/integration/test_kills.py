"""``kill -9`` at any moment of many turns: what was acknowledged is there, and the server starts again at once."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path

import aiohttp
import pytest

from astrbot_like.domain.history import StoredMessage
from tests.support.frames import read_sse
from tests.support.server_process import PASSWORD, USERNAME, ServerProcess
from tests.support.stores import open_stores

TALKERS = 8


class Acknowledged:
    """What the server said was durable: text by history id."""

    def __init__(self) -> None:
        self.users: dict[int, str] = {}
        self.bots: dict[int, str] = {}


async def make_key(url: str) -> str:
    async with aiohttp.ClientSession(url) as http:
        login = {"username": USERNAME, "password": PASSWORD}
        async with http.post("/api/auth/login", json=login) as answer:
            token = (await answer.json())["data"]["token"]
        headers = {"Authorization": f"Bearer {token}"}
        async with http.post("/api/apikey/create", json={"name": "t", "scopes": ["*"]}, headers=headers) as answer:
            return (await answer.json())["data"]["key"]


async def talk(url: str, key: str, name: str, acknowledged: Acknowledged) -> None:
    """Send messages until the server is gone."""
    async with aiohttp.ClientSession(url, headers={"X-API-Key": key}) as http:
        number = 0
        while True:
            text = f"what is {number} plus 1, asks {name}"
            number += 1
            body = {"message": text, "username": name, "session_id": f"session-{name}"}
            reply = ""
            try:
                async with http.post("/api/v1/chat", json=body) as answer:
                    async for frame in read_sse(answer.content):
                        if frame["type"] == "user_message_saved":
                            acknowledged.users[frame["data"]["id"]] = text
                        elif frame["type"] == "complete":
                            reply = frame["data"]
                        elif frame["type"] == "message_saved":
                            acknowledged.bots[frame["data"]["id"]] = reply
            except (aiohttp.ClientError, ConnectionError, json.JSONDecodeError):
                return


async def stored(data: Path) -> dict[int, StoredMessage]:
    """Every message of a data directory that nobody uses; its database is checked on the way."""
    found: dict[int, StoredMessage] = {}
    async with open_stores(data) as stores:
        assert await stores.database.read(lambda c: c.exec_driver_sql("PRAGMA integrity_check").scalar()) == "ok"
        for n in range(TALKERS):
            last = 0
            while page := await stores.history.after(f"session-{n}", last):
                found |= {row.id: row for row in page}
                last = page[-1].id
    return found


async def run_kills(data: Path, kills: int) -> Acknowledged:
    """Start, talk, kill, and check, ``kills`` times."""
    acknowledged = Acknowledged()
    key = ""
    for _ in range(kills):
        server = ServerProcess(data)
        await server.start()
        key = key or await make_key(server.url)
        talking = [asyncio.create_task(talk(server.url, key, str(n), acknowledged)) for n in range(TALKERS)]
        await asyncio.sleep(random.uniform(0.0, 1.0))
        await server.kill()
        await asyncio.wait(talking, timeout=30)
        found = await stored(data)
        for history_id, text in acknowledged.users.items():
            assert found[history_id].text == text
        for history_id, text in acknowledged.bots.items():
            assert found[history_id].text == text
    return acknowledged


async def test_some_kills_lose_nothing(tmp_path):
    acknowledged = await run_kills(tmp_path, 3)
    assert acknowledged.users


@pytest.mark.soak
async def test_a_thousand_kills_lose_nothing(tmp_path, capsys):
    acknowledged = await run_kills(tmp_path, 1000)
    with capsys.disabled():
        print(
            f"\n1000 kills: {len(acknowledged.users)} user messages and {len(acknowledged.bots)} replies were "
            "acknowledged, and all were there afterwards"
        )


async def test_sigterm_ends_with_status_0_and_keeps_everything(tmp_path):
    acknowledged = Acknowledged()
    async with ServerProcess(tmp_path) as server:
        key = await make_key(server.url)
        talking = [asyncio.create_task(talk(server.url, key, str(n), acknowledged)) for n in range(TALKERS)]
        while len(acknowledged.bots) < 20:
            await asyncio.sleep(0.01)
        assert await server.stop() == 0, server.output
        await asyncio.wait(talking, timeout=30)
        assert "Traceback" not in server.output
    found = await stored(tmp_path)
    assert {row.text for row in found.values()} >= set(acknowledged.users.values())
    assert not (tmp_path / "astrbot_like.db-wal").exists()


async def test_a_second_server_on_the_same_data_is_refused(tmp_path):
    async with ServerProcess(tmp_path):
        with pytest.raises(RuntimeError, match="Another server is using this data directory"):
            await ServerProcess(tmp_path).start()

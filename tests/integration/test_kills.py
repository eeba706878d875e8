"""``kill -9`` at any moment of many turns: what was acknowledged is there, and the server starts again at once.

``make soak`` kills a thousand times (``KILLS`` says how often, ``SOAK_SECONDS`` ends it earlier), in several data
directories side by side.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import statistics
import time
from collections import Counter
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from astrbot_like.domain.history import StoredMessage
from tests.support.census import settle
from tests.support.forked_server import ForkedServer
from tests.support.frames import check_frame, read_sse
from tests.support.server_process import PASSWORD, USERNAME, ServerProcess
from tests.support.stores import Stores, open_stores

TALKERS = 6
LANES = 4
"""Data directories with a server each."""
NEEDED = {"offline_assistant", "builtin_tools"}
"""Plugins that stay; the others would only take time at each start."""
EARLY = 0.15
"""Share of the kills that come while the server is starting."""
GONE = (aiohttp.ClientError, ConnectionError, json.JSONDecodeError, TypeError)
"""What a client sees of a server that was killed; a cut WebSocket gives None for a frame."""


class Acknowledged:
    """What the server said was durable."""

    def __init__(self) -> None:
        self.users: dict[int, str] = {}
        """Texts by history id; of the bot's likewise, where None is a reply whose end the client was not told."""
        self.bots: dict[int, str | None] = {}
        self.files: dict[str, bytes] = {}
        """Contents by attachment id."""
        self.prompt = 0
        """The number last written into a persona, and the highest that may have been written since."""
        self.prompt_tried = 0
        self.setting = 0
        self.setting_tried = 0


async def sign_in(http: aiohttp.ClientSession) -> dict[str, str]:
    """Headers of the administrator."""
    async with http.post("/api/auth/login", json={"username": USERNAME, "password": PASSWORD}) as answer:
        return {"Authorization": f"Bearer {(await answer.json())['data']['token']}"}


async def make_key(url: str) -> str:
    """A new API key for everything."""
    async with aiohttp.ClientSession(url) as http:
        body = {"name": "t", "scopes": ["*"]}
        async with http.post("/api/apikey/create", json=body, headers=await sign_in(http)) as answer:
            return (await answer.json())["data"]["key"]


async def prepared(url: str) -> dict[str, str]:
    """Switch off what only costs time; returns the administrator's headers."""
    async with aiohttp.ClientSession(url) as http:
        headers = await sign_in(http)
        async with http.get("/api/plugin/get", headers=headers) as answer:
            names = {plugin["name"] for plugin in (await answer.json())["data"]["plugins"]}
        for name in names - NEEDED:
            async with http.post("/api/plugin/off", json={"name": name}, headers=headers) as answer:
                assert answer.status == 200, await answer.text()
    return headers


class Frames:
    """Notes what the frames of a reply acknowledge."""

    def __init__(self, acknowledged: Acknowledged) -> None:
        self._acknowledged = acknowledged
        self._reply: str | None = None

    def note(self, frame: dict[str, Any], said: str) -> None:
        """Take a frame; ``said`` is the user's message."""
        match frame["type"]:
            case "user_message_saved":
                self._acknowledged.users[frame["data"]["id"]] = said
            case "complete":
                self._reply = frame["data"]
            case "message_saved":
                self._acknowledged.bots[frame["data"]["id"]] = self._reply


async def talk(url: str, key: str, name: str, acknowledged: Acknowledged) -> None:
    """Send messages until the server is gone."""
    async with aiohttp.ClientSession(url, headers={"X-API-Key": key}) as http:
        number = 0
        while True:
            text = f"what is {number} plus 1, asks {name}"
            number += 1
            body = {"message": text, "username": name, "session_id": f"session-{name}"}
            frames = Frames(acknowledged)
            try:
                async with http.post("/api/v1/chat", json=body) as answer:
                    async for frame in read_sse(answer.content):
                        frames.note(frame, text)
            except GONE:
                return


async def talk_on_a_socket(url: str, key: str, name: str, acknowledged: Acknowledged) -> None:
    """The same over the chat socket, with one message in two interrupted."""
    try:
        async with (
            aiohttp.ClientSession(url, headers={"X-API-Key": key}) as http,
            http.ws_connect("/api/v1/live/ws", params={"username": name, "ct": "chat"}) as socket,
        ):
            number = 0
            while True:
                text = f"tell me {number} things, says {name}"
                number += 1
                part = {"type": "plain", "text": text}
                await socket.send_json({"t": "send", "session_id": f"session-{name}", "message": [part]})
                frames = Frames(acknowledged)
                while True:
                    frame = check_frame((await socket.receive()).data)
                    if frame.get("t") == "error":
                        continue
                    frames.note(frame, text)
                    if frame["type"] == "user_message_saved" and number % 2:
                        await socket.send_json({"t": "interrupt"})
                    if frame["type"] == "end":
                        break
    except GONE:
        return


async def upload(url: str, key: str, acknowledged: Acknowledged) -> None:
    """Upload files until the server is gone."""
    async with aiohttp.ClientSession(url, headers={"X-API-Key": key}) as http:
        while True:
            content = random.randbytes(random.randrange(1, 200_000))
            form = aiohttp.FormData()
            form.add_field("file", content, filename="random.bin")
            try:
                async with http.post("/api/v1/file", data=form) as answer:
                    acknowledged.files[(await answer.json())["data"]["attachment_id"]] = content
            except GONE:
                return


async def configure(url: str, headers: dict[str, str], acknowledged: Acknowledged) -> None:
    """Change a persona (in the database) and a plugin's setting (a file) until the server is gone."""
    try:
        async with aiohttp.ClientSession(url, headers=headers) as http:

            async def post(path: str, body: dict[str, Any]) -> int:
                async with http.post(path, json=body) as answer:
                    await answer.read()
                    return answer.status

            persona: dict[str, Any] = {"id": "counter", "prompt": "0", "begin_dialogs": []}
            await post("/api/persona/create", persona)  # refused when it is there
            while True:
                acknowledged.prompt_tried = number = max(acknowledged.prompt, acknowledged.prompt_tried) + 1
                if await post("/api/persona/update", {**persona, "prompt": str(number)}) == 200:
                    acknowledged.prompt = number
                acknowledged.setting_tried = number
                setting = {"name": "builtin_tools", "config": {"web_pages": {"max_characters": 1000 + number}}}
                assert await post("/api/plugin/config", setting) == 200
                acknowledged.setting = number
    except GONE:
        return


async def talking_to(
    server: ForkedServer, key: str, administrator: dict[str, str], acknowledged: Acknowledged, seconds: float
) -> None:
    """Everybody talks for a while; then the server is killed."""
    people: list[Awaitable[None]] = [talk(server.url, key, str(n), acknowledged) for n in range(TALKERS)]
    people += [
        talk_on_a_socket(server.url, key, "socket", acknowledged),
        upload(server.url, key, acknowledged),
        configure(server.url, administrator, acknowledged),
    ]
    tasks = [asyncio.ensure_future(person) for person in people]
    await asyncio.sleep(seconds)
    await server.kill()
    done, late = await asyncio.wait(tasks, timeout=30)
    assert not late, "a client still waits for a server that is gone"
    for task in done:
        task.result()


async def rows_after(stores: Stores, name: str, last: int) -> list[StoredMessage]:
    """All messages of a session that come after an id."""
    rows: list[StoredMessage] = []
    while page := await stores.history.after(f"session-{name}", last):
        rows += page
        last = page[-1].id
    return rows


SESSIONS = (*(str(n) for n in range(TALKERS)), "socket")


async def check(data: Path, acknowledged: Acknowledged, last: dict[str, int], how: str) -> None:
    """Look for everything that was acknowledged since the last look, in a data directory that nobody uses."""
    found: dict[int, StoredMessage] = {}
    async with open_stores(data) as stores:
        assert await stores.database.read(lambda c: c.exec_driver_sql(f"PRAGMA {how}").scalar()) == "ok"
        for name in SESSIONS:
            rows = await rows_after(stores, name, last.get(name, 0))
            found |= {row.id: row for row in rows}
            if rows:
                last[name] = rows[-1].id
        for attachment_id, content in acknowledged.files.items():
            stored = await stores.attachments.get(attachment_id)
            assert stored is not None, "an acknowledged file is lost"
            assert (data / stored.path).read_bytes() == content
        prompt = await stores.database.read(
            lambda c: c.exec_driver_sql("SELECT data FROM personas WHERE id = 'counter'").scalar()
        )
    for history_id, text in ({**acknowledged.users, **acknowledged.bots}).items():
        assert history_id in found, "an acknowledged message is lost"
        assert text in (None, found[history_id].text)
    if acknowledged.prompt:
        assert acknowledged.prompt <= int(json.loads(prompt)["prompt"]) <= acknowledged.prompt_tried
    if acknowledged.setting:
        written = json.loads((data / "config" / "builtin_tools_config.json").read_text("utf-8-sig"))
        assert acknowledged.setting <= written["web_pages"]["max_characters"] - 1000 <= acknowledged.setting_tried


class Lane:
    """One data directory whose servers are killed one after the other."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.counts: Counter[str] = Counter()
        self.starts: list[float] = []

    async def run(self, kills: int) -> None:
        """Start, talk, kill, and check, ``kills`` times; then check everything once more."""
        server = ForkedServer(self.data)
        try:
            await self._run(server, kills)
        finally:
            await server.kill()

    async def _run(self, server: ForkedServer, kills: int) -> None:
        everything, last = Acknowledged(), dict[str, int]()
        key, administrator = "", dict[str, str]()
        over = time.monotonic() + float(os.environ.get("SOAK_SECONDS", "inf"))
        while self.counts["kills"] < kills and time.monotonic() < over:
            if key and random.random() < EARLY:
                await self._kill_while_starting(server)
                continue
            started = time.monotonic()
            await server.start()
            self.starts.append(time.monotonic() - started)
            if not key:
                key = await make_key(server.url)
                administrator = await prepared(server.url)
            fresh = Acknowledged()
            fresh.prompt, fresh.prompt_tried = everything.prompt, everything.prompt_tried
            fresh.setting, fresh.setting_tried = everything.setting, everything.setting_tried
            await talking_to(server, key, administrator, fresh, random.uniform(0.0, 1.0))
            self.counts["kills"] += 1
            await check(self.data, fresh, last, "quick_check")
            for kept, new in ((everything.users, fresh.users), (everything.bots, fresh.bots)):
                kept |= new
            everything.prompt, everything.prompt_tried = fresh.prompt, fresh.prompt_tried
            everything.setting, everything.setting_tried = fresh.setting, fresh.setting_tried
            self.counts["files"] += len(fresh.files)
        await check(self.data, everything, {}, "integrity_check")
        self.counts["user messages"] = len(everything.users)
        self.counts["replies"] = len(everything.bots)
        self.counts["changes of a persona"] = everything.prompt
        self.counts["changes of a plugin's settings"] = everything.setting

    async def _kill_while_starting(self, server: ForkedServer) -> None:
        starting = asyncio.create_task(server.start())
        await asyncio.sleep(random.uniform(0.0, statistics.median(self.starts)))
        await server.kill()
        await asyncio.wait({starting})
        starting.exception()  # it was killed before it said that it is ready, or just after
        self.counts["kills"] += 1
        self.counts["of them while starting"] += 1


async def run_kills(folder: Path, kills: int, lanes: int) -> str:
    """Kill in several directories side by side; returns the closing figures."""
    started = time.monotonic()
    every = [Lane(folder / f"lane-{n}") for n in range(lanes)]
    async with asyncio.TaskGroup() as group:
        for n, lane in enumerate(every):
            group.create_task(lane.run(kills // lanes + (n < kills % lanes)))
    counts = sum((lane.counts for lane in every), Counter[str]())
    starts = sorted(start for lane in every for start in lane.starts)
    told = ", ".join(f"{number} {what}" for what, number in counts.items())
    return (
        f"{told}: everything that was acknowledged was there after each kill and at the end "
        f"({time.monotonic() - started:.0f} s; restart until ready: median {statistics.median(starts):.2f} s, "
        f"longest {starts[-1]:.2f} s)"
    )


async def test_some_kills_lose_nothing(tmp_path: Path):
    print(await run_kills(tmp_path, 4, 1))


@pytest.mark.soak
async def test_a_thousand_kills_lose_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    report = await run_kills(tmp_path, int(os.environ.get("KILLS", "1000")), LANES)
    with capsys.disabled():
        print(f"\n{report}")


async def test_sigterm_ends_with_status_0_and_keeps_everything(tmp_path: Path):
    acknowledged = Acknowledged()
    async with ServerProcess(tmp_path) as server:
        key = await make_key(server.url)
        talking = [asyncio.create_task(talk(server.url, key, str(n), acknowledged)) for n in range(TALKERS)]
        assert await settle(lambda: len(acknowledged.bots) >= 20)
        assert await server.stop() == 0, server.output
        await asyncio.wait(talking, timeout=30)
        assert "Traceback" not in server.output
    await check(tmp_path, acknowledged, {}, "integrity_check")
    assert not (tmp_path / "astrbot_like.db-wal").exists()


async def test_a_second_server_on_the_same_data_is_refused(tmp_path: Path):
    async with ServerProcess(tmp_path):
        with pytest.raises(RuntimeError, match="Another server is using this data directory"):
            await ServerProcess(tmp_path).start()

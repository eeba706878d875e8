"""Reminders set in a chat on the real server speak up later in the same session, after a restart too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp

from tests.support.applications import sign_in
from tests.support.live_client import CheckedSocket, connect
from tests.support.server_process import ServerProcess

PATIENCE = 60.0


@asynccontextmanager
async def chat(server: ServerProcess) -> AsyncIterator[CheckedSocket]:
    """A chat connection of the administrator's."""
    async with aiohttp.ClientSession(server.url) as http:
        token = await sign_in(http)
    address = f"{server.url.replace('http', 'ws', 1)}/api/unified_chat/ws?token={token}"
    async with connect(address, protocol="chat") as socket:
        yield socket


async def say(socket: CheckedSocket, text: str, session: str) -> str:
    """A whole turn; the reply's text."""
    asked = {"ct": "chat", "t": "send", "message": [{"type": "plain", "text": text}], "session_id": session}
    message_id = uuid4().hex
    await socket.send({**asked, "message_id": message_id})
    frames: list[dict[str, Any]] = []
    while not frames or frames[-1]["type"] != "end":
        if (frame := await socket.next()).get("message_id") == message_id:
            frames.append(frame)
    return "".join(frame["data"] for frame in frames if frame["type"] == "plain")


async def listen(socket: CheckedSocket, session: str, words: str) -> None:
    """Subscribe to a session, and wait for words that nobody asked for; what was said meanwhile is told too."""
    await socket.send({"ct": "chat", "t": "bind", "session_id": session, "after": 0})
    async with asyncio.timeout(PATIENCE):
        while words not in str(await socket.next()):
            pass


async def test_a_reminder_comes_to_the_session_it_was_set_in(tmp_path: Path) -> None:
    async with ServerProcess(tmp_path / "data") as server, chat(server) as phone, chat(server) as other:
        await say(other, "hello", "office")
        listening = asyncio.create_task(listen(other, "office", "drink water"))
        assert "drink water" in await say(phone, "remind me to drink water in 2 seconds", "kitchen")
        await listen(phone, "kitchen", "Reminder: drink water")
        assert not listening.done(), "nobody else is reminded"
        listening.cancel()


async def test_a_reminder_survives_kill_nine(tmp_path: Path) -> None:
    async with ServerProcess(tmp_path / "data") as server:
        async with chat(server) as phone:
            assert "stretch" in await say(phone, "remind me to stretch in 10 seconds", "kitchen")
            await say(phone, "remind me to call Ada in 2 hours", "kitchen")
        await server.kill()
        await server.start()
        async with chat(server) as phone:
            await listen(phone, "kitchen", "Reminder: stretch")
            waiting = await say(phone, "use the tool list_reminders", "kitchen")
            assert "call Ada" in waiting
            assert "stretch" not in waiting

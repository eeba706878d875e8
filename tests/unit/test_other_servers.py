"""The application is plain ASGI: a server that knows nothing of ours carries a conversation, too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import uvicorn

from tests.support.applications import application, sign_in
from tests.support.talking import LiveClient, texts


@asynccontextmanager
async def uvicorn_in_front(asgi: object) -> AsyncIterator[str]:
    """The application behind uvicorn, and its address."""
    config = uvicorn.Config(asgi, port=0, lifespan="off", log_level="warning", ws="websockets-sansio")  # type: ignore[arg-type]
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(60):
            while not server.started:
                await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving


async def test_a_reply_comes_by_another_server_as_by_ours(tmp_path: Path):
    async with (
        application(tmp_path) as running,
        uvicorn_in_front(running.app._app) as url,
        aiohttp.ClientSession(url) as http,
    ):
        token = await sign_in(http)
        async with http.ws_connect(f"/api/live_chat/ws?token={token}", max_msg_size=0) as socket:
            client = LiveClient(socket)
            await client.send("text_input", text="what is two plus two")
            frames = await client.until("end")
    assert "4" in texts(frames, "bot_delta_chunk")
    assert any(frame["t"] == "response" for frame in frames)

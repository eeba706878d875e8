"""A microphone beside the loudspeaker: the server, on its embedded engines, hears its own reply."""

import asyncio
import base64
from pathlib import Path

import aiohttp

from astrbot_like.api.audio import resample
from tests.support.applications import make_key
from tests.support.server_process import ServerProcess
from tests.support.talking import LiveClient

FRAME = 640


async def test_the_bot_does_not_answer_or_interrupt_itself(tmp_path: Path):
    async with ServerProcess(tmp_path / "data") as server, aiohttp.ClientSession(server.url) as http:
        key = await make_key(http, "chat")
        where = f"/api/v1/live/ws?username=ann&api_key={key}&audio=pcm16"
        async with http.ws_connect(where, max_msg_size=0) as socket:
            client = LiveClient(socket)
            await client.send("session_update", data={"turn_detection": "server"})
            await client.until("session_updated")
            heard = bytearray()

            async def loudspeaker() -> None:
                """The room: what was played comes back a little later, in real time."""
                loop = asyncio.get_running_loop()
                due = loop.time()
                while True:
                    frame, heard[:FRAME] = bytes(heard[:FRAME]), b""
                    data = base64.b64encode(frame.ljust(FRAME, b"\0")).decode()
                    await client.send("speaking_part", data=data)
                    due += 0.02
                    await asyncio.sleep(max(0.0, due - loop.time()))

            room = asyncio.create_task(loudspeaker())
            await client.send("text_input", text="what can you do")
            frames = [await client.next(60)]
            while frames[-1]["t"] != "end":
                if frames[-1]["t"] == "response":
                    heard += resample(base64.b64decode(frames[-1]["data"]), 24_000, 16_000)
                frames.append(await client.next(60))
            frames += await client.quiet(4.0)
            room.cancel()
            await asyncio.wait({room})
        kinds = [frame["t"] for frame in frames]
        assert "speech_started" in kinds, "the microphone heard nothing"
        assert "stop_play" not in kinds
        assert kinds.count("user_msg") == 1
        assert kinds.count("end") == 1
        assert kinds.count("pause_play") == kinds.count("resume_play") <= 1

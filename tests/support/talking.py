"""A live client for tests: sends frames, collects what comes."""

from __future__ import annotations

import asyncio
import base64
import time
from typing import Any

import aiohttp

from tests.support.frames import check_frame


class LiveClient:
    """One connection to a live endpoint."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.frames: list[dict[str, Any]] = []
        self.at: list[float] = []

    async def send(self, t: str, **fields: Any) -> None:
        await self.socket.send_json({"t": t, **fields})

    async def speak(self, stamp: str = "s1", seconds: float = 0.4, pcm: bytes | None = None) -> None:
        """A whole voice segment, without waiting for the turn."""
        await self.send("start_speaking", stamp=stamp)
        audio = pcm if pcm is not None else b"\x01\x02" * int(16_000 * seconds)
        for at in range(0, len(audio), 640):
            await self.send("speaking_part", data=base64.b64encode(audio[at : at + 640]).decode())
        await self.send("end_speaking", stamp=stamp)

    async def next(self, timeout: float = 60.0) -> dict[str, Any]:
        frame = check_frame(await asyncio.wait_for(self.socket.receive_str(), timeout), "live")
        self.frames.append(frame)
        self.at.append(time.monotonic())
        return frame

    async def until(self, t: str, timeout: float = 60.0) -> list[dict[str, Any]]:
        """Frames up to and with the first of that type."""
        found = [await self.next(timeout)]
        while found[-1]["t"] != t:
            found.append(await self.next(timeout))
        return found

    async def quiet(self, seconds: float = 0.3) -> list[dict[str, Any]]:
        """What else comes before nothing has come for a while."""
        found: list[dict[str, Any]] = []
        while True:
            try:
                found.append(await self.next(seconds))
            except TimeoutError:
                return found


def texts(frames: list[dict[str, Any]], t: str) -> str:
    """The joined texts of one type of frame."""
    return "".join(frame["data"]["text"] for frame in frames if frame["t"] == t)


def kinds(frames: list[dict[str, Any]]) -> list[str]:
    """Types of frames, repetitions folded."""
    found: list[str] = []
    for frame in frames:
        if not found or found[-1] != frame["t"]:
            found.append(frame["t"])
    return found

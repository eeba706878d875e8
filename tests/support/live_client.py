"""A WebSocket client that checks every frame it gets against the schema of the protocol."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal

import websockets

from tests.support.frames import check_frame

PATIENCE = 60.0
"""Seconds a test waits for a frame."""


class CheckedSocket:
    """A connection whose frames are validated and kept."""

    def __init__(self, socket: Any, protocol: Literal["live", "chat"]) -> None:
        self.socket = socket
        self.protocol: Literal["live", "chat"] = protocol
        self.seen: list[dict[str, Any]] = []

    async def send(self, frame: Mapping[str, Any] | str | bytes) -> None:
        """Send a frame."""
        await self.socket.send(frame if isinstance(frame, str | bytes) else json.dumps(frame))

    async def next(self) -> Any:
        """The next frame (binary ones as bytes)."""
        async with asyncio.timeout(PATIENCE):  # ``wait_for`` would be a task each time, on Python 3.11
            raw = await self.socket.recv()
        if isinstance(raw, bytes):
            return raw
        frame = check_frame(raw, self.protocol)
        self.seen.append(frame)
        return frame

    async def until(self, kind: str) -> list[Any]:
        """Frames up to and with the next one of that ``t`` or ``type``."""
        frames: list[Any] = []
        while True:
            frame = await self.next()
            frames.append(frame)
            if isinstance(frame, dict) and kind in (frame.get("t"), frame.get("type")):
                return frames

    async def speak(self, pcm: bytes, stamp: str = "s1") -> None:
        """A whole voice segment, in frames of 20 ms."""
        await self.send({"t": "start_speaking", "stamp": stamp})
        for start in range(0, len(pcm), 640):
            data = base64.b64encode(pcm[start : start + 640]).decode()
            await self.send({"t": "speaking_part", "data": data})
        await self.send({"t": "end_speaking", "stamp": stamp})

    async def closed(self) -> tuple[int, str]:
        """Wait for the close; its code and reason."""
        try:
            while True:
                async with asyncio.timeout(PATIENCE):
                    await self.socket.recv()
        except websockets.ConnectionClosed as error:
            return (error.rcvd.code, error.rcvd.reason) if error.rcvd else (1006, "")


@asynccontextmanager
async def connect(
    url: str, *, protocol: Literal["live", "chat"] = "live", headers: Mapping[str, str] | None = None, **options: Any
) -> AsyncIterator[CheckedSocket]:
    """Open a checked connection."""
    async with websockets.connect(url, additional_headers=headers, max_size=None, **options) as socket:
        yield CheckedSocket(socket, protocol)


def texts(frames: list[Any], kind: str) -> str:
    """The joined texts of all frames of that kind."""
    return "".join(frame["data"]["text"] for frame in frames if isinstance(frame, dict) and frame.get("t") == kind)


def kinds(frames: list[Any]) -> list[str]:
    """The kinds of frames, in order."""
    return [frame.get("type") or frame.get("t") if isinstance(frame, dict) else "binary" for frame in frames]

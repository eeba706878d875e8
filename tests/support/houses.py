"""The whole application on scripted providers, and raw connections to it."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import aiohttp

from astrbot_like.host.app import Application
from tests.support.applications import application, make_key, sign_in
from tests.support.frames import check_frame

FAKES = Path(__file__).parent / "fake_providers"
HANDSHAKE = 120.0
"""Seconds a busy machine may take for a handshake."""


class House(NamedTuple):
    """A running application and credentials for it."""

    app: Application
    url: str
    token: str
    key: str
    data: Path
    stop: Callable[[], Awaitable[None]]

    def ws(self, path: str, **query: str) -> str:
        """Address of a WebSocket with the fitting credential."""
        from urllib.parse import urlencode

        credential = {"api_key": self.key} if path.startswith("/api/v1/") else {"token": self.token}
        return self.url.replace("http", "ws", 1) + path + "?" + urlencode({**credential, **query})


@asynccontextmanager
async def scripted_house(
    data: Path, *, chat: dict[str, Any] | None = None, stt: dict[str, Any] | None = None, **parts: Any
) -> AsyncIterator[House]:
    """Serve the application with the providers of ``fake_providers``."""
    shutil.copytree(FAKES, data / "plugins" / "fake_providers", dirs_exist_ok=True)
    providers = [
        {"id": "chat", "type": "fake_chat", **(chat or {})},
        {"id": "ears", "type": "fake_stt", **(stt or {})},
        {"id": "mouth", "type": "fake_tts"},
    ]
    profiles = {"default": {"llm": ["chat"], "stt": ["ears"], "tts": ["mouth"], **parts.pop("profile", {})}}
    async with application(data, providers=providers, profiles=profiles, **parts) as running:
        async with aiohttp.ClientSession(running.url) as http:
            token, key = await sign_in(http), await make_key(http, "chat", "file")
        yield House(running.app, running.url, token, key, data, running.stop)


class RawSocket:
    """A WebSocket client without manners: it sends any bytes and reads only when asked to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, url: str) -> RawSocket:
        """Complete a handshake."""
        parts = urlsplit(url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=2**16)
        key = base64.b64encode(os.urandom(16)).decode()
        writer.write(
            f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), HANDSHAKE)
        assert b" 101 " in answer.split(b"\r\n")[0] + b" ", answer
        return cls(reader, writer)

    def frame(self, opcode: int, payload: bytes, *, fin: bool = True, masked: bool = True) -> bytes:
        """A frame of RFC 6455."""
        size = len(payload)
        head = bytes([(0x80 if fin else 0) | opcode])
        bit = 0x80 if masked else 0
        if size < 126:
            head += bytes([bit | size])
        elif size < 2**16:
            head += bytes([bit | 126]) + struct.pack("!H", size)
        else:
            head += bytes([bit | 127]) + struct.pack("!Q", size)
        if not masked:
            return head + payload
        mask = os.urandom(4)
        return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))

    async def text(self, text: str) -> None:
        """Send a text frame."""
        await self.send(self.frame(1, text.encode()))

    async def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    async def read_frame(self) -> tuple[int, bytes]:
        """The next frame: opcode and payload."""
        head = await self.reader.readexactly(2)
        size = head[1] & 0x7F
        if size == 126:
            [size] = struct.unpack("!H", await self.reader.readexactly(2))
        elif size == 127:
            [size] = struct.unpack("!Q", await self.reader.readexactly(8))
        opcode, payload = head[0] & 0x0F, await self.reader.readexactly(size)
        if opcode == 1:
            check_frame(payload)
        return opcode, payload

    async def close_code(self, seconds: float = 30.0) -> int | None:
        """Read on to the close frame; None when the connection ends without one."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    opcode, payload = await self.read_frame()
                    if opcode == 8:
                        return struct.unpack("!H", payload[:2])[0] if len(payload) >= 2 else 1005
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    def vanish(self) -> None:
        """Cut the connection without a word (a reset)."""
        self.writer.transport.abort()

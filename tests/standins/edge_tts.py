"""Microsoft Edge's read-aloud service as the library edge-tts speaks to it.

Source: the library itself (https://github.com/rany2/edge-tts, ``communicate.py``): frames ``speech.config`` and
``ssml`` in; ``turn.start``, binary frames with a two-byte header length, and ``turn.end`` out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from aiohttp import web

from tests.standins.base import Cut, StandIn

FRAMES = 200
SAMPLES_OF_A_FRAME = 576
# One silent frame of MPEG-2 layer III, 48 kbit/s, 24 kHz, mono (ISO/IEC 13818-3): header, then nothing but zeros.
FRAME = b"\xff\xf3\x64\xc4" + bytes(140)


@dataclass
class EdgeStandIn(StandIn):
    """Says ``FRAMES`` frames of silence for any text, and nothing at all for the voice of nobody."""

    key: str = ""
    ssml: str = ""

    def routes(self) -> Iterable[web.RouteDef]:
        return [web.get("/edge/v1", self._serve), web.get("/voices/list", self._voices)]

    def key_of(self, request: web.Request) -> str:
        return ""

    def error(self, status: int, message: str) -> web.Response:
        return web.Response(status=status, text=message)

    async def _voices(self, request: web.Request) -> web.Response:
        voice = {
            "ShortName": "en-US-EmmaMultilingualNeural",
            "FriendlyName": "Emma",
            "Locale": "en-US",
            "Gender": "Female",
            "VoiceTag": {},
        }
        return web.json_response([voice])

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        assert "speech.config" in await socket.receive_str()
        self.ssml = await socket.receive_str()
        await socket.send_str("X-RequestId:1\r\nPath:turn.start\r\n\r\n{}")
        head = b"X-RequestId:1\r\nContent-Type:audio/mpeg\r\nPath:audio\r\n"
        try:
            if "Nobody" not in self.ssml:
                async for piece in self.paced([FRAME * 5] * (FRAMES // 5)):
                    await socket.send_bytes(len(head).to_bytes(2, "big") + head + piece)
            await socket.send_str("X-RequestId:1\r\nPath:turn.end\r\n\r\n{}")
        except Cut:
            assert request.transport is not None
            request.transport.abort()
        return socket

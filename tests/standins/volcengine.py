"""Volcano Engine's speech services.

Source: https://www.volcengine.com/docs/6561/1354869 (the recogniser) and https://www.volcengine.com/docs/6561/1257584:
binary frames of ``/api/v1/tts/ws_binary``, parameters, codes and their texts. A wrong token is refused with 401 already
when the socket is opened.
"""

from __future__ import annotations

import base64
import gzip
import json
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.standins.base import Cut, Recorded, StandIn
from tests.standins.speech_services import TRANSCRIPT, pieces, speech

GOOD, INVALID, BUSY, TOO_LONG = 3000, 3001, 3003, 3010


@dataclass
class VolcengineStandIn(StandIn):
    """Speaks, streamed over the WebSocket or at once over HTTP, and hears ``TRANSCRIPT`` in any sound.

    Attributes:
        refusal: Code and text to refuse every request with, within the protocol.
    """

    refusal: tuple[int, str] | None = None

    def routes(self) -> Iterable[web.RouteDef]:
        return [
            web.post("/api/v1/tts", self._at_once),
            web.post("/gateway", self._at_once),
            web.get("/api/v1/tts/ws_binary", self._streamed),
            web.get("/api/v3/sauc/bigmodel_async", self._listen),
        ]

    def key_of(self, request: web.Request) -> str:
        if "X-Api-Access-Key" in request.headers:
            return request.headers["X-Api-Access-Key"]
        return request.headers.get("Authorization", "").removeprefix("Bearer;").strip()

    def error(self, status: int, message: str) -> web.Response:
        texts = {401: "authenticate request: load grant: requested grant not found"}
        codes = {401: INVALID, 429: BUSY}
        body = {"reqid": "", "code": codes.get(status, 3031), "message": texts.get(status, message), "sequence": 0}
        return web.json_response(body, status=status)

    def out_of_quota(self) -> web.Response:
        return web.json_response(
            {"code": INVALID, "message": "quota exceeded for types: text_words_lifetime"}, status=429
        )

    async def _at_once(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if refused := self._flaw(body, "query"):
            return web.json_response({"reqid": "", "code": refused[0], "message": refused[1]})
        data = base64.b64encode(speech(body["request"]["text"])).decode()
        answer = {"reqid": body["request"]["reqid"], "code": GOOD, "message": "Success", "sequence": -1, "data": data}
        return web.json_response(answer)

    async def _streamed(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        frame = await socket.receive_bytes()
        assert frame[:4] == b"\x11\x10\x10\x00" and struct.unpack_from(">I", frame, 4)[0] == len(frame) - 8
        body = json.loads(frame[8:])
        self.requests[-1] = Recorded(request.path, dict(request.headers), {}, body)
        if refused := self._flaw(body, "submit"):
            text = gzip.compress(json.dumps({"reqid": "", "code": refused[0], "message": refused[1]}).encode())
            await socket.send_bytes(b"\x11\xf0\x11\x00" + struct.pack(">II", refused[0], len(text)) + text)
            return socket
        await socket.send_bytes(b"\x11\xb0\x00\x00")  # an acknowledgement
        parts = pieces(speech(body["request"]["text"]))
        numbered = [(-number if number == len(parts) else number, part) for number, part in enumerate(parts, 1)]
        try:
            async for sequence, part in self.paced(numbered):
                flags = b"\xb1" if sequence > 0 else b"\xb3"
                await socket.send_bytes(b"\x11" + flags + b"\x00\x00" + struct.pack(">iI", sequence, len(part)) + part)
        except Cut:
            assert request.transport is not None
            request.transport.abort()
        return socket

    async def _listen(self, request: web.Request) -> web.WebSocketResponse:
        assert request.headers["X-Api-App-Key"] and request.headers["X-Api-Resource-Id"].startswith("volc.")
        assert request.headers["X-Api-Connect-Id"]
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        begun = await socket.receive_bytes()
        assert begun[:4] == b"\x11\x10\x10\x00"
        wanted = json.loads(begun[8:])
        assert wanted["request"]["model_name"] == "bigmodel" and wanted["audio"]["rate"] == 16000
        await socket.send_bytes(_answer(1, ""))
        words = TRANSCRIPT.split()
        async for message in socket:
            head, size = message.data[:4], struct.unpack_from(">I", message.data, 4)[0]
            assert size == len(message.data) - 8 and head[0] == 0x11 and head[1] in (0x20, 0x22)
            if head[1] == 0x22:
                break
            self.heard += size
            await socket.send_bytes(_answer(2, words[0]))
        else:
            raise ConnectionResetError("the client left before it had said all")
        if not self.heard:
            await socket.send_bytes(b"\x11\xf0\x10\x00" + struct.pack(">II", 45000002, 2) + b"{}")
            return socket
        try:
            async for count in self.paced(range(1, len(words))):
                await socket.send_bytes(_answer(count + 2, " ".join(words[:count])))
            await socket.send_bytes(_answer(-9, TRANSCRIPT))
        except Cut:
            assert request.transport is not None
            request.transport.abort()
        return socket

    def _flaw(self, body: dict[str, Any], operation: str) -> tuple[int, str] | None:
        if self.refusal:
            return self.refusal
        if body["request"]["operation"] != operation or not body["app"]["appid"] or not body["app"]["token"]:
            return INVALID, "invalid request"
        if body["audio"]["encoding"] != "pcm" or not 0.2 <= body["audio"]["speed_ratio"] <= 3:
            return INVALID, "invalid audio parameters"
        if len(body["request"]["text"].encode()) > 1024:
            return TOO_LONG, "text too long"
        return None


def _answer(sequence: int, text: str) -> bytes:
    """A full response with the whole text so far, compressed like the service's."""
    payload = gzip.compress(json.dumps({"audio_info": {"duration": 100}, "result": {"text": text}}).encode())
    flags = b"\x91" if sequence > 0 else b"\x93"
    return b"\x11" + flags + b"\x11\x00" + struct.pack(">iI", sequence, len(payload)) + payload

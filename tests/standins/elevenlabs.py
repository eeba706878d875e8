"""ElevenLabs' speech services.

Source: https://elevenlabs.io/docs/api-reference/text-to-speech/stream, …/voices/get-all,
…/speech-to-text/v-1-speech-to-text-realtime, https://elevenlabs.io/docs/eleven-api/resources/errors,
https://help.elevenlabs.io/hc/en-us/articles/19572237925521 (bodies of refusals), and the official client
(https://github.com/elevenlabs/elevenlabs-python).
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.standins.base import Cut, Reported, StandIn
from tests.standins.speech_services import TRANSCRIPT, pieces, speech

LONGEST_TEXT = 10_000
LEAST_TO_COMMIT = 9600
"""Bytes of 0.3 s at 16 kHz."""


@dataclass
class ElevenLabsStandIn(StandIn):
    """Speaks, lists its voices, and hears ``TRANSCRIPT`` in any sound, a word for each piece."""

    def routes(self) -> Iterable[web.RouteDef]:
        return [
            web.post("/v1/text-to-speech/{voice}/stream", self._speak),
            web.get("/v1/voices", self._voices),
            web.get("/v1/speech-to-text/realtime", self._listen),
        ]

    def key_of(self, request: web.Request) -> str:
        return request.headers.get("xi-api-key", "")

    def error(self, status: int, message: str) -> web.Response:
        names = {401: "invalid_api_key", 404: "voice_not_found", 429: "too_many_concurrent_requests"}
        return web.json_response({"detail": {"status": names.get(status, "error"), "message": message}}, status=status)

    def out_of_quota(self) -> web.Response:
        message = "This request exceeds your quota. You have 0 credits remaining."
        return web.json_response({"detail": {"status": "quota_exceeded", "message": message}}, status=401)

    async def refuse_for_quota(self, request: web.Request) -> web.StreamResponse:
        if not request.path.endswith("/realtime"):
            return self.out_of_quota()
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"message_type": "quota_exceeded", "error": "You have 0 credits remaining."})
        return socket

    async def _voices(self, request: web.Request) -> web.Response:
        voice = {"voice_id": "v1", "name": "George", "labels": {"gender": "male"}}
        return web.json_response({"voices": [voice]})

    async def _speak(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("output_format") != "pcm_24000":
            return self.error(400, "the stand-in speaks pcm_24000 only")
        if request.match_info["voice"] == "no-such-voice":
            return self.error(404, "A voice with that id was not found.")
        body: dict[str, Any] = await request.json()
        if not body.get("text") or len(body["text"]) > LONGEST_TEXT:
            return self.error(400, "text is missing or too long")
        if not 0.7 <= body.get("voice_settings", {}).get("speed", 1.0) <= 1.2:
            return self.error(400, "speed is out of its bounds")
        return await self.stream(request, pieces(speech(body["text"])), content_type="audio/pcm")

    async def _listen(self, request: web.Request) -> web.WebSocketResponse:
        query = request.query
        assert (query["audio_format"], query["commit_strategy"]) == ("pcm_16000", "manual")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"message_type": "session_started", "session_id": "1", "config": dict(query)})
        if query["model_id"] == "no-such-model":
            await socket.send_json({"message_type": "input_error", "error": "unknown model"})
            return socket
        words = TRANSCRIPT.split()
        await self._hear(socket, words)
        try:
            await self._commit(socket, words)
        except Cut:
            assert request.transport is not None
            request.transport.abort()
        except Reported:
            await socket.send_json({"message_type": "transcriber_error", "error": "told to fail here"})
        return socket

    async def _hear(self, socket: web.WebSocketResponse, words: list[str]) -> None:
        said = 0
        async for frame in socket:
            chunk = frame.json()
            assert (chunk["message_type"], chunk["sample_rate"]) == ("input_audio_chunk", 16000)
            if chunk["commit"]:
                return
            self.heard += len(base64.b64decode(chunk["audio_base_64"]))
            said = min(said + 1, len(words) - 1)
            await socket.send_json({"message_type": "partial_transcript", "text": " ".join(words[:said])})
        raise ConnectionResetError("the client left before it had said all")

    async def _commit(self, socket: web.WebSocketResponse, words: list[str]) -> None:
        if self.heard < LEAST_TO_COMMIT:
            await socket.send_json({"message_type": "commit_throttled", "error": "too little uncommitted audio"})
            return
        async for count in self.paced(range(1, len(words))):
            await socket.send_json({"message_type": "partial_transcript", "text": " ".join(words[:count])})
        await socket.send_json({"message_type": "committed_transcript", "text": TRANSCRIPT})

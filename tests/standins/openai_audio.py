"""OpenAI's audio and embedding interfaces.

Source: https://platform.openai.com/docs/api-reference/audio (createSpeech, createTranscription), …/embeddings, …/models
and …/guides/error-codes; "pcm" is 24 kHz, 16-bit signed little-endian, without a header.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from astrbot_like.api.kit.wav import wav_header
from tests.standins.base import Recorded, StandIn
from tests.standins.speech_services import TRANSCRIPT, pieces, speech

RATE = 24000
LONGEST_INPUT = 4096
MOST_TEXTS = 2048
FORMATS = ("flac", "mp3", "mp4", "mpeg", "mpga", "m4a", "ogg", "wav", "webm")


@dataclass
class OpenAIAudioStandIn(StandIn):
    """Speaks in ``formats``, hears ``TRANSCRIPT`` in any sound, and embeds texts by their length."""

    formats: tuple[str, ...] = ("pcm", "wav")
    always_wav: bool = False

    def routes(self) -> Iterable[web.RouteDef]:
        return [
            web.post("/v1/audio/speech", self._speak),
            web.post("/v1/audio/transcriptions", self._transcribe),
            web.post("/v1/embeddings", self._embed),
            web.get("/v1/models", self._models),
        ]

    def key_of(self, request: web.Request) -> str:
        return request.headers.get("Authorization", "").removeprefix("Bearer ")

    def error(self, status: int, message: str) -> web.Response:
        codes = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}
        body = {"message": message, "type": "invalid_request_error", "param": None, "code": codes.get(status)}
        return web.json_response({"error": body}, status=status)

    def out_of_quota(self) -> web.Response:
        body = {
            "message": "You exceeded your current quota, please check your plan and billing details.",
            "type": "insufficient_quota",
            "param": None,
            "code": "insufficient_quota",
        }
        return web.json_response({"error": body}, status=429)

    async def _models(self, request: web.Request) -> web.Response:
        names = ("tts-1", "whisper-1", "text-embedding-3-small")
        data = [{"id": name, "object": "model", "created": 1, "owned_by": "openai"} for name in names]
        return web.json_response({"object": "list", "data": data})

    async def _speak(self, request: web.Request) -> web.StreamResponse:
        body: dict[str, Any] = await request.json()
        if not {"model", "input", "voice"} <= set(body) or len(body["input"]) > LONGEST_INPUT:
            return self.error(400, "model, input (up to 4096 characters) and voice are required")
        if not 0.25 <= body.get("speed", 1.0) <= 4.0:
            return self.error(400, "speed is out of its bounds")
        if body["model"] == "no-such-model":
            return self.error(404, "The model `no-such-model` does not exist")
        wanted = body.get("response_format", "mp3")
        if wanted not in self.formats:
            return self.error(400, f"response_format {wanted} is not supported")
        pcm = speech(body["input"])
        if wanted == "pcm" and not self.always_wav:
            return await self.stream(request, pieces(pcm), content_type="audio/pcm")
        return await self.stream(request, [wav_header(RATE, len(pcm)), *pieces(pcm)], content_type="audio/wav")

    async def _transcribe(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        upload = form.get("file")
        if not isinstance(upload, web.FileField) or not form.get("model"):
            return self.error(400, "file and model are required")
        if upload.filename.rpartition(".")[2] not in FORMATS:
            return self.error(400, "Invalid file format.")
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
        self.requests[-1] = Recorded(request.path, dict(request.headers), {}, {**fields, "filename": upload.filename})
        return web.json_response({"text": TRANSCRIPT})

    async def _embed(self, request: web.Request) -> web.StreamResponse:
        body: dict[str, Any] = await request.json()
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        if not texts or len(texts) > MOST_TEXTS or not all(texts):
            return self.error(400, "input must be 1 to 2048 texts, none of them empty")
        data = [
            {"object": "embedding", "index": index, "embedding": [float(len(text))] * body.get("dimensions", 4)}
            for index, text in enumerate(texts)
        ]
        usage = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
        # The order is told by index, not by place.
        return web.json_response({"object": "list", "data": data[::-1], "model": body["model"], "usage": usage})

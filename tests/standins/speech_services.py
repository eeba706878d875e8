"""Stand-ins for the speech services over HTTP.

Sources: Azure https://learn.microsoft.com/azure/ai-services/speech-service/rest-text-to-speech and
…/rest-speech-to-text-short;
GPT-SoVITS https://github.com/RVC-Boss/GPT-SoVITS (``api_v2.py``).
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable
from dataclasses import dataclass

from aiohttp import web

from astrbot_like.api.kit.wav import wav_header
from tests.standins.base import StandIn

PIECES = 20
PIECE_SAMPLES = 480
SOVITS_LANGUAGES = ("auto", "auto_yue", "en", "zh", "ja", "yue", "ko", "all_zh", "all_ja", "all_yue", "all_ko")
SOVITS_CUTS = ("cut0", "cut1", "cut2", "cut3", "cut4", "cut5")
TRANSCRIPT = "What time is it?"


def speech(text: str) -> bytes:
    """Samples that only this text has: a ramp from its length on."""
    return array("h", ((index + len(text)) % 8192 for index in range(PIECES * PIECE_SAMPLES))).tobytes()


def pieces(pcm: bytes) -> list[bytes]:
    """The samples in uneven pieces, some of them ending within a sample."""
    size = PIECE_SAMPLES * 2 + 1
    return [pcm[start : start + size] for start in range(0, len(pcm), size)]


@dataclass
class AzureStandIn(StandIn):
    """Text to speech, voices, and recognition of short audio."""

    status: str = "Success"

    def routes(self) -> Iterable[web.RouteDef]:
        return [
            web.post("/cognitiveservices/v1", self._speak),
            web.get("/cognitiveservices/voices/list", self._voices),
            web.post("/speech/recognition/conversation/cognitiveservices/v1", self._recognise),
        ]

    def key_of(self, request: web.Request) -> str:
        return request.headers.get("Ocp-Apim-Subscription-Key", "")

    def error(self, status: int, message: str) -> web.Response:
        return web.Response(text=message, status=status)

    async def _voices(self, request: web.Request) -> web.Response:
        voice = {"ShortName": "en-US-JennyNeural", "LocalName": "Jenny", "Locale": "en-US", "Gender": "Female"}
        return web.json_response([voice])

    async def _speak(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("X-Microsoft-OutputFormat") != "raw-24khz-16bit-mono-pcm":
            return self.error(400, "unknown output format")
        ssml = (await request.read()).decode()
        self.requests[-1].body = ssml
        found = re.search(r"<prosody[^>]*>(.*?)</prosody>", ssml)
        if found is None:
            return self.error(400, "SSML is not valid")
        return await self.stream(request, pieces(speech(found.group(1))), content_type="audio/pcm")

    async def _recognise(self, request: web.Request) -> web.Response:
        if request.query.get("language") != "en-US" or "audio/" not in request.headers.get("Content-Type", ""):
            return self.error(400, "no language, or no audio")
        chunked = request.headers.get("Transfer-Encoding") == "chunked"
        if chunked and request.headers.get("Expect") != "100-continue":
            return self.error(400, "Expect: 100-continue is required with chunks")
        head = await request.content.readexactly(4)
        if head == b"RIFF":
            header = head + await request.content.readexactly(40)
            assert header[:44] == wav_header(16000, 0) or not chunked
        async for piece in request.content.iter_any():
            self.heard += len(piece)
        return web.json_response({"RecognitionStatus": self.status, "DisplayText": TRANSCRIPT, "Offset": 0})


@dataclass
class GptSovitsStandIn(StandIn):
    """Speech as WAV whose header comes first, with the weights routes."""

    key: str = ""

    def routes(self) -> Iterable[web.RouteDef]:
        return [
            web.post("/tts", self._speak),
            web.get("/set_gpt_weights", self._weights),
            web.get("/set_sovits_weights", self._weights),
        ]

    def key_of(self, request: web.Request) -> str:
        return ""

    def error(self, status: int, message: str) -> web.Response:
        return web.json_response({"message": "tts failed", "Exception": message}, status=status)

    async def _weights(self, request: web.Request) -> web.Response:
        path = request.query.get("weights_path")
        if not path or "nothing" in path:
            return web.json_response({"message": "change weight failed", "Exception": f"no file {path}"}, status=400)
        return web.json_response({"message": "success"})

    async def _speak(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        for name in ("ref_audio_path", "text", "text_lang", "prompt_lang"):
            if not body.get(name):
                return web.json_response({"message": f"{name} is required"}, status=400)
        if body["text_lang"] not in SOVITS_LANGUAGES or body["prompt_lang"] not in SOVITS_LANGUAGES:
            return web.json_response({"message": "text_lang is not supported in version v2"}, status=400)
        if body["media_type"] != "wav" or body["text_split_method"] not in SOVITS_CUTS:
            return web.json_response({"message": "not supported"}, status=400)
        if body["streaming_mode"] not in (0, 1, 2, 3):
            return web.json_response({"message": "the value of streaming_mode must be 0, 1, 2, 3"}, status=400)
        pcm = speech(body["text"])
        if not body["streaming_mode"]:
            return web.Response(body=wav_header(32000, len(pcm)) + pcm, content_type="audio/wav")
        header = wav_header(32000, 0)  # a stream does not know its length
        whole = [header[:20], header[20:] + pcm[:1], *pieces(pcm[1:])]
        return await self.stream(request, whole, content_type="audio/wav")

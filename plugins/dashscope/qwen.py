"""Qwen-TTS: https://www.alibabacloud.com/help/en/model-studio/qwen-tts-api (HTTP, ``X-DashScope-SSE: enable``).

Each event holds a piece of the sound in Base64, bare samples of 24 kHz; the last one says why it is the last.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator
from contextlib import aclosing
from urllib.parse import urlsplit

import msgspec

from astrbot_like.api.kit.http import HttpService

from .wire import authorised, kind_of_code

RATE = 24000
VOICE = "Cherry"
_PATH = "/api/v1/services/aigc/multimodal-generation/generation"


class Audio(msgspec.Struct):
    """A piece of sound; the last one has an address of the whole instead."""

    data: str = ""


class Output(msgspec.Struct):
    """What an event brings."""

    audio: Audio | None = None
    finish_reason: str | None = None


class Event(msgspec.Struct):
    """An event, or the report of a failure."""

    output: Output | None = None
    code: str = ""
    message: str = ""


_DECODER = msgspec.json.Decoder(Event)


def is_qwen(model: str) -> bool:
    """Whether a model speaks this interface, and not CosyVoice's."""
    return model.startswith("qwen") and "tts" in model


async def speech(http: HttpService, key: str, model: str, text: str, voice: str) -> AsyncGenerator[bytes, None]:
    """The samples of a text as they come.

    Args:
        http: The service, at whatever path.

    Raises:
        ServiceError: It failed, or broke off.
    """
    place = urlsplit(http.base_url)
    url = f"{place.scheme.replace('ws', 'http')}://{place.netloc}{_PATH}"
    body = {"model": model, "input": {"text": text, "voice": voice or VOICE, "language_type": "Auto"}}
    headers = {**authorised(key), "X-DashScope-SSE": "enable"}
    async with aclosing(http.events(url, headers=headers, body=body, model=model)) as batches:
        async for batch in batches:
            for data in batch:
                try:
                    event = _DECODER.decode(data)
                    piece = base64.b64decode(event.output.audio.data) if event.output and event.output.audio else b""
                except ValueError as error:  # of JSON, UTF-8 and Base64
                    raise http.blame.nonsense() from error
                if event.code:
                    raise http.blame.said(f"{event.code}: {event.message}", kind_of_code(event.code))
                if piece:
                    yield piece
                if event.output and event.output.finish_reason == "stop":
                    return
    raise http.blame.cut()

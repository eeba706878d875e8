"""Bases for speech providers that talk to a service."""

from __future__ import annotations

import asyncio
import uuid
from abc import abstractmethod
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

from astrbot_like.api.kit import options
from astrbot_like.api.kit.attempts import Attempts
from astrbot_like.api.kit.errors import Blame, Failure
from astrbot_like.api.kit.http import HttpService
from astrbot_like.api.kit.wav import wav_bytes
from astrbot_like.api.paths import get_astrbot_temp_path
from astrbot_like.api.provider import AbstractProvider, STTProvider, TTSProvider
from astrbot_like.domain.errors import ProviderError

_FIRST_PIECE_SECONDS = 0.04
_PIECE_SECONDS = 0.2


class PcmTTSProvider(TTSProvider):
    """A TTS provider whose engine gives 16-bit mono PCM piece by piece.

    A subclass implements ``synthesise``. Speech goes on as it arrives: the first piece as soon as 40 ms are there,
    later ones by 200 ms, so that the listener hears the start while the rest is still being made.
    """

    service = "The speech service"

    def __init__(self, provider_config: dict[str, Any], provider_settings: dict[str, Any]) -> None:
        super().__init__(provider_config, provider_settings)
        self.blame = Blame(str(provider_config.get("id", "")), self.service)
        self.sample_rate = 24000

    @abstractmethod
    def synthesise(self, text: str) -> AsyncGenerator[bytes, None]:
        """Speech for a text: 16-bit little-endian mono PCM at ``sample_rate``, in pieces of any length."""

    def speech(self, text: str) -> AsyncGenerator[bytes, None]:
        """What ``synthesise`` gives; services let another key take over where one is refused."""
        return self.synthesise(text)

    def support_stream(self) -> bool:
        """It streams."""
        return True

    async def get_audio(self, text: str) -> str:
        """The path of a WAV file in the temporary directory, which is the caller's to delete."""
        pcm = bytearray()
        async with aclosing(self.speech(text)) as pieces:
            async for piece in pieces:
                pcm += piece
        if not pcm:
            raise self.blame.nonsense("no sound for that text")
        path = temp_path("wav")
        await asyncio.to_thread(_write, path, wav_bytes(bytes(pcm[: len(pcm) & ~1]), self.sample_rate))
        return str(path)

    async def get_audio_stream(
        self,
        text_queue: asyncio.Queue[str | None],
        audio_queue: asyncio.Queue[bytes | tuple[str, bytes] | None],
    ) -> None:
        """Speech for each text: ``(text, wav)`` for its first piece, ``wav`` for the others, and None at the end.

        Raises:
            ProviderError: The engine failed; the end mark is put all the same.
        """
        try:
            while (text := await text_queue.get()) is not None:
                if not text.strip():
                    continue
                first = True
                async with aclosing(self._pieces(text)) as pieces:
                    async for piece in pieces:
                        wav = wav_bytes(piece, self.sample_rate)
                        await audio_queue.put((text, wav) if first else wav)
                        first = False
        except ProviderError:
            await audio_queue.put(None)
            raise
        await audio_queue.put(None)

    async def _pieces(self, text: str) -> AsyncGenerator[bytes, None]:
        """The speech in pieces of whole samples that are worth a frame of their own."""
        wanted = int(self.sample_rate * _FIRST_PIECE_SECONDS) * 2
        gathered = bytearray()
        async with aclosing(self.speech(text)) as pieces:
            async for piece in pieces:
                gathered += piece
                if len(gathered) >= wanted:
                    whole = len(gathered) & ~1
                    yield bytes(gathered[:whole])
                    del gathered[:whole]
                    wanted = int(self.sample_rate * _PIECE_SECONDS) * 2
        if len(gathered) >= 2:
            yield bytes(gathered[: len(gathered) & ~1])

    async def test(self) -> None:
        """Speak a word."""
        path = await self.get_audio("hello")
        await asyncio.to_thread(Path(path).unlink, missing_ok=True)


class RemoteSpeech(AbstractProvider):
    """What speech providers over HTTP or WebSocket share: keys, connections, the model.

    Config:
        api_key: One key or several; the next one is taken when one is refused or used up.
        api_base, timeout (seconds), proxy, model.
    """

    service = "The speech service"
    default_base = ""
    default_model = ""
    default_timeout = 20.0
    key_options = ("key", "api_key")
    """Names of the options that hold keys."""

    def __init__(self, provider_config: dict[str, Any], provider_settings: dict[str, Any]) -> None:
        super().__init__(provider_config, provider_settings)
        self.blame = Blame(str(provider_config.get("id", "")), self.service)
        self.ring = options.KeyRing(options.keys(provider_config, *self.key_options))
        self.http = HttpService(
            self.tidy_base(options.text(provider_config, "api_base", default=self.default_base)),
            self.blame,
            timeout=options.number(provider_config, "timeout", default=self.default_timeout),
            proxy=options.text(provider_config, "proxy"),
            kind_of=self.kind_of,
        )
        self.set_model(options.model(provider_config, self.default_model))

    @staticmethod
    def tidy_base(base: str) -> str:
        """The base URL as requests need it."""
        return base

    def kind_of(self, status: int, body: bytes) -> Failure | None:
        """What kind of failure a refusal is, where the service means something of its own by its status."""
        return None

    async def terminate(self) -> None:
        """Close the connections."""
        await self.http.aclose()


class ServiceTTSProvider(RemoteSpeech, PcmTTSProvider):
    """A TTS provider over HTTP or WebSocket; its configuration is that of ``RemoteSpeech``."""

    def speech(self, text: str) -> AsyncGenerator[bytes, None]:
        """What ``synthesise`` gives, with another key where one is refused before the first sound."""
        return Attempts(self.ring).items(lambda: self.synthesise(text))


class ServiceSTTProvider(RemoteSpeech, STTProvider):
    """A speech recogniser over HTTP or WebSocket; its configuration is that of ``RemoteSpeech``."""

    default_timeout = 60.0

    async def test(self) -> None:
        """Have half a second of a soft tone recognised: the service answers, whatever it hears in it."""
        path = temp_path("wav")
        await asyncio.to_thread(_write, path, wav_bytes(_tone(), 16000))
        try:
            await self.get_text(str(path))
        finally:
            await asyncio.to_thread(path.unlink, missing_ok=True)


def temp_path(extension: str) -> Path:
    """A new name in the temporary directory of the host."""
    directory = Path(get_astrbot_temp_path())
    return directory / f"speech-{uuid.uuid4().hex}.{extension}"


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _tone() -> bytes:
    from array import array
    from math import sin, tau

    return array("h", (int(800 * sin(tau * 220 * index / 16000)) for index in range(8000))).tobytes()

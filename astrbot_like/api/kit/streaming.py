"""Bases for recognisers whose service listens while the user speaks."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable

from astrbot_like.api.audio import decode_media
from astrbot_like.api.kit import options
from astrbot_like.api.kit.attempts import Attempts
from astrbot_like.api.kit.errors import ServiceError
from astrbot_like.api.kit.media import load_media
from astrbot_like.api.kit.sockets import ServiceSocket
from astrbot_like.api.kit.speech_provider import ServiceSTTProvider
from astrbot_like.api.speech import StreamingSTTProvider, STTStream

RATE = 16000
"""Hz of the sound that goes up: mono, signed 16-bit little-endian."""
_MOST_QUEUED = 1500  # pieces of 20 ms: half a minute that the network may lag behind
_PIECES_OF_A_FILE = 500


class ServiceUtterance(ABC):
    """One utterance on its way to a service: sound goes up as it comes, text comes down.

    A subclass implements ``run``, which sends what ``pieces`` gives and tells what it hears with ``hear``. When a key
    is refused, it runs again with the next one and the sound so far.

    Args:
        provider: The recogniser.
        on_partial: Called on the event loop with the text so far.
    """

    def __init__(self, provider: ServiceSTTProvider, on_partial: Callable[[str], None] | None) -> None:
        self.provider = provider
        self.blame = provider.blame
        self.partial = on_partial
        self.said_all = False
        """Whether all of the sound was taken for sending."""
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._overrun = False
        self._sentences: list[str] = []
        self._open_sentence = ""
        self._keeps = len(provider.ring.all) > 1
        self._kept: list[bytes] = []
        recognised = Attempts(provider.ring).result(self._run_from_the_start)
        self._task = asyncio.create_task(recognised, name=f"utterance of {self.blame.provider_id}")
        # Whoever drops the utterance does not want to know why it failed.
        self._task.add_done_callback(lambda task: task.cancelled() or task.exception())

    @abstractmethod
    async def run(self) -> None:
        """Carry the utterance to the service and its text back.

        Raises:
            ServiceError: The service failed.
        """

    def push(self, pcm: bytes) -> None:
        """Add sound; never blocks."""
        if self._queue.qsize() < _MOST_QUEUED:
            self._queue.put_nowait(pcm)
        else:
            self._overrun = True

    async def finish(self) -> str:
        """The text of the whole.

        Raises:
            ServiceError: The service failed, or could not follow.
        """
        self._queue.put_nowait(None)
        try:
            await self._task
        finally:
            await self.abort()
        if self._overrun:
            raise self.blame.timeout("answer fast enough to follow the speech")
        return self._text()

    async def abort(self) -> None:
        """Drop the utterance; idempotent."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def pieces(self, least: int = 0) -> AsyncIterator[bytes]:
        """The sound as it comes, gathered to pieces of at least so many bytes; the last one may be shorter."""
        gathered = b""
        async for pcm in self._taken():
            gathered += pcm
            if gathered and len(gathered) >= least:
                yield gathered
                gathered = b""
        if gathered:
            yield gathered

    def hear(self, text: str, *, final: bool) -> None:
        """Take in what the service heard of the sentence that is being spoken.

        Args:
            text: All of that sentence so far.
            final: The sentence is complete; the next text is of another one.
        """
        self._open_sentence = "" if final else text
        if final and text:
            self._sentences.append(text)
        if text and self.partial is not None:
            self.partial(self._text())

    async def _run_from_the_start(self) -> None:
        self._sentences, self._open_sentence = [], ""
        await self.run()

    async def _taken(self) -> AsyncIterator[bytes]:
        for pcm in tuple(self._kept):
            yield pcm
        while not self.said_all:
            if (pcm := await self._queue.get()) is None:
                self.said_all = True
                return
            if self._keeps:
                self._kept.append(pcm)
            yield pcm

    def _text(self) -> str:
        parts = [part.strip() for part in (*self._sentences, self._open_sentence) if part.strip()]
        return (" " if any(part[-1].isascii() for part in parts) else "").join(parts)


class SocketUtterance(ServiceUtterance):
    """An utterance over a WebSocket."""

    piece_bytes = 0
    """Least size of a piece of sound, for services that want larger ones than they come in."""

    @abstractmethod
    def address(self) -> tuple[str, dict[str, str]]:
        """Path (or whole address) and headers."""

    async def begin(self, socket: ServiceSocket) -> None:
        """Say what is wanted, before the first sound."""

    @abstractmethod
    async def send(self, socket: ServiceSocket, pcm: bytes) -> None:
        """Send a piece of sound."""

    @abstractmethod
    async def end(self, socket: ServiceSocket) -> None:
        """Say that nothing more comes."""

    @abstractmethod
    def take(self, frame: str | bytes) -> bool:
        """Take in a frame of the service; whether it was the last.

        Raises:
            ServiceError: It reports a failure, or is none of the protocol.
        """

    async def run(self) -> None:
        """Send and receive at once, until the service has said its last."""
        path, headers = self.address()
        async with self.provider.http.websocket(path, headers=headers) as socket:
            await self.begin(socket)
            sending = asyncio.create_task(self._send_all(socket), name="uplink of an utterance")
            try:
                while not self.take(await self._received(socket)):
                    pass
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)

    async def _send_all(self, socket: ServiceSocket) -> None:
        async for pcm in self.pieces(self.piece_bytes):
            await self.send(socket, pcm)
        await self.end(socket)

    async def _received(self, socket: ServiceSocket) -> str | bytes:
        while True:
            said_all = self.said_all
            try:
                return await socket.expect()
            except ServiceError as error:
                if error.failure != "timeout" or said_all:
                    raise  # otherwise the user is silent, not the service


class StreamingServiceSTTProvider(ServiceSTTProvider, StreamingSTTProvider):
    """A recogniser over a service that listens while the user speaks.

    A subclass implements ``open_stream``; a recording goes the same way.
    """

    async def get_text(self, audio_url: str) -> str:
        """The transcript of a recording of any rate; formats other than WAV need ffmpeg."""
        media = await load_media(audio_url)
        pcm = (await decode_media(media.data, rate=RATE)).data
        utterance: STTStream = self.open_stream()
        size = max(RATE // 10, -(-len(pcm) // 2 // _PIECES_OF_A_FILE)) * 2
        for start in range(0, len(pcm), size):
            utterance.push(pcm[start : start + size])
        try:
            return await utterance.finish()
        finally:
            await utterance.abort()

    def language_of(self, language: str | None, default: str = "") -> str:
        """The language tag to ask for: that of the session, else the configured one."""
        return language or options.text(self.provider_config, "language", default=default)

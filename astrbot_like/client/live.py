"""Live voice over one socket."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import msgspec

from astrbot_like.client.errors import Refused
from astrbot_like.client.transport import Socket
from astrbot_like.dashboard.live import frames as f

FRAME_MS = 20
INPUT_BYTES = 16_000 * 2 * FRAME_MS // 1000
"""Bytes of one audio frame to the server: 20 ms at 16 kHz, mono s16le."""

_decode = msgspec.json.Decoder(f.LiveOutFrame).decode


class Turn(msgspec.Struct):
    """Everything of one turn, put together.

    Attributes:
        heard: What the turn understood the user to say.
        text: The reply.
        spoken: The texts that were spoken, joined.
        audio: The chunks of speech as they came (each a complete WAV file, or raw PCM when negotiated).
        metrics: All figures, in seconds.
        errors: Codes and texts.
        interrupted: The turn was stopped.
    """

    heard: str = ""
    text: str = ""
    spoken: str = ""
    audio: list[bytes] = []
    metrics: dict[str, float | str] = {}
    errors: list[tuple[str, str]] = []
    media: list[f.MediaData] = []
    interrupted: bool = False


class LiveSocket:
    """A live connection; make one with ``BotClient.live``."""

    def __init__(self, socket: Socket, *, binary: bool = False) -> None:
        self._socket = socket
        self._binary = binary
        self._stamps = 0

    async def start_speaking(self, stamp: str | None = None) -> str:
        """Begin a voice segment; returns its stamp."""
        self._stamps += 1
        stamp = stamp or f"s{self._stamps}"
        await self._socket.send(f.StartSpeaking(stamp))
        return stamp

    async def audio(self, pcm: bytes) -> None:
        """Send a piece of speech: 16 kHz mono s16le."""
        if self._binary:
            await self._socket.send(pcm)
        else:
            await self._socket.send({"t": "speaking_part", "data": base64.b64encode(pcm).decode()})

    async def end_speaking(self, stamp: str) -> None:
        """Finish the segment; the turn begins."""
        await self._socket.send(f.EndSpeaking(stamp))

    async def say(self, pcm: bytes) -> None:
        """A whole segment at once, in frames of 20 ms."""
        stamp = await self.start_speaking()
        for start in range(0, len(pcm), INPUT_BYTES):
            await self.audio(pcm[start : start + INPUT_BYTES])
        await self.end_speaking(stamp)

    async def text(self, text: str) -> None:
        """A turn from text."""
        await self._socket.send({"t": "text_input", "text": text})

    async def message(self, parts: Sequence[Mapping[str, Any]]) -> None:
        """A turn from parts (docs/live-protocol.md)."""
        await self._socket.send({"t": "text_input", "message": list(parts)})

    async def interrupt(self) -> None:
        """Stop the running turn."""
        await self._socket.send(f.Interrupt())

    async def playback(self, played_ms: float) -> None:
        """Tell how much of the running reply has been played."""
        await self._socket.send(f.Playback(f.PlaybackData(played_ms)))

    async def update(self, **options: Any) -> None:
        """Change options of the connection; ``session_updated`` answers."""
        await self._socket.send({"t": "session_update", "data": options})

    async def ping(self) -> None:
        """Ask for a ``pong``."""
        await self._socket.send(f.Ping())

    async def next(self) -> f.LiveOutFrame | bytes:
        """The next frame; binary audio as bytes. Kinds this client does not know are left out.

        Raises:
            ConnectionClosed: The connection is closed.
        """
        while True:
            raw = await self._socket.receive()
            if isinstance(raw, bytes):
                return raw
            try:
                return _decode(raw)
            except msgspec.ValidationError:
                frame = msgspec.json.decode(raw)
                if isinstance(frame, dict) and frame.get("type") == "error":
                    raise Refused(str(frame.get("code")), str(frame.get("data"))) from None

    async def frames(self) -> AsyncIterator[f.LiveOutFrame | bytes]:
        """Frames until the connection is closed."""
        while True:
            yield await self.next()

    async def turn(self) -> Turn:
        """Read to the end of the running turn.

        Raises:
            ConnectionClosed: The connection was lost before.
        """
        turn = Turn()
        while True:
            frame = await self.next()
            if isinstance(frame, f.End):
                return turn
            _add(turn, frame)


def _add(turn: Turn, frame: f.LiveOutFrame | bytes) -> None:
    match frame:
        case bytes():
            turn.audio.append(frame)
        case f.Response():
            turn.audio.append(frame.data)
        case f.BotDeltaChunk():
            turn.text += frame.data.text
        case f.BotTextChunk():
            turn.spoken += frame.data.text
        case f.UserMsg():
            turn.heard = frame.data.text
        case f.Metrics():
            turn.metrics.update(frame.data)
        case f.Error():
            turn.errors.append((frame.code, frame.data))
        case f.ImageFrame() | f.RecordFrame() | f.FileFrame() | f.VideoFrame():
            turn.media.append(frame.data)
        case f.StopPlay():
            turn.interrupted = True
        case _:
            pass

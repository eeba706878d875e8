"""Live mode between frames and calls: raw frame → call on the session, event → raw frames. Nothing here waits."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from typing import Any, Literal, NoReturn, TypeAlias, assert_never

import msgspec

from astrbot_like.dashboard import wire_errors
from astrbot_like.dashboard.live import frames as f
from astrbot_like.dashboard.parts import check_text_length, parse_parts, parse_text
from astrbot_like.domain import events as e
from astrbot_like.domain.audio import OUTPUT_RATE, SAMPLE_WIDTH
from astrbot_like.domain.errors import InvalidAudio, InvalidMessageFormat, TooLarge
from astrbot_like.domain.live import LiveSessionPort
from astrbot_like.domain.messages import MediaKind, display_text
from astrbot_like.runtime.ids import new_id

AudioFormat: TypeAlias = Literal["wav", "pcm16"]

RATES = (16_000, 24_000, 48_000)
"""Sampling rates a client may negotiate, in Hz."""

STAMP_REQUIRED = "stamp is required"
TEXT_REQUIRED = "message must be non-empty text"
PARTS_REQUIRED = "message must include plain text or attachment_id media"
BINARY_REFUSED = "Binary frames need the connection option binary=1"

MEDIA_FRAMES: dict[MediaKind, type[f.ImageFrame] | type[f.RecordFrame] | type[f.FileFrame] | type[f.VideoFrame]] = {
    "image": f.ImageFrame,
    "record": f.RecordFrame,
    "file": f.FileFrame,
    "video": f.VideoFrame,
}


class AudioOptions(msgspec.Struct, frozen=True):
    """How a connection negotiated its speech.

    Attributes:
        format: ``wav``: every chunk is a complete file; ``pcm16``: raw samples.
        rate: Hz.
        binary: Audio travels in binary frames, both ways.
    """

    format: AudioFormat = "wav"
    rate: int = OUTPUT_RATE
    binary: bool = False


class LiveDecoder:
    """From a raw frame to a typed one, validated in the same step."""

    def __init__(self) -> None:
        self._decode = msgspec.json.Decoder(f.LiveInFrame).decode

    def decode(self, raw: str) -> f.LiveInFrame:
        """The frame.

        Raises:
            InvalidMessageFormat: Not JSON, not an object, an unknown ``t``, a field missing or of the wrong type.
            InvalidAudio: ``data`` of ``speaking_part`` is not Base64.
        """
        try:
            return self._decode(raw)
        except msgspec.ValidationError as error:
            self._explain(raw, error)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            raise InvalidMessageFormat(wire_errors.NOT_JSON) from None

    @staticmethod
    def _explain(raw: str, error: msgspec.ValidationError) -> NoReturn:
        frame = wire_errors.read_object(raw)
        kind: Any = frame.get("t")
        if kind in ("start_speaking", "end_speaking"):
            stamp = frame.get("stamp")
            if not isinstance(stamp, str) or not stamp:
                raise InvalidMessageFormat(STAMP_REQUIRED) from None
        if kind == "speaking_part":
            data = frame.get("data")
            if data is None:
                raise InvalidMessageFormat("data is required") from None
            if isinstance(data, str) and isinstance(frame.get("ct", ""), str):
                raise InvalidAudio from None
        wire_errors.explain(frame, error, key="t", known=tuple(IN_TAGS))


IN_TAGS = {str(cls.__struct_config__.tag): cls for cls in f.LiveInFrame.__args__}
"""Frame classes by the name they have on the wire."""


def apply(frame: f.LiveInFrame, session: LiveSessionPort, *, max_text: int) -> e.LiveEvent | None:
    """Call what ``frame`` asks for.

    Returns:
        An answer that needs no session, if the frame has one.

    Raises:
        BotError: The frame was refused.
    """
    match frame:
        case f.SpeakingPart():
            push_audio(frame.data, session)
        case f.StartSpeaking():
            session.start_speaking(frame.stamp)
        case f.EndSpeaking():
            session.end_speaking(frame.stamp)
        case f.TextInput():
            _input(frame, session, max_text)
        case f.Interrupt():
            session.interrupt()
        case f.Ping():
            return e.Pong()
        case f.Playback():
            session.playback(frame.data.played_ms)
        case f.SessionUpdate():
            session.update(frame.data.changes())
        case _:
            assert_never(frame)
    return None


def push_audio(pcm: bytes, session: LiveSessionPort) -> None:
    """Hand raw samples to the session.

    Raises:
        InvalidAudio: Half a sample, or more than one segment may hold.
    """
    if len(pcm) % SAMPLE_WIDTH:
        raise InvalidAudio("Audio must be whole 16-bit samples; the byte count is odd")
    if pcm:
        try:
            session.audio(pcm)
        except TooLarge as error:
            raise InvalidAudio(error.message) from None


def _input(frame: f.TextInput, session: LiveSessionPort, max_text: int) -> None:
    if isinstance(frame.message, list):
        parts = parse_parts(frame.message, empty=PARTS_REQUIRED)
    elif frame.message is not None and not isinstance(frame.message, str):
        raise InvalidMessageFormat("message must be list")
    else:
        parts = parse_text(frame.text if frame.message is None else frame.message, empty=TEXT_REQUIRED)
    check_text_length(parts, max_text)
    session.input(parts, display_text(parts))


class LiveWire:
    """From events to raw frames for one connection.

    It remembers what the frames of a turn depend on: its message id, whether speech was sent, and whether it was
    interrupted (nothing of the reply may follow ``stop_play``, whatever is still under way).

    Args:
        audio: The negotiated options.
        now_ms: Milliseconds since the epoch.
    """

    def __init__(self, audio: AudioOptions, now_ms: Callable[[], int] = lambda: int(time.time() * 1000)) -> None:
        self._audio = audio
        self._now_ms = now_ms
        self._encode = msgspec.json.Encoder().encode
        self._message_id = ""
        self._spoke = False
        self._stopped = False
        self._texts: list[str] = []

    def frames(self, event: e.LiveEvent) -> tuple[str | bytes, ...]:
        """What the client is sent for ``event``: text frames as ``str``, binary ones as ``bytes``."""
        match event:
            case e.SpeechChunk():
                return () if self._stopped else (self._speech(event),)
            case e.TextDelta():
                return () if self._stopped else (self._text(f.BotDeltaChunk(f.TextData(event.text))),)
            case e.ReplyText():
                return self._reply_text(event)
            case e.TurnStarted():
                self._begin(event.message_id)
                return ()
            case e.TurnEnded():
                return self._end(event)
            case _:
                frame = self._plain_frame(event)
                return () if frame is None else (self._text(frame),)

    def _plain_frame(self, event: e.LiveEvent) -> f.LiveOutFrame | None:
        match event:
            case e.SpokenText():
                return None if self._stopped else f.BotTextChunk(f.TextData(event.text))
            case e.UserMessageSaved():
                return f.UserMsg(f.MessageData(event.text, event.ts))
            case e.MetricsReported():
                return f.Metrics(event.values)
            case e.ToolCallStarted():
                return None if self._stopped else f.ToolCall(tool_call_json(event), self._turn_message_id())
            case e.ToolCallFinished():
                return None if self._stopped else f.ToolCallResult(tool_result_json(event), self._turn_message_id())
            case e.MediaReply():
                data = f.MediaData(event.attachment_id, event.filename, event.kind)
                return None if self._stopped else MEDIA_FRAMES[event.kind](data, self._turn_message_id())
            case e.TurnFailed() | e.SessionFailed():
                return f.Error(event.message, wire_errors.live_code(event.code))
            case e.TurnInterrupted():
                self._stopped = True
                return f.StopPlay()
            case e.UserPartial():
                return f.UserPartialFrame(f.TextData(event.text))
            case e.SpeechStarted():
                return f.SpeechStartedFrame(f.TimeData(event.ts))
            case e.SpeechStopped():
                return f.SpeechStoppedFrame(f.TimeData(event.ts))
            case e.PlaybackPaused():
                return f.PausePlay()
            case e.PlaybackResumed():
                return f.ResumePlay()
            case e.SessionUpdated():
                return f.SessionUpdatedFrame(event.options)
            case e.Pong():
                return f.PongFrame()
            case e.ReasoningDelta() | e.AgentStats() | e.BotMessageSaved():
                return None
            case e.SpeechChunk() | e.TextDelta() | e.ReplyText() | e.TurnStarted() | e.TurnEnded():
                return None  # ``frames`` deals with these
            case _:
                assert_never(event)

    def _text(self, frame: f.LiveOutFrame) -> str:
        return self._encode(frame).decode()

    def _speech(self, event: e.SpeechChunk) -> str | bytes:
        self._spoke = True
        data = event.pcm if self._audio.format == "pcm16" else wav_header(len(event.pcm), event.rate) + event.pcm
        return data if self._audio.binary else self._text(f.Response(data))

    def _reply_text(self, event: e.ReplyText) -> tuple[str, ...]:
        """Text that was not streamed is one delta, so that the deltas of a turn always give the whole reply."""
        if self._stopped:
            return ()
        lead = "\n" if self._texts and not event.streamed else ""
        self._texts.append(lead + event.text)
        if event.streamed or not event.text:
            return ()
        return (self._text(f.BotDeltaChunk(f.TextData(lead + event.text))),)

    def _begin(self, message_id: str) -> None:
        self._message_id = message_id
        self._spoke = False
        self._stopped = False
        self._texts = []

    def _turn_message_id(self) -> str:
        if not self._message_id:
            self._message_id = new_id()
        return self._message_id

    def _end(self, event: e.TurnEnded) -> tuple[str, ...]:
        text = "".join(self._texts)
        end = self._text(f.End())
        silent = event.outcome != "interrupted" and not self._stopped and not self._spoke and bool(text)
        self._begin("")
        if not silent:
            return (end,)
        return self._text(f.BotMsg(f.MessageData(text, self._now_ms()))), end


def tool_call_json(event: e.ToolCallStarted) -> str:
    """``data`` of a tool call's frame."""
    return msgspec.json.encode({"id": event.id, "name": event.name, "args": event.args, "ts": event.ts}).decode()


def tool_result_json(event: e.ToolCallFinished) -> str:
    """``data`` of a tool result's frame."""
    return msgspec.json.encode({"id": event.id, "ts": event.ts, "result": event.result, "ok": event.ok}).decode()


def wav_header(size: int, rate: int) -> bytes:
    """The 44 bytes in front of ``size`` bytes of mono s16le that make a complete WAV file of them."""
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, 1, rate, rate * SAMPLE_WIDTH, SAMPLE_WIDTH, 16, b"data", size),
    )

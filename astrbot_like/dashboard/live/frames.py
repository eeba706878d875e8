"""Frames of the live mode, as they stand on the wire (docs/live-protocol.md)."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from astrbot_like.domain.live import TurnDetection

Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=256)]

# --- client to server ------------------------------------------------------------------------------


class _In(msgspec.Struct, frozen=True, tag_field="t"):
    """``ct`` of the frames tells live from chat on the endpoint that carries both."""


class StartSpeaking(_In, frozen=True, tag="start_speaking"):
    """Begin a voice segment."""

    stamp: Annotated[str, Meta(min_length=1)]
    ct: str = "live"


class SpeakingPart(_In, frozen=True, tag="speaking_part"):
    """One audio frame of the segment: Base64 of 16 kHz mono s16le, decoded by the JSON decoder itself."""

    data: bytes
    ct: str = "live"


class EndSpeaking(_In, frozen=True, tag="end_speaking"):
    """Finish the segment with that stamp and start a turn."""

    stamp: Annotated[str, Meta(min_length=1)]
    ct: str = "live"


class TextInput(_In, frozen=True, tag="text_input"):
    """A turn from text or parts; ``message`` wins when both are there."""

    text: Any = None
    message: Any = None
    ct: str = "live"


class Interrupt(_In, frozen=True, tag="interrupt"):
    """Stop the running turn now."""

    ct: str = "live"


class Ping(_In, frozen=True, tag="ping"):
    """Keep-alive."""

    ct: str = "live"


class PlaybackData(msgspec.Struct, frozen=True):
    """How much of the running reply's speech has been played, in milliseconds."""

    played_ms: Annotated[float, Meta(ge=0)]


class Playback(_In, frozen=True, tag="playback"):
    """Report of the playback position."""

    data: PlaybackData
    ct: str = "live"


class UpdateData(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Options of the connection; what is absent stays, null is the profile's choice again."""

    turn_detection: TurnDetection | UnsetType = UNSET
    barge_in: bool | UnsetType = UNSET
    partial_transcripts: bool | UnsetType = UNSET
    stt_provider: Name | UnsetType | None = UNSET
    llm_provider: Name | UnsetType | None = UNSET
    model: Name | UnsetType | None = UNSET
    tts_provider: Name | UnsetType | None = UNSET
    voice: Name | UnsetType | None = UNSET
    language: Name | UnsetType | None = UNSET
    locale: Name | UnsetType | None = UNSET
    persona: Name | UnsetType | None = UNSET
    session_id: Name | UnsetType = UNSET

    def changes(self) -> dict[str, Any]:
        """The options that were given."""
        return {name: value for name in self.__struct_fields__ if (value := getattr(self, name)) is not UNSET}


class SessionUpdate(_In, frozen=True, tag="session_update"):
    """Change options of this connection."""

    data: UpdateData
    ct: str = "live"


LiveInFrame: TypeAlias = (
    StartSpeaking | SpeakingPart | EndSpeaking | TextInput | Interrupt | Ping | Playback | SessionUpdate
)

# --- server to client ------------------------------------------------------------------------------


class _Out(msgspec.Struct, frozen=True, tag_field="t"):
    pass


class TextData(msgspec.Struct, frozen=True):
    """``data`` of frames that carry text."""

    text: str


class MessageData(msgspec.Struct, frozen=True):
    """``data`` of whole messages; ``ts`` is milliseconds since the epoch."""

    text: str
    ts: int


class TimeData(msgspec.Struct, frozen=True):
    """``data`` of frames that mark a moment, in milliseconds since the epoch."""

    ts: int


class Metrics(_Out, frozen=True, tag="metrics"):
    """Figures of the turn as they become known (times in seconds)."""

    data: dict[str, float | str]


class UserMsg(_Out, frozen=True, tag="user_msg"):
    """What the turn understood the user to say."""

    data: MessageData


class UserPartialFrame(_Out, frozen=True, tag="user_partial"):
    """Interim recognition, with ``partial_transcripts``."""

    data: TextData


class BotDeltaChunk(_Out, frozen=True, tag="bot_delta_chunk"):
    """A raw model delta."""

    data: TextData


class BotTextChunk(_Out, frozen=True, tag="bot_text_chunk"):
    """The phrase that the next ``response`` frames speak."""

    data: TextData


class Response(_Out, frozen=True, tag="response"):
    """One chunk of speech, Base64 on the wire: a complete WAV file, or raw PCM when negotiated."""

    data: bytes


class BotMsg(_Out, frozen=True, tag="bot_msg"):
    """The whole reply of a turn that produced no audio."""

    data: MessageData


class ToolCall(_Out, frozen=True, tag="tool_call"):
    """The model calls a tool; ``data`` is a JSON string with ``id``, ``name``, ``args``, ``ts``."""

    data: str
    message_id: str
    chain_type: Literal["tool_call"] = "tool_call"
    streaming: bool = True


class ToolCallResult(_Out, frozen=True, tag="tool_call_result"):
    """A tool answered; ``data`` is a JSON string with ``id``, ``result``, ``ts``, ``ok``."""

    data: str
    message_id: str
    chain_type: Literal["tool_call_result"] = "tool_call_result"
    streaming: bool = True


class MediaData(msgspec.Struct, frozen=True):
    """A stored attachment of the reply."""

    attachment_id: str
    filename: str
    type: str


class ImageFrame(_Out, frozen=True, tag="image"):
    """The bot sent an image."""

    data: MediaData
    message_id: str
    chain_type: None = None
    streaming: bool = False


class RecordFrame(_Out, frozen=True, tag="record"):
    """The bot sent a piece of audio."""

    data: MediaData
    message_id: str
    chain_type: None = None
    streaming: bool = False


class FileFrame(_Out, frozen=True, tag="file"):
    """The bot sent a file."""

    data: MediaData
    message_id: str
    chain_type: None = None
    streaming: bool = False


class VideoFrame(_Out, frozen=True, tag="video"):
    """The bot sent a video."""

    data: MediaData
    message_id: str
    chain_type: None = None
    streaming: bool = False


class StopPlay(_Out, frozen=True, tag="stop_play"):
    """The turn was interrupted: drop queued audio."""


class SpeechStartedFrame(_Out, frozen=True, tag="speech_started"):
    """Server turn detection heard speech begin."""

    data: TimeData


class SpeechStoppedFrame(_Out, frozen=True, tag="speech_stopped"):
    """Server turn detection heard speech end."""

    data: TimeData


class PausePlay(_Out, frozen=True, tag="pause_play"):
    """A possible interruption is being judged: hold the playback."""


class ResumePlay(_Out, frozen=True, tag="resume_play"):
    """It was none: go on playing."""


class Error(_Out, frozen=True, tag="error"):
    """Something was refused or failed; ``data`` is for the person, ``code`` for the program."""

    data: str
    code: str


class End(_Out, frozen=True, tag="end"):
    """The turn is over: exactly one for each accepted turn."""


class PongFrame(_Out, frozen=True, tag="pong"):
    """Answer to ``ping``."""


class SessionUpdatedFrame(_Out, frozen=True, tag="session_updated"):
    """The effective options."""

    data: dict[str, Any]


LiveOutFrame: TypeAlias = (
    Metrics
    | UserMsg
    | UserPartialFrame
    | BotDeltaChunk
    | BotTextChunk
    | Response
    | BotMsg
    | ToolCall
    | ToolCallResult
    | ImageFrame
    | RecordFrame
    | FileFrame
    | VideoFrame
    | StopPlay
    | SpeechStartedFrame
    | SpeechStoppedFrame
    | PausePlay
    | ResumePlay
    | Error
    | End
    | PongFrame
    | SessionUpdatedFrame
)

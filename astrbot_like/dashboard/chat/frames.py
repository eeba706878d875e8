"""Frames of the chat mode, as they stand on the wire (docs/chat-protocol.md)."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

LONGEST_NAME = 256
"""Characters of a name that a client gives."""

ClientId: TypeAlias = Annotated[str, Meta(max_length=LONGEST_NAME, pattern=r"^[^\x00-\x1f\x7f]*$(?!\n)")]
"""A name that a client gives to a session or a request: it is stored, logged and sent back."""

Locale: TypeAlias = Annotated[str, Meta(max_length=64)]
"""A BCP 47 tag of what the client's screen shows: the house's own texts come in that language."""

ChainType: TypeAlias = Literal["reasoning", "tool_call", "tool_call_result"]

# --- client to server ------------------------------------------------------------------------------


class _In(msgspec.Struct, frozen=True, tag_field="t"):
    """``ct`` may be left out on a connection that is fixed to chat."""


class Bind(_In, frozen=True, tag="bind"):
    """Subscribe to a session; with ``after``, stored messages with a greater history id come first."""

    session_id: Any = None
    after: Annotated[int, Meta(ge=0, le=2**53)] | None = None
    ct: str = "chat"


class Send(_In, frozen=True, tag="send"):
    """A message. ``message`` is a list of parts (checked by hand: its error texts are part of the protocol)."""

    message: Any = None
    session_id: ClientId | None = None
    message_id: ClientId | None = None
    username: str | None = None
    selected_provider: str | None = None
    selected_model: str | None = None
    enable_streaming: bool = True
    persona_prompt: str | None = None
    show_reasoning: bool = False
    locale: Locale | None = None
    ct: str = "chat"


class ChatInterrupt(_In, frozen=True, tag="interrupt"):
    """Stop one request, or all of this connection."""

    message_id: str | None = None
    session_id: Any = None
    ct: str = "chat"


class ChatPing(_In, frozen=True, tag="ping"):
    """Keep-alive."""

    ct: str = "chat"


ChatInFrame: TypeAlias = Bind | Send | ChatInterrupt | ChatPing

# --- server to client ------------------------------------------------------------------------------


class _Out(msgspec.Struct, frozen=True, tag_field="type", kw_only=True):
    """Fields that every frame of a request carries. ``ct`` stands on the chat sockets only."""

    ct: Literal["chat"] | UnsetType = UNSET
    message_id: str | UnsetType = UNSET
    session_id: str | UnsetType = UNSET


class SavedData(msgspec.Struct, frozen=True):
    """A durable message: its history id and UTC ISO 8601 time with ``Z``."""

    id: int
    created_at: str


class UserSavedData(msgspec.Struct, frozen=True, omit_defaults=True):
    """A durable message of the user; subscribers who did not send it get its parts, too."""

    id: int
    created_at: str
    message: tuple[dict[str, Any], ...] = ()


class UserMessageSavedFrame(_Out, frozen=True, tag="user_message_saved", kw_only=True):
    """The user's message is durable."""

    data: UserSavedData


class Plain(_Out, frozen=True, tag="plain", kw_only=True):
    """Text of the reply, streamed or whole; tool calls and results as JSON strings."""

    data: str
    streaming: bool
    chain_type: ChainType | None = None


class ImageMedia(_Out, frozen=True, tag="image", kw_only=True):
    """An image: ``[IMAGE]name``."""

    data: str
    streaming: bool = False


class RecordMedia(_Out, frozen=True, tag="record", kw_only=True):
    """A piece of audio: ``[RECORD]name``."""

    data: str
    streaming: bool = False


class FileMedia(_Out, frozen=True, tag="file", kw_only=True):
    """A file: ``[FILE]name``."""

    data: str
    streaming: bool = False


class VideoMedia(_Out, frozen=True, tag="video", kw_only=True):
    """A video: ``[VIDEO]name``."""

    data: str
    streaming: bool = False


class AttachmentData(msgspec.Struct, frozen=True):
    """The id under which the media just sent can be fetched."""

    id: str
    type: str


class AttachmentSaved(_Out, frozen=True, tag="attachment_saved", kw_only=True):
    """The attachment id of the media just sent."""

    data: AttachmentData


class UsageData(msgspec.Struct, frozen=True):
    """Tokens of the reply."""

    input_other: int
    input_cached: int
    output: int
    total: int


class StatsData(msgspec.Struct, frozen=True):
    """Figures of the model's run; times in seconds since the epoch, the first token's a duration."""

    time_to_first_token: float
    start_time: float
    end_time: float
    token_usage: UsageData
    provider: str = ""
    model: str = ""


class AgentStatsFrame(_Out, frozen=True, tag="agent_stats", kw_only=True):
    """Figures of the model's run."""

    data: StatsData


class Complete(_Out, frozen=True, tag="complete", kw_only=True):
    """The end of a stream, with the whole text."""

    data: str
    reasoning: str = ""
    streaming: bool = True


ReplyFrame: TypeAlias = (
    Plain | ImageMedia | RecordMedia | FileMedia | VideoMedia | AttachmentSaved | AgentStatsFrame | Complete
)


class RunningRequest(msgspec.Struct, frozen=True):
    """A request under way: its name, and as frames what was told of its reply so far, each stretch of text joined."""

    message_id: str
    frames: tuple[ReplyFrame, ...]


class SessionBound(_Out, frozen=True, tag="session_bound", kw_only=True):
    """Answer to ``bind``; ``message_id`` names the subscription (``ws_sub_…``).

    Attributes:
        running: To a ``bind`` with ``after``: the session's requests under way, when there are any.
    """

    running: tuple[RunningRequest, ...] | UnsetType = UNSET


class MessageSaved(_Out, frozen=True, tag="message_saved", kw_only=True):
    """The bot's message is durable."""

    data: SavedData


class ChatEnd(_Out, frozen=True, tag="end", kw_only=True):
    """The request is over: exactly one, last."""

    data: str = ""
    streaming: bool = False


class ChatPong(_Out, frozen=True, tag="pong", kw_only=True):
    """Answer to ``ping``."""


class SessionIdFrame(_Out, frozen=True, tag="session_id", kw_only=True):
    """First event of an Open API stream: where the message went."""

    data: None = None


class ChatError(msgspec.Struct, frozen=True, tag_field="t", tag="error", kw_only=True):
    """Something was refused or failed. On Open API streams ``type`` says ``error``, too."""

    type: Literal["error"] | UnsetType = UNSET
    ct: Literal["chat"] | UnsetType = UNSET
    code: str
    data: str
    message_id: str | UnsetType = UNSET
    session_id: str | UnsetType = UNSET


ChatTypedFrame: TypeAlias = (
    SessionBound
    | UserMessageSavedFrame
    | Plain
    | ImageMedia
    | RecordMedia
    | FileMedia
    | VideoMedia
    | AttachmentSaved
    | AgentStatsFrame
    | Complete
    | MessageSaved
    | ChatEnd
    | ChatPong
    | SessionIdFrame
)
ChatOutFrame: TypeAlias = ChatTypedFrame | ChatError

CHAT_FRAMES = (_Out, ChatError)
"""For ``isinstance``: two classes are looked at rather than the whole union, for each frame of a live socket."""
